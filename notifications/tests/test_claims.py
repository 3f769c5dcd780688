"""Claiming: once, only what is still wanted, with a number that outlives nobody."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from merchant_portal.lib import clock
from notifications.models import (
    Attempt,
    ChannelPause,
    Message,
    MessageState,
    OptOut,
)
from notifications.services import claims, delivery, opt_outs, outbox

from .carriers import FakeCarrier
from .factories import NOON, Shop, message

pytestmark = pytest.mark.django_db


def queries_of_claim(count: int, start: int) -> int:
    for number in range(count):
        message(start + number)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(delivery.claim(200)) == count
    return len(queries)


def lapse() -> None:
    Message.objects.filter(state="sending").update(
        lease_until=clock.database_now() - timedelta(seconds=1)
    )


def test_claim_costs_the_same_at_1_and_at_200_messages(shop: Shop) -> None:
    assert queries_of_claim(1, 1) == queries_of_claim(200, 1000)


def test_claim_takes_the_oldest_due_first_and_leaves_the_future(shop: Shop) -> None:
    late = message(1, due_at=NOON)
    early = message(2, due_at=NOON - timedelta(days=1))
    message(3, due_at=NOON + timedelta(seconds=1))

    assert [c.message.pk for c in delivery.claim(1)] == [early.pk]
    assert [c.message.pk for c in delivery.claim(10)] == [late.pk]
    assert delivery.claim(10) == []
    taken = Message.objects.get(pk=early.pk)
    assert (taken.state, taken.fence, taken.tries) == ("sending", 1, 1)
    assert taken.lease_until is not None
    ahead = taken.lease_until - clock.database_now()
    assert timedelta(seconds=55) < ahead <= claims.LEASE
    assert Attempt.objects.filter(message=early, fence=1).count() == 1


def test_what_is_no_longer_due_is_canceled_and_never_sent(
    shop: Shop, carrier: FakeCarrier
) -> None:
    gone = message(1, reference="plk_paid")
    wanted = message(2)
    shop.unwanted = {"plk_paid"}

    delivery.deliver(delivery.claim(10))

    assert [o.public_id for o in carrier.taken] == [wanted.public_id]
    assert Message.objects.get(pk=gone.pk).state == MessageState.CANCELED
    assert not Attempt.objects.filter(message=gone).exists()


def test_claim_asks_each_kind_once(shop: Shop) -> None:
    for number in range(5):
        message(number)
        message(number, kind="reminder")

    delivery.claim(10)

    assert shop.asked == ["still_due", "still_due"]


def test_claim_goes_on_when_a_whole_batch_is_unwanted(shop: Shop) -> None:
    for number in range(3):
        message(number, reference="plk_paid", due_at=NOON - timedelta(days=1))
    wanted = message(9)
    shop.unwanted = {"plk_paid"}

    assert [c.message.pk for c in delivery.claim(2)] == [wanted.pk]


def test_opt_out_committed_before_the_claim_wins(
    shop: Shop, carrier: FakeCarrier
) -> None:
    reminder = message(kind="reminder")
    # past the withdrawal that storing it makes, as when both commit at the same time
    OptOut.objects.create(
        channel="email",
        address="ada1@example.com",
        scope=OptOut.Scope.REMINDERS,
        source="unsubscribe link",
        created_at=NOON,
    )

    delivery.deliver(delivery.claim(10))

    assert carrier.taken == []
    assert Message.objects.get(pk=reminder.pk).state == MessageState.SUPPRESSED


def test_opt_out_while_sending_stops_the_next_try_only(
    shop: Shop, carrier: FakeCarrier
) -> None:
    reminder = message(kind="reminder")
    held = delivery.claim(10)
    opt_outs.store("email", "ada1@example.com", OptOut.Scope.ALL, source="staff")

    delivery.deliver(held)

    assert len(carrier.taken) == 1
    assert Message.objects.get(pk=reminder.pk).state == MessageState.SENT
    assert message(1, kind="receipt").state == MessageState.SUPPRESSED


def test_two_workers_get_different_messages(shop: Shop) -> None:
    for number in range(4):
        message(number)

    first, second = delivery.claim(3), delivery.claim(3)

    assert (len(first), len(second)) == (3, 1)
    assert not {c.message.pk for c in first} & {c.message.pk for c in second}


def test_paused_channel_waits_and_the_other_goes_on(shop: Shop) -> None:
    waiting = message(1)
    sms = message(2, channel="sms")
    ChannelPause.objects.create(
        channel="email",
        until=clock.database_now() + timedelta(minutes=1),
        reason="test",
    )

    assert [c.message.pk for c in delivery.claim(10)] == [sms.pk]

    ChannelPause.objects.update(until=clock.database_now() - timedelta(seconds=1))
    assert [c.message.pk for c in delivery.claim(10)] == [waiting.pk]


def test_kind_that_vanished_fails_alone(shop: Shop) -> None:
    orphan = message(1)
    Message.objects.filter(pk=orphan.pk).update(kind="forgotten")
    fine = message(2)

    assert [c.message.pk for c in delivery.claim(10)] == [fine.pk]
    assert Message.objects.get(pk=orphan.pk).state == MessageState.FAILED


def test_lapsed_email_goes_again_with_a_higher_fence(shop: Shop) -> None:
    row = message()
    delivery.claim(10)
    assert delivery.reap() == 0
    lapse()

    assert delivery.reap() == 1

    row.refresh_from_db()
    assert (row.state, row.fence, row.lease_until) == ("queued", 1, None)
    assert delivery.claim(10)[0].fence == 2
    assert Attempt.objects.get(fence=1).outcome == "lapsed"


def test_lapsed_sms_goes_again_only_if_handing_over_never_began(shop: Shop) -> None:
    untouched = message(1, channel="sms")
    begun = message(2, channel="sms")
    held = {c.message.pk: c for c in delivery.claim(10)}
    assert claims.start_handing_over(held[begun.pk])
    lapse()

    delivery.reap()

    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {untouched.pk: "queued", begun.pk: "unknown"}
    assert [c.message.pk for c in delivery.claim(10)] == [untouched.pk]


@pytest.mark.parametrize(("channel", "tries"), [("email", 3), ("sms", 5)])
def test_lapses_end_sooner_where_each_may_have_been_taken(
    shop: Shop, channel: str, tries: int
) -> None:
    row = message(channel=channel)
    for _ in range(tries):
        assert len(delivery.claim(10)) == 1
        lapse()
        delivery.reap()

    row.refresh_from_db()
    assert (row.state, row.tries) == ("unknown", tries)
    assert delivery.claim(10) == []


def test_stale_worker_cannot_begin_after_its_lease_was_taken_over(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message(channel="sms")
    stale = delivery.claim(10)
    lapse()
    delivery.reap()
    fresh = delivery.claim(10)

    delivery.deliver(stale)
    delivery.deliver(fresh)

    assert [o.public_id for o in carrier.taken] == [row.public_id]
    row.refresh_from_db()
    assert (row.state, row.fence) == ("sent", 2)


def test_without_the_fence_a_stale_worker_sends_an_sms_twice(
    shop: Shop, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above: take the guard away, and it happens."""
    message(channel="sms")
    stale = delivery.claim(10)
    lapse()
    delivery.reap()
    fresh = delivery.claim(10)
    monkeypatch.setattr(delivery, "start_handing_over", lambda held: True)

    delivery.deliver(stale)
    delivery.deliver(fresh)

    assert len(carrier.taken) == 2


def test_old_claim_is_looked_at_again_before_anything_leaves(
    shop: Shop, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = message(1, reference="plk_paid")
    wanted = message(2)
    taken_over = message(3)
    held = [claims.Claim(c.message, c.fence, 0.0) for c in delivery.claim(10)]
    shop.unwanted = {"plk_paid"}
    Message.objects.filter(pk=taken_over.pk).update(fence=F("fence") + 1)

    delivery.deliver(held)

    assert [o.public_id for o in carrier.taken] == [wanted.public_id]
    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {
        paid.pk: "canceled",
        wanted.pk: "sent",
        taken_over.pk: "sending",
    }


def test_worker_frozen_too_long_gives_everything_back(
    shop: Shop, carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = message()
    held = [claims.Claim(c.message, c.fence, 0.0) for c in delivery.claim(10)]
    monkeypatch.setattr(delivery, "BATCH_SECONDS", -1)

    assert delivery.deliver(held) is False

    assert carrier.taken == []
    row.refresh_from_db()
    assert (row.state, row.tries, row.lease_until) == ("queued", 0, None)
    assert not Attempt.objects.exists()


def test_giving_back_a_lost_claim_changes_nothing(shop: Shop) -> None:
    row = message()
    stale = delivery.claim(10)
    lapse()
    delivery.reap()
    delivery.claim(10)

    claims.give_back(stale)

    row.refresh_from_db()
    assert (row.state, row.fence, row.tries) == ("sending", 2, 2)


def test_canceled_after_the_claim_ends_at_the_next_try(
    shop: Shop, carrier: FakeCarrier
) -> None:
    row = message(channel="email")
    delivery.claim(10)
    assert outbox.cancel("plk_1") == 0
    lapse()
    delivery.reap()
    assert outbox.cancel("plk_1") == 1

    delivery.deliver(delivery.claim(10))

    assert carrier.taken == []
    row.refresh_from_db()
    assert row.state == MessageState.CANCELED
