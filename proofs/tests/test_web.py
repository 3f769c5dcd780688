"""The server under every fake: what a dying caller leaves behind is no request."""

import socket
from pathlib import Path

import pytest

from proofs.fakes.ledger import Ledger
from proofs.fakes.web import Answer, Fake, FakeServer, Request


class Keeper(Fake):
    """Keeps every body that it is given."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.bodies: list[bytes] = []

    def handle(self, request: Request) -> Answer:
        self.bodies.append(request.body)
        return Answer(200, {})


@pytest.mark.parametrize(
    ("sent", "taken", "status"),
    [(b"Body=Hel", [], b""), (b"Body=Hello", [b"Body=Hello"], b"HTTP/1.1 200")],
)
def test_half_a_body_is_no_request(
    tmp_path: Path, sent: bytes, taken: list[bytes], status: bytes
) -> None:
    keeper = Keeper(Ledger(tmp_path / "keeper.sqlite3"))
    with (
        FakeServer(keeper) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as caller,
    ):
        caller.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n" + sent)
        caller.shutdown(socket.SHUT_WR)
        answer = caller.recv(100)

    assert keeper.bodies == taken
    assert answer[: len(b"HTTP/1.1 200")] == status
