"""Each fault of the proxy, seen from a client of an echoing server."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from proofs.processes import free_port
from proofs.proxy import Proxy

pytestmark = pytest.mark.stack

SILENCE_SECONDS = 0.3
PATIENCE_SECONDS = 20.0


heard: list[bytes] = []


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            heard.append(line)
            with suppress(ConnectionError):  # the point of some tests
                self.wfile.write(line)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    heard.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Proxy(server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()


def connect(proxy: Proxy) -> "closing[socket.socket]":
    line = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE_SECONDS)
    return closing(line)


def ask(line: socket.socket, text: bytes) -> bytes:
    """The whole answer of an echo; raises what a client meets."""
    line.sendall(text)
    answer = b""
    while len(answer) < len(text):
        piece = line.recv(65_536)
        if not piece:
            raise EOFError
        answer += piece
    return answer


def test_passes_on_what_is_said_and_that_it_ends(proxy: Proxy) -> None:
    with connect(proxy) as line:
        assert ask(line, b"one\n") == b"one\n"
        assert ask(line, b"x" * 300_000 + b"\n")[-2:] == b"x\n"
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""


def test_delays_each_piece(proxy: Proxy) -> None:
    proxy.up.delay_seconds = proxy.down.delay_seconds = 0.2
    with connect(proxy) as line:
        started = time.monotonic()
        ask(line, b"one\n")
        assert time.monotonic() - started >= 0.4


def test_throttles(proxy: Proxy) -> None:
    proxy.down.bytes_per_second = 10_000
    with connect(proxy) as line:
        started = time.monotonic()
        ask(line, b"x" * 3_999 + b"\n")
        assert time.monotonic() - started >= 0.4


def test_cuts_questions_after_some_bytes(proxy: Proxy) -> None:
    proxy.up.cut_after = 5
    with connect(proxy) as line, pytest.raises((ConnectionResetError, EOFError)):
        ask(line, b"one two\n")

    assert b"one two\n" not in heard


def test_cuts_answers_after_some_bytes(proxy: Proxy) -> None:
    proxy.down.cut_after = 9
    with connect(proxy) as line:
        assert ask(line, b"one two\n") == b"one two\n"
        with pytest.raises((ConnectionResetError, EOFError)):
            ask(line, b"three\n")

    assert heard == [b"one two\n", b"three\n"]


def test_is_silent_on_an_open_line_and_goes_on(proxy: Proxy) -> None:
    with connect(proxy) as line:
        ask(line, b"one\n")
        proxy.down.is_silent = True
        line.settimeout(SILENCE_SECONDS)
        with pytest.raises(TimeoutError):
            ask(line, b"two\n")
        assert heard == [b"one\n", b"two\n"]

        line.settimeout(PATIENCE_SECONDS)
        proxy.calm()
        assert line.recv(4) == b"two\n"


def test_resets_open_lines_and_takes_new_ones(proxy: Proxy) -> None:
    with connect(proxy) as line:
        ask(line, b"one\n")
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with connect(proxy) as line:
        assert ask(line, b"two\n") == b"two\n"


def test_refuses_new_lines_only(proxy: Proxy) -> None:
    with connect(proxy) as old:
        ask(old, b"one\n")
        proxy.refuses = True
        with pytest.raises((ConnectionError, EOFError)), connect(proxy) as line:
            ask(line, b"two\n")
        assert ask(old, b"three\n") == b"three\n"
    assert heard == [b"one\n", b"three\n"]


def test_loses_the_answer_of_what_was_done(proxy: Proxy) -> None:
    proxy.lose_answers(b"COMMIT", times=1, skip=1)
    with connect(proxy) as line:
        assert ask(line, b"COMMIT 1\n") == b"COMMIT 1\n"
        with pytest.raises(ConnectionResetError):
            ask(line, b"COMMIT 2\n")
    with connect(proxy) as line:
        assert ask(line, b"COMMIT 3\n") == b"COMMIT 3\n"

    assert heard == [b"COMMIT 1\n", b"COMMIT 2\n", b"COMMIT 3\n"]
    assert proxy.lost_answers == 1


def test_resets_whoever_comes_while_nobody_is_behind_it() -> None:
    with (
        Proxy(free_port()) as proxy,
        pytest.raises((ConnectionError, EOFError)),
        connect(proxy) as line,
    ):
        ask(line, b"one\n")
