"""Several workers at one queue, on a database that has row locks."""

import threading
from collections import Counter

import pytest
from django.db import connection, connections, transaction

from merchant_portal.lib import clock
from notifications.models import Attempt, Message, OptOut
from notifications.services import delivery, opt_outs

from .carriers import FakeCarrier
from .factories import NOON, Shop, message

pytestmark = [
    pytest.mark.stack,
    pytest.mark.django_db(transaction=True),
]


def workers(count: int, batch: int) -> None:
    """Claim and deliver until nothing is due, each in its own connection."""

    def work() -> None:
        try:
            with clock.frozen(NOON):
                while claims := delivery.claim(batch):
                    delivery.deliver(claims)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)


def test_four_workers_send_each_message_once(shop: Shop, carrier: FakeCarrier) -> None:
    for number in range(200):
        message(number, channel="sms" if number % 2 else "email")

    workers(4, 7)

    sent = Counter(outgoing.public_id for outgoing in carrier.taken)
    assert len(sent) == 200
    assert set(sent.values()) == {1}
    assert set(Message.objects.values_list("state", "fence")) == {("sent", 1)}
    assert Attempt.objects.count() == 200


def test_worker_does_not_wait_for_rows_that_another_holds(
    shop: Shop, carrier: FakeCarrier
) -> None:
    if connection.vendor == "sqlite":
        pytest.fail("make test-stack runs this on PostgreSQL")
    held, free = message(1), message(2)

    with transaction.atomic():
        Message.objects.select_for_update().get(pk=held.pk)
        workers(1, 10)

    assert [o.public_id for o in carrier.taken] == [free.public_id]


def test_opt_out_racing_the_claim_ends_in_one_of_two_ways(
    shop: Shop, carrier: FakeCarrier
) -> None:
    for number in range(60):
        message(number, kind="reminder", recipient="ada@example.com")

    def leave() -> None:
        try:
            with clock.frozen(NOON):
                opt_outs.store(
                    "email",
                    "ada@example.com",
                    OptOut.Scope.REMINDERS,
                    source="unsubscribe link",
                )
        finally:
            connections.close_all()

    leaving = threading.Thread(target=leave)
    leaving.start()
    workers(2, 3)
    leaving.join(timeout=60)

    states = Counter(Message.objects.values_list("state", flat=True))
    assert set(states) <= {"sent", "suppressed"}
    assert states["sent"] == len(carrier.taken)
