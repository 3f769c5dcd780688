"""Sending to many at once: who gets it, who does not and why, once whatever happens."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import FrozenClock
from customers.models import ContactPoint
from links.models import (
    Activity,
    BulkItem,
    BulkSend,
    BulkState,
    DailyTotal,
    ItemState,
    LinkStatus,
    Measure,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    Way,
)
from links.providers.base import SeenState
from links.services import (
    bulk,
    bulk_work,
    links,
    pausing,
    payments,
    reminders,
    reminding,
    sending,
)
from links.services.errors import LinkConflict, LinkError
from links.services.reminder_rules import BETWEEN
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import User
from notifications.models import Message, MessageState, OptOut
from notifications.services import opt_outs

from .factories import make_customer, make_link, make_seen, make_user
from .test_climbing import climb, comes_back

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(frozen: FrozenClock) -> User:
    return make_user()


def many(count: int, **kind: object) -> list[PaymentLink]:
    return [
        make_link(
            make_customer(f"Ada {n}", f"ada{n}@example.com", f"+1415555{n:04d}"),
            **kind,  # type: ignore[arg-type]
        )
        for n in range(count)
    ]


def job(owner: User, *, way: str = Way.EITHER) -> BulkSend:
    """Of all links, started."""
    made = bulk.draft(PaymentLink.objects.all(), by=owner)
    bulk.start(made, way=way, actor=owner.actor())
    return made


def work(made: BulkSend) -> BulkSend:
    while bulk_work.step(made.pk):
        pass
    made.refresh_from_db()
    return made


def reasons(made: BulkSend) -> dict[str, str]:
    rows = made.items.values_list("link__public_id", "reason")
    return dict(rows)


def test_sends_each_once_and_is_done(owner: User) -> None:
    made_links = many(3)

    made = work(job(owner))

    assert made.state == BulkState.DONE
    assert made.ended_at is not None
    found = Message.objects.order_by("id")
    assert [m.reference for m in found] == [link.public_id for link in made_links]
    assert {(m.kind, m.channel, m.is_automatic) for m in found} == {
        ("invitation", "email", True)
    }
    for link in made_links:
        link.refresh_from_db()
        assert link.last_channels == ["email"]
        assert link.last_sent_at is not None
        assert link.reminders_due.exists()
    assert Activity.objects.filter(kind="link.sent").count() == 3
    sent = DailyTotal.objects.get(measure=Measure.SENT)
    assert (sent.count, sent.amount_minor) == (3, 3750)
    acts = AuditEntry.objects.filter(object_id=made.public_id)
    assert [act.action for act in acts] == ["bulk.started"]


def test_says_of_each_why_it_was_left_out(owner: User) -> None:
    paid, canceled, silent, nowhere, fresh, processing, going, paused, named = many(9)
    payments.record(make_seen(paid))
    links.cancel(canceled, actor=SYSTEM)
    for channel, address in (("email", "ada2@example.com"), ("sms", "+14155550002")):
        opt_outs.store(channel, address, OptOut.Scope.ALL, source="staff")
    ContactPoint.objects.filter(customer=nowhere.customer).delete()
    sending.send(fresh, ["sms"], actor=SYSTEM)
    payments.record(
        make_seen(processing, payment_id="tpy_2", state=SeenState.PROCESSING)
    )
    until = clock.now() + timedelta(days=3)
    pausing.pause(paused, reason="Moving house", until=until, by=owner)
    PaymentLink.objects.filter(pk=named.pk).update(promise_due_at=until)
    nobody = make_link(None)
    before = bulk.outlook(bulk.draft(PaymentLink.objects.all(), by=owner), Way.EITHER)

    made = work(job(owner))

    assert reasons(made) == {
        paid.public_id: "link paid",
        canceled.public_id: "link canceled",
        silent.public_id: "opted out",
        nowhere.public_id: "no address",
        fresh.public_id: "sent within 24 hours",
        processing.public_id: "a payment is on its way",
        paused.public_id: "reminders are paused",
        named.public_id: "promised to pay later",
        nobody.public_id: "no address",
        going.public_id: "",
    }
    assert (before.going, before.emails) == (1, 1)
    assert before.left_out == {
        "link paid": 1,
        "link canceled": 1,
        "opted out": 1,
        "no address": 2,
        "sent within 24 hours": 1,
        "a payment is on its way": 1,
        "reminders are paused": 1,
        "promised to pay later": 1,
    }


def test_who_wants_no_reminders_is_asked_for_the_first_time_only(
    owner: User, frozen: FrozenClock
) -> None:
    (link,) = many(1)
    opt_outs.store("email", "ada0@example.com", OptOut.Scope.REMINDERS, source="staff")

    work(job(owner, way=Way.EMAIL))
    frozen.move(days=9)
    again = work(job(owner, way=Way.EMAIL))

    assert Message.objects.count() == 1
    assert reasons(again) == {link.public_id: "opted out"}


def test_who_wants_no_emails_is_sent_an_sms(owner: User) -> None:
    many(1)
    opt_outs.store("email", "ada0@example.com", OptOut.Scope.ALL, source="staff")

    work(job(owner))

    assert list(Message.objects.values_list("channel", flat=True)) == ["sms"]


@pytest.mark.parametrize(("hours", "reason"), [(11, BETWEEN), (13, "")])
def test_nobody_is_asked_again_within_12_hours_of_a_reminder(
    owner: User, frozen: FrozenClock, hours: int, reason: str
) -> None:
    (link,) = many(1)
    sending.send(link, ["email"], actor=SYSTEM)
    frozen.move_to(ReminderDue.objects.earliest("due_at").due_at)
    reminding.enqueue_due()
    Message.objects.update(state=MessageState.SENT, sent_at=frozen.at)
    assert Message.objects.filter(category="reminder").count() == 1

    frozen.move(hours=hours)
    made = work(job(owner))

    assert reasons(made) == {link.public_id: reason}


@pytest.mark.parametrize(
    ("way", "channel"), [(Way.EITHER, "sms"), (Way.EMAIL, ""), (Way.SMS, "sms")]
)
def test_goes_the_way_that_was_chosen(owner: User, way: str, channel: str) -> None:
    make_link(make_customer(email=""))

    made = work(job(owner, way=way))

    item = made.items.get()
    assert item.channel == channel
    assert item.reason == ("" if channel else "no address")


def test_a_draft_becomes_active_when_it_goes(owner: User) -> None:
    (link,) = many(1, draft=True)

    work(job(owner))

    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE
    assert link.number


def test_started_twice_it_runs_once(owner: User) -> None:
    many(1)
    made = job(owner)

    with pytest.raises(LinkConflict):
        bulk.start(made, way=Way.EMAIL, actor=owner.actor())


def test_an_empty_choice_and_too_many_are_refused(
    owner: User, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LinkError):
        bulk.draft(PaymentLink.objects.all(), by=owner)
    many(3)
    monkeypatch.setattr(bulk, "MOST", 2)

    with pytest.raises(LinkError):
        bulk.draft(PaymentLink.objects.all(), by=owner)

    assert not BulkSend.objects.exists()


def test_a_death_in_a_chunk_undoes_it_and_the_next_pass_repeats_it(
    owner: User, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(5)
    made = job(owner)
    monkeypatch.setattr(bulk_work, "CHUNK", 2)
    assert bulk_work.step(made.pk) == 2

    def die(name: str) -> None:
        raise KeyboardInterrupt(name)

    with monkeypatch.context() as dying:
        dying.setattr(bulk_work, "crash_at", die)
        with pytest.raises(KeyboardInterrupt):
            bulk_work.step(made.pk)
    assert Message.objects.count() == 2
    assert bulk_work.due() == [made.pk]

    work(made)
    assert Message.objects.count() == 5
    assert Message.objects.values("reference").distinct().count() == 5


def test_a_chunk_done_twice_queues_nothing_twice(
    owner: User, frozen: FrozenClock
) -> None:
    """Even if its rows were put back: the keys of the messages hold."""
    many(2)
    made = work(job(owner))
    BulkItem.objects.update(state=ItemState.WAITING, reason="")
    frozen.move(days=2)
    BulkSend.objects.update(state=BulkState.RUNNING, ended_at=None)

    work(made)

    assert Message.objects.count() == 2


def test_without_its_key_the_same_chunk_would_queue_twice(
    owner: User, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr(bulk_work, "_key", lambda bulk, link: ids.new("any"))
    many(2)
    made = work(job(owner))
    BulkItem.objects.update(state=ItemState.WAITING, reason="")
    frozen.move(days=2)
    BulkSend.objects.update(state=BulkState.RUNNING, ended_at=None)

    work(made)

    assert Message.objects.count() == 4


def test_what_failed_is_sent_again_and_nothing_else(
    owner: User, frozen: FrozenClock
) -> None:
    bad, good, resent = many(3)
    made = work(job(owner))
    broken = [bad.public_id, resent.public_id]
    Message.objects.filter(reference__in=broken).update(state=MessageState.FAILED)
    Message.objects.filter(reference=good.public_id).update(state=MessageState.SENT)
    frozen.move(minutes=5)
    sending.send(resent, ["email"], actor=SYSTEM)

    again = bulk.draft_again(made, by=owner)
    bulk.start(again, way=Way.EITHER, actor=owner.actor())
    work(again)

    assert reasons(again) == {
        bad.public_id: "",
        resent.public_id: "sent within 24 hours",
    }
    assert Message.objects.filter(reference=bad.public_id).count() == 2
    assert Message.objects.filter(reference=good.public_id).count() == 1


def test_a_chunk_costs_the_same_for_few_and_for_many(
    owner: User, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for planning the reminders, which is a matter of each link."""
    monkeypatch.setattr(reminders, "plan", lambda link: None)
    many(1)
    _statements(job(owner))  # the default plan is made once
    frozen.move(days=2)
    many(1)
    few = _statements(job(owner))
    frozen.move(days=2)
    many(30)
    assert _statements(job(owner)) == few


def _statements(made: BulkSend) -> int:
    with CaptureQueriesContext(
        connection,
    ) as found:
        bulk_work.step(made.pk)
    work(made)
    return len(found)


def test_what_nobody_started_is_forgotten(owner: User, frozen: FrozenClock) -> None:
    many(1)
    started = job(owner)
    old = bulk.draft(PaymentLink.objects.all(), by=owner)
    frozen.move(days=2)

    assert bulk.forget_drafts() == 1

    assert not BulkSend.objects.filter(pk=old.pk).exists()
    assert BulkSend.objects.filter(pk=started.pk).exists()


def test_what_does_not_arrive_climbs_the_ladder_of_its_plan(owner: User) -> None:
    plan = reminders.default_plan()
    ReminderPlan.objects.filter(pk=plan.pk).update(ladder=["email", "sms"])
    many(1)
    work(job(owner, way=Way.EMAIL))

    comes_back(Message.objects.get(), clock.now())

    assert climb(clock.now())[1:] == [("invitation", "sms")]
