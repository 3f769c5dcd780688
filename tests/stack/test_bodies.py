"""W9, W10: bodies without end, without sense and without bottom, at a real web server."""

import gzip
import select
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import pytest

from links.tests.stripe_tape import signed
from proofs import http
from proofs.desk import Desk
from proofs.outside import STRIPE_SECRET
from proofs.servers import Servers, desks

pytestmark = pytest.mark.stack
AT_ONCE = 24  # more than two workers of eight threads take
ANSWER_SECONDS = 1.0
ROUNDS = 5  # the machine has other work, too; one of them must be quick
GIVE_UP_SECONDS = 20.0
MEGABYTE = b"x" * 1_000_000
REFUSED = {400, 411, 413, 415}


@dataclass(frozen=True)
class Body:
    """What a client says about its body, and the pieces that it then sends."""

    headers: Callable[[], dict[str, str]]
    pieces: Callable[[], Iterator[bytes]]


def whole(body: bytes, **headers: str) -> Body:
    """Well signed for Stripe, so that it is read there and not only refused."""

    def known() -> dict[str, str]:
        return {
            "Content-Length": str(len(body)),
            **signed(body, secret=STRIPE_SECRET),
            **headers,
        }

    return Body(known, lambda: iter([body]))


def deep(mark: bytes, end: bytes) -> bytes:
    return mark * 100_000 + b"1" + end * 100_000


BODIES = {
    "W9-ten-megabytes": Body(
        lambda: {"Content-Length": "10000000"}, lambda: repeat(MEGABYTE, 10)
    ),
    "W9-chunks-without-end": Body(
        lambda: {"Transfer-Encoding": "chunked"},
        lambda: repeat(b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    ),
    "W9-a-length-that-nobody-sends": Body(
        lambda: {"Content-Length": "99999999999"}, lambda: iter([b"{"])
    ),
    "W9-bomb": whole(gzip.compress(b" " * 100_000_000), **{"Content-Encoding": "gzip"}),
    "W10-lists-in-lists": whole(deep(b"[", b"]")),
    "W10-objects-in-objects": whole(deep(b'{"":', b"}")[:262_000]),
}
DOORS = {
    "stripe": "/webhooks/stripe/",
    "training": "/webhooks/training/",
    "twilio": "/webhooks/twilio/inbound/",
    "api": "/api/v1/links",
}


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desks(servers, tmp_path_factory.mktemp("bodies")) as open_desk:
        desk = open_desk("bodies")
        desk.shop.variables |= {
            "API_REQUESTS_PER_MINUTE": "100000",
            "TRAINING_ENABLED": "true",
        }
        desk.shop.wait_for_web(desk.shop.web())
        yield desk


def ask(desk: Desk, path: str, body: Body) -> tuple[int, float]:
    """Send until there is an answer: its status, and after how many seconds it came."""
    headers = {
        "Host": f"127.0.0.1:{desk.shop.port}",
        "Content-Type": "application/json",
        "Idempotency-Key": "k1",
        "Authorization": f"Bearer {desk.shop.api_key}",
        **body.headers(),
    }
    head = f"POST {path} HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()
    )
    started = time.monotonic()
    with socket.create_connection(
        ("127.0.0.1", desk.shop.port), GIVE_UP_SECONDS
    ) as line:
        line.sendall(f"{head}\r\n".encode())
        for piece in body.pieces():
            if not _send_unless_answered(line, piece):
                break
        answer = line.recv(4096)
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer[9:12]), time.monotonic() - started


def _send_unless_answered(line: socket.socket, piece: bytes) -> bool:
    """False once the server has said something, though it may not have read it all."""
    left = memoryview(piece)
    while left:
        readable, writable, _ = select.select([line], [line], [], GIVE_UP_SECONDS)
        assert readable or writable, "neither read nor answered"
        if readable:
            return False
        try:
            left = left[line.send(left[:65_536]) :]
        except (BrokenPipeError, ConnectionResetError):
            return False
    return True


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", DOORS.values(), ids=DOORS)
def test_is_refused_at_once_by_a_server_that_goes_on(
    desk: Desk, path: str, body: Body
) -> None:
    desk.shop.api_get("links")  # makes the key
    for _round in range(ROUNDS):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda _: ask(desk, path, body), range(AT_ONCE)))
        assert {status for status, _seconds in answers} <= REFUSED
        slowest = max(seconds for _status, seconds in answers)
        if slowest < ANSWER_SECONDS:
            break

    assert slowest < ANSWER_SECONDS
    assert http.get(f"{desk.shop.url}/healthz").status == 200
    assert desk.shop.rows("SELECT count(*) FROM links_webhookevent") == [(0,)]
    assert desk.shop.rows("SELECT count(*) FROM links_paymentlink") == [(0,)]
    log = (Path(desk.shop.folder) / "web.log").read_text()
    assert "Traceback" not in log
    assert log.count("Booting worker") in (0, 2)  # those of the start
