"""A sending to many on its way: paused, stopped, paid meanwhile, at night."""

import pytest

from conftest import FrozenClock
from links.models import BulkState, DailyTotal, Measure
from links.providers.base import SeenState
from links.services import (
    bulk,
    bulk_results,
    bulk_work,
    payments,
    rebuilding,
    sending,
    sharing,
)
from links.services.bulk_results import Outcome
from links.services.errors import LinkConflict
from merchant_portal.audit.models import AuditEntry
from merchant_portal.staff.models import User
from notifications.models import Message, MessageState
from notifications.services import delivery

from .factories import make_customer, make_link, make_seen
from .test_bulk import job, many, owner, reasons, work

__all__ = ["owner"]
pytestmark = pytest.mark.django_db


def test_paused_nothing_leaves_and_resumed_all_of_it(
    owner: User, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(4)
    made = job(owner)
    monkeypatch.setattr(bulk_work, "CHUNK", 2)
    bulk_work.step(made.pk)
    frozen.move(hours=3)  # 11:00 in New York

    bulk.pause(made, actor=owner.actor())

    assert bulk_work.step(made.pk) == 0
    assert bulk_work.due() == []
    assert delivery.claim(10) == []
    assert Message.objects.filter(state=MessageState.QUEUED).count() == 2

    bulk.resume(made, actor=owner.actor())
    work(made)
    assert len(delivery.claim(10)) == 4
    acts = AuditEntry.objects.filter(object_id=made.public_id).order_by("sequence")
    assert [a.action for a in acts] == ["bulk.started", "bulk.paused", "bulk.resumed"]


def test_stopped_what_waits_never_leaves_and_its_links_are_as_before(
    owner: User, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = many(3)
    made = job(owner)
    monkeypatch.setattr(bulk_work, "CHUNK", 2)
    bulk_work.step(made.pk)
    frozen.move(hours=3)
    left = delivery.claim(1)

    bulk.stop(made, actor=owner.actor())
    assert delivery.claim(10) == []
    work(made)

    assert made.state == BulkState.STOPPED
    assert made.ended_at is not None
    assert [held.message.reference for held in left] == [first.public_id]
    assert reasons(made) == {
        first.public_id: "",
        second.public_id: "stopped",
        third.public_id: "stopped",
    }
    for link, was_sent in ((first, True), (second, False), (third, False)):
        link.refresh_from_db()
        assert (link.last_sent_at is not None) is was_sent
        assert link.reminders_due.filter(state="planned").exists() is was_sent
    sent = DailyTotal.objects.filter(measure=Measure.SENT)
    assert sum(total.count for total in sent) == 1
    assert list(rebuilding.rebuild(is_dry=True)) == []
    with pytest.raises(LinkConflict):
        bulk.resume(made, actor=owner.actor())


def test_stopped_nobody_is_reminded_who_was_not_to_be(
    owner: User, frozen: FrozenClock
) -> None:
    """One was shared by hand without reminders, one is reminded by SMS."""
    shared, sent = many(2)
    sharing.note(shared, "whatsapp", actor=owner.actor())
    sending.send(sent, ["sms"], actor=owner.actor())
    frozen.move(hours=30)
    made = job(owner)
    bulk_work.step(made.pk)

    bulk.stop(made, actor=owner.actor())
    work(made)

    shared.refresh_from_db()
    sent.refresh_from_db()
    assert (shared.last_channels, sent.last_channels) == ([], ["sms"])
    assert not shared.reminders_due.filter(state="planned").exists()
    assert sent.reminders_due.filter(state="planned").exists()


def test_paid_between_queue_and_claim_it_is_left_out(
    owner: User, frozen: FrozenClock
) -> None:
    paid, open_ = many(2)
    made = work(job(owner))
    frozen.move(hours=3)
    payments.record(make_seen(paid))

    claims = delivery.claim(10)

    asked = [h.message.reference for h in claims if h.message.kind == "invitation"]
    assert asked == [open_.public_id]
    assert bulk_results.progress(made).counts[Outcome.LEFT_OUT] == 1


def test_a_payment_on_its_way_stops_it_at_the_claim(
    owner: User, frozen: FrozenClock
) -> None:
    (link,) = many(1)
    work(job(owner))
    frozen.move(hours=3)
    payments.record(make_seen(link, state=SeenState.PROCESSING))

    assert delivery.claim(10) == []
    assert Message.objects.get().state == MessageState.CANCELED


def test_at_night_it_waits_for_the_morning(owner: User, frozen: FrozenClock) -> None:
    """23:00 in New York; a person's own send would go."""
    many(1)
    frozen.move(hours=15)
    work(job(owner))

    assert delivery.claim(10) == []
    assert Message.objects.get().due_at > frozen.at
    frozen.move(hours=10)
    assert len(delivery.claim(10)) == 1


def test_one_person_gets_three_a_day_however_many_links(
    owner: User, frozen: FrozenClock
) -> None:
    customer = make_customer()
    for _number in range(5):
        make_link(customer)
    work(job(owner))
    frozen.move(hours=3)

    assert len(delivery.claim(10)) == 3
    assert Message.objects.filter(state=MessageState.QUEUED).count() == 2
