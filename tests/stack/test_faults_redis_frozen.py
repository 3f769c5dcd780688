"""Redis hangs: whoever asks the web server does not wait for it."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from merchant_portal.lib.queue import PAUSE_SECONDS
from proofs import http
from proofs.desk import Customer, Desk
from proofs.outside import STRIPE_SECRET
from proofs.servers import Servers, desks
from proofs.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.full]

# The pause after which a process tries its wake-ups again, and a little more.
FROZEN_SECONDS = PAUSE_SECONDS + 3.0
WARM_SECONDS = 2.0
ROUNDS = 3
INTAKE_SECONDS = 1.0
SENDING_SECONDS = 3.0
RECOVERY_SECONDS = 60.0
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desks(servers, tmp_path_factory.mktemp("frozen")) as open_desk:
        desk = open_desk("frozen")
        desk.shop.beat()
        yield desk
        assert desk.findings() == []


def take_in(desk: Desk) -> None:
    """A signed webhook about something that needs no look at Stripe."""
    event = {
        "id": f"evt_frozen{next(_numbers)}",
        "object": "event",
        "type": "customer.created",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": "cus_1", "object": "customer"}},
    }
    body = json.dumps(event).encode()
    moment = str(int(time.time()))
    digest = hmac.new(
        STRIPE_SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256
    ).hexdigest()
    answer = http.post(
        f"{desk.shop.url}/webhooks/stripe/",
        body=body,
        headers={
            "Content-Type": "application/json",
            "Stripe-Signature": f"t={moment},v1={digest}",
        },
    )
    assert answer.status == 200, answer.text


def repeated(act: Callable[[], None], seconds: float) -> list[float]:
    """How many seconds each time took, one after the other."""
    took = []
    ends = time.monotonic() + seconds
    while (started := time.monotonic()) < ends:
        act()
        took.append(time.monotonic() - started)
    return took


@dataclass(frozen=True)
class Freeze:
    """Seconds that each webhook and each creating and sending took; who was sent to."""

    webhooks: list[float]
    sends: list[float]
    people: list[Customer]

    @property
    def keeps_nobody_waiting(self) -> bool:
        return max(self.webhooks) < INTAKE_SECONDS and max(self.sends) < SENDING_SECONDS


def freeze(desk: Desk, servers: Servers) -> Freeze:
    """Redis stands still while two clients go on asking."""
    people: list[Customer] = []

    def create_and_send() -> None:
        customer = desk.new_customer()
        desk.send(desk.new_link(customer))
        people.append(customer)

    def webhook() -> None:
        take_in(desk)

    for act in (webhook, create_and_send):
        repeated(act, WARM_SECONDS)  # all is loaded, and Redis known, in each process
    servers.redis.pause()
    try:
        with ThreadPoolExecutor(2) as pool:
            webhooks = pool.submit(repeated, webhook, FROZEN_SECONDS)
            sends = pool.submit(repeated, create_and_send, FROZEN_SECONDS)
        return Freeze(webhooks.result(), sends.result(), people)
    finally:
        servers.redis.resume()


def test_a_frozen_redis_keeps_nobody_waiting(desk: Desk, servers: Servers) -> None:
    web = desk.shop.web()
    desk.shop.wait_for_web(web)
    worker = desk.shop.worker("one")
    desk.shop.wait_for_worker(worker)
    seen = [freeze(desk, servers)]

    # Two seconds of waiting would show in each round, a busy machine in some.
    while not seen[-1].keeps_nobody_waiting and len(seen) < ROUNDS:
        seen.append(freeze(desk, servers))

    assert seen[-1].keeps_nobody_waiting, seen
    web.kill()
    people = [customer for each in seen for customer in each.people]

    def is_all_out() -> bool:
        if not worker.is_running:  # kombu may end with its broker
            worker.start()
        return all(desk.outside.mails(customer.email) for customer in people)

    eventually(is_all_out, within=RECOVERY_SECONDS, every=1.0, what="all mails out")
    for customer in people:
        assert len(desk.outside.mails(customer.email)) == 1
        assert len(desk.outside.texts(customer.phone)) == 1
    desk.shop.wait_for_rows(
        [],
        "SELECT event_id FROM links_webhookevent WHERE state = 'received'",
        within=RECOVERY_SECONDS,
    )


def test_control_waking_in_the_request_keeps_providers_waiting(
    desk: Desk, servers: Servers
) -> None:
    web = desk.shop.web(app="tests.stack.with_waiting_wakeups:application")
    desk.shop.wait_for_web(web)

    assert not freeze(desk, servers).keeps_nobody_waiting

    web.kill()
