import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.fakes.callbacks import Courier
from proofs.fakes.ledger import Delivery, Ledger
from proofs.fakes.receiver import Receiver, ReceiverServer
from proofs.fakes.web import Answer, FakeServer, Request
from proofs.processes import free_port


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite3").closing() as opened:
        yield opened


def add(ledger: Ledger, url: str, due_in_seconds: float = 0.0) -> None:
    ledger.add_delivery(
        event="evt_1",
        url=url,
        content_type="text/plain",
        body="hello",
        due_at=time.time() + due_in_seconds,
    )


def wait_for_state(ledger: Ledger, state: str) -> None:
    deadline = time.monotonic() + 10
    while ledger.deliveries()[0].state != state:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sign(url: str, body: bytes) -> dict[str, str]:
    return {"X-Signature": f"{url} {body.decode()}"}


def test_what_was_pending_at_the_end_goes_out_after_the_restart(ledger: Ledger) -> None:
    with ReceiverServer() as server:
        add(ledger, f"{server.url}/hook?a=1", due_in_seconds=0.2)
        first = Courier(ledger, sign, tries=1)
        first.start()
        first.stop()
        assert ledger.deliveries()[0].tries == 0

        second = Courier(ledger, sign, tries=1)
        second.start()
        [request] = server.receiver.wait_for(1)
        wait_for_state(ledger, "delivered")
        second.stop()

    assert request.target == "/hook?a=1"
    assert request.body == b"hello"
    assert request.headers["x-signature"] == f"{server.url}/hook?a=1 hello"


class StaleLedger(Ledger):
    """Its second look comes back only when what it saw has been delivered."""

    looks = 0
    second_look = threading.Event()

    def deliveries(self, *, due_by: float | None = None) -> list[Delivery]:
        rows = super().deliveries(due_by=due_by)
        if due_by is not None:
            self.looks += 1
            if self.looks == 2:
                self.second_look.set()
                wait_for_state(self, "delivered")
        return rows


class SlowReceiver(Receiver):
    def handle(self, request: Request) -> Answer:
        assert StaleLedger.second_look.wait(10)
        return super().handle(request)


def test_a_stale_look_does_not_deliver_again(tmp_path: Path) -> None:
    receiver = SlowReceiver()
    path = tmp_path / "stale.sqlite3"
    with StaleLedger(path).closing() as ledger, FakeServer(receiver) as server:
        add(ledger, server.url)
        courier = Courier(ledger, sign, tries=1)
        courier.start()
        deadline = time.monotonic() + 10
        while ledger.looks < 4:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        courier.stop()

        assert len(receiver.received) == 1
        assert ledger.deliveries()[0].tries == 1


def test_gives_up_after_the_last_try(ledger: Ledger) -> None:
    add(ledger, f"http://127.0.0.1:{free_port()}/gone")
    courier = Courier(ledger, sign, tries=2)
    courier.start()
    wait_for_state(ledger, "given_up")
    courier.stop()

    [delivery] = ledger.deliveries()
    assert (delivery.tries, delivery.answer) == (2, "ConnectionRefusedError")


def test_does_not_follow_redirects(ledger: Ledger) -> None:
    with ReceiverServer(statuses=(302,)) as server:
        add(ledger, server.url)
        courier = Courier(ledger, sign, tries=1)
        courier.start()
        wait_for_state(ledger, "given_up")
        courier.stop()

        assert len(server.receiver.received) == 1
    assert ledger.deliveries()[0].answer == "302"
