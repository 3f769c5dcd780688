"""Webhooks under fire: what was answered is stored, a repeat changes nothing, and a slow
provider holds no answer up."""

import itertools
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from links.tests.stripe_tape import signed
from proofs import http
from proofs.desk import AMOUNT_MINOR, Desk
from proofs.outside import STRIPE_SECRET
from proofs.processes import ChildProcess
from proofs.servers import Servers, desks
from proofs.shop import WSGI
from proofs.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.full]

EVENTS, SENDERS = 240, 8
# A worker of gunicorn dies at each so many-th event that it has stored.
DIES_AFTER = 25
HANG_SECONDS = 6.0
SOON = 60.0
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A shop without any process; each test starts what it needs."""
    with desks(servers, tmp_path_factory.mktemp("intake")) as open_desk:
        yield open_desk("intake")


@pytest.fixture(autouse=True)
def _calm(desk: Desk) -> Iterator[None]:
    yield
    desk.shop.stop()
    desk.outside.calm()


@contextmanager
def web(desk: Desk, app: str = WSGI, **changes: str) -> Iterator[ChildProcess]:
    process = desk.shop.web(app=app, **changes)
    try:
        desk.shop.wait_for_web(process)
        yield process
    finally:
        process.kill()


def event(kind: str = "customer.created", **subject: Any) -> dict[str, Any]:
    """An event as Stripe would send it, of a kind that needs no work, unless told so."""
    number = next(_numbers)
    return {
        "id": f"evt_fire_{number}",
        "object": "event",
        "type": kind,
        "livemode": False,
        "data": {"object": {"id": f"cus_{number}", **subject}},
    }


def deliver(desk: Desk, body: dict[str, Any]) -> float | None:
    """How many seconds the 200 took; None when no answer came."""
    raw = json.dumps(body).encode()
    headers = signed(raw, secret=STRIPE_SECRET) | {"Content-Type": "application/json"}
    started = time.monotonic()
    try:
        answer = http.post(
            f"{desk.shop.url}/webhooks/stripe/", body=raw, headers=headers
        )
    except http.Hung:
        return None
    assert answer.status == 200, answer.status
    return time.monotonic() - started


def fire(desk: Desk, bodies: list[dict[str, Any]]) -> list[float | None]:
    """Deliver all by eight senders at once; in the order of `bodies`."""
    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(lambda body: deliver(desk, body), bodies))


def stored(desk: Desk) -> set[str]:
    return {row[0] for row in desk.shop.rows("SELECT event_id FROM links_webhookevent")}


def answered_and_lost(desk: Desk, app: str) -> tuple[set[str], set[str]]:
    """Events answered by a web server whose workers die by kill -9, and those of them
    that are not there afterwards."""
    bodies = [event() for _ in range(EVENTS)]
    with web(desk, app, CRASH_POINT=f"webhook.after_store:{DIES_AFTER}") as process:
        took = fire(desk, bodies)
        assert process.is_running  # only its children died
    answered = {
        body["id"] for body, seconds in zip(bodies, took, strict=True) if seconds
    }
    assert len(answered) < EVENTS, "nothing died"
    return answered, answered - stored(desk)


def test_what_was_answered_is_stored_whatever_dies(desk: Desk) -> None:
    answered, lost = answered_and_lost(desk, WSGI)

    assert len(answered) > EVENTS // 2
    assert lost == set()


def test_control_answered_before_the_commit_events_are_lost(desk: Desk) -> None:
    _answered, lost = answered_and_lost(
        desk, "tests.stack.answers_before_commit:application"
    )

    assert lost


def paid_links(desk: Desk, count: int) -> list[str]:
    """Links whose payers have paid at Stripe, which has told nobody."""
    desk.outside.stripe.plan.mode = "off"
    links = [desk.new_link(desk.new_customer()) for _ in range(count)]
    for link in links:
        desk.pay(link["url"])
    return [link["id"] for link in links]


def books(desk: Desk) -> list[list[tuple[Any, ...]]]:
    """All that money and news of it have left behind."""
    return [
        desk.shop.rows(query)
        for query in (
            "SELECT public_id, status, amount_paid_minor, version"
            " FROM links_paymentlink ORDER BY id",
            "SELECT link_id, provider_payment_id, state, amount_minor, surplus_minor"
            " FROM links_payment ORDER BY id",
            "SELECT day, measure, currency, count, amount_minor FROM links_dailytotal"
            " ORDER BY day, measure, currency",
            "SELECT link_id, kind FROM links_activity ORDER BY id",
            "SELECT dedupe_key, state FROM notifications_message ORDER BY id",
            "SELECT event_id, state FROM links_webhookevent"
            " WHERE NOT starts_with(event_id, 'evt_fire_') ORDER BY event_id",
        )
    ]


def wait_until_worked_off(desk: Desk) -> None:
    for query in (
        "SELECT event_id FROM links_webhookevent WHERE state = 'received'",
        "SELECT kind FROM notifications_message WHERE state IN ('queued', 'sending')",
    ):
        desk.shop.wait_for_rows([], query, within=SOON)


def test_events_repeated_and_shuffled_change_nothing(desk: Desk) -> None:
    rng = random.Random(20261126)  # noqa: S311 - shuffles a test
    with web(desk):
        desk.shop.beat()
        worker = desk.shop.worker("one")
        desk.shop.wait_for_worker(worker)
        links = paid_links(desk, 6)
        told = desk.outside.stripe.ledger.objects("event")
        schedule = [body for body in told for _ in range(rng.randint(1, 5))]
        rng.shuffle(schedule)

        assert None not in fire(desk, schedule)
        wait_until_worked_off(desk)
        once = books(desk)
        rng.shuffle(schedule)
        assert None not in fire(desk, schedule)
        wait_until_worked_off(desk)

        assert books(desk) == once
        assert {row[0] for row in once[-1]} == {body["id"] for body in told}
        for link in links:
            seen = desk.link(link)
            assert seen["status"] == "paid"
            assert seen["amount_paid"]["amount_minor"] == AMOUNT_MINOR
            [payment] = desk.payments(link)
            assert payment["surplus"]["amount_minor"] == 0
            assert desk.timeline(link).count("payment.succeeded") == 1


def burst_at_a_slow_provider(desk: Desk, app: str) -> list[float]:
    """Seconds of each answer while every question to Stripe takes HANG_SECONDS."""
    desk.outside.stripe.faults.set("hang", {"seconds": HANG_SECONDS})
    bodies = [
        event("checkout.session.completed", id=f"cs_test_{number}")
        for number in range(SENDERS)
    ]
    with web(desk, app):
        worker = desk.shop.worker("one")
        desk.shop.wait_for_worker(worker)
        took = fire(desk, bodies)
        if app == WSGI:  # somebody does ask, and waits
            eventually(
                lambda: desk.outside.stripe.ledger.calls(path="/v1/checkout/sessions"),
                within=SOON,
                what="a question to Stripe",
            )
    return [HANG_SECONDS if seconds is None else seconds for seconds in took]


def test_a_slow_provider_slows_no_answer(desk: Desk) -> None:
    assert max(burst_at_a_slow_provider(desk, WSGI)) < HANG_SECONDS / 2


def test_control_worked_on_in_the_request_a_slow_provider_slows_it(desk: Desk) -> None:
    took = burst_at_a_slow_provider(desk, "tests.stack.works_in_request:application")

    assert min(took) >= HANG_SECONDS
