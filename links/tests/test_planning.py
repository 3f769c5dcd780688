"""Which plan a link is on, and that it follows when the plan changes."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from links.models import (
    Anchor,
    DueState,
    PaymentLink,
    ReminderPlan,
    ReminderStep,
    StaffTask,
    StepAct,
    Tone,
)
from links.services import pausing, planning, reminders, reminding, replies, sending
from links.services.errors import LinkConflict, LinkError
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState, OptOut
from notifications.services import opt_outs

from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db
SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York
DUE = date(2026, 3, 20)


def make_plan(*steps: tuple[Anchor, int], **rest: object) -> ReminderPlan:
    plan = ReminderPlan.objects.create(name="Own")
    for anchor, days in steps:
        ReminderStep.objects.create(plan=plan, anchor=anchor, offset_days=days, **rest)
    return plan


def make_sent(
    plan: ReminderPlan | None = None, expires_at: datetime | None = None
) -> PaymentLink:
    with clock.frozen(SENT):
        link = make_link(make_customer(), due_on=DUE, expires_at=expires_at)
        if plan is not None:
            planning.use_for_link(link, plan, by=make_user())
        sending.send(link, ["email"], actor=SYSTEM)
    Message.objects.update(state=MessageState.DELIVERED, sent_at=SENT)
    link.refresh_from_db()
    return link


def days_of(link: PaymentLink) -> list[tuple[int, int]]:
    rows = link.reminders_due.filter(state=DueState.PLANNED).order_by("due_at")
    return [(due.due_at.month, due.due_at.day) for due in rows]


def come_due(at: datetime) -> list[Message]:
    with clock.frozen(at):
        while reminding.enqueue_due():
            pass
    return list(Message.objects.exclude(kind="invitation").order_by("pk"))


def at(month: int, day: int, hour: int = 15) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


class TestWhichPlan:
    def test_the_links_own_comes_before_the_customers_before_the_default(self) -> None:
        theirs, own = make_plan((Anchor.SENT, 1)), make_plan((Anchor.SENT, 2))
        link = make_sent()
        customer, user = link.customer, make_user()
        assert customer is not None
        assert days_of(link) == [(3, 5), (3, 20), (3, 27)]

        with clock.frozen(SENT):
            planning.use_for_customer(customer, theirs, by=user)
            assert days_of(link) == [(3, 3)]
            planning.use_for_link(link, own, by=user)
            assert days_of(link) == [(3, 4)]
            planning.use_for_customer(customer, None, by=user)
            assert days_of(link) == [(3, 4)]
            planning.use_for_link(link, None, by=user)

        assert days_of(link) == [(3, 5), (3, 20), (3, 27)]

    def test_a_closed_link_takes_no_other_plan(self) -> None:
        link = make_sent()
        PaymentLink.objects.filter(pk=link.pk).update(status="canceled")

        with pytest.raises(LinkError):
            planning.use_for_link(link, None, by=make_user())


class TestSteps:
    def test_every_anchor_counts_from_its_day(self) -> None:
        plan = make_plan(
            (Anchor.SENT, 1), (Anchor.DUE, -3), (Anchor.EXPIRY, -2), (Anchor.REPLY, 4)
        )
        link = make_sent(plan, expires_at=at(4, 30))
        assert days_of(link) == [(3, 3), (3, 17), (4, 28)]

        with clock.frozen(at(3, 5)):
            said = replies.Said("question", "Is it right?")
            replies.give(link, said, is_payable=True)

        assert (3, 9) in days_of(link)

    @pytest.mark.parametrize(
        ("tone", "kind"),
        [
            (Tone.FRIENDLY, "reminder"),
            (Tone.FIRM, "reminder_firm"),
            (Tone.LAST, "reminder_last"),
        ],
    )
    def test_a_step_speaks_in_its_tone(self, tone: Tone, kind: str) -> None:
        make_sent(make_plan((Anchor.SENT, 1), tone=tone))

        [message] = come_due(at(3, 3))

        assert message.kind == kind

    def test_a_step_may_be_a_task_for_whoever_made_the_link(self) -> None:
        plan = make_plan((Anchor.SENT, 1), act=StepAct.TASK)
        link = make_sent(plan)
        user = make_user()
        PaymentLink.objects.filter(pk=link.pk).update(created_by=user)

        [told] = come_due(at(3, 3))
        assert come_due(at(3, 4)) == [told]

        task = StaffTask.objects.get()
        assert (told.kind, told.recipient) == ("staff_news", user.email)
        assert told.reference == task.public_id
        assert (task.link, task.assigned_to, task.text) == (
            link,
            user,
            "1 day after sending",
        )

    def test_a_task_and_a_reminder_of_one_moment_are_both_done(self) -> None:
        plan = make_plan((Anchor.SENT, 1))
        ReminderStep.objects.create(
            plan=plan, anchor=Anchor.SENT, offset_days=1, act=StepAct.TASK
        )
        make_sent(plan)

        kinds = [message.kind for message in come_due(at(3, 3))]
        assert kinds == ["staff_news", "reminder"]
        assert StaffTask.objects.count() == 1


class TestWays:
    def test_who_wants_no_reminders_gets_none_and_the_page_says_why(self) -> None:
        link = make_sent()
        opt_outs.store(
            "email", "ada@example.com", OptOut.Scope.REMINDERS, source="unsubscribe"
        )

        assert come_due(at(3, 5)) == []
        [due] = link.reminders_due.filter(state=DueState.DROPPED)
        assert due.reason == "not wanted by the customer"

    def test_a_ladder_begins_where_reminders_are_wanted(self) -> None:
        plan = make_plan((Anchor.SENT, 1), ladder=["email", "sms"])
        make_sent(plan)
        opt_outs.store(
            "email", "ada@example.com", OptOut.Scope.REMINDERS, source="unsubscribe"
        )

        assert [message.channel for message in come_due(at(3, 3))] == ["sms"]


class TestChangedPlans:
    def test_links_on_other_plans_are_left_as_they_are(self) -> None:
        plan, other = make_plan((Anchor.SENT, 9)), make_sent()
        make_sent(plan)
        before = set(other.reminders_due.values_list("pk", flat=True))
        planning.follow(plan)
        with clock.frozen(SENT):
            planning.replan()

        assert set(other.reminders_due.values_list("pk", flat=True)) == before

    def test_links_follow_and_what_was_sent_is_not_sent_again(self) -> None:
        plan = make_plan((Anchor.SENT, 1), (Anchor.DUE, 0))
        link = make_sent(plan)
        come_due(at(3, 3))
        ReminderStep.objects.filter(plan=plan, anchor=Anchor.SENT).update(offset_days=5)
        ReminderStep.objects.create(plan=plan, anchor=Anchor.DUE, offset_days=9)
        with clock.frozen(at(3, 4)):
            planning.follow(plan)
            assert planning.replan() == 1
            assert planning.replan() == 0

        assert days_of(link) == [(3, 20), (3, 29)]

    def test_it_goes_on_where_it_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(planning, "BATCH", 2)
        plan = make_plan((Anchor.SENT, 9))
        links = [make_sent(plan) for _ in range(5)]
        ReminderStep.objects.filter(plan=plan).update(offset_days=1)
        planning.follow(plan)

        with clock.frozen(SENT):
            done = [planning.replan() for _ in range(4)]

        assert done == [2, 2, 1, 0]
        assert {tuple(days_of(link)) for link in links} == {((3, 3),)}

    def test_costs_few_queries_a_link(self) -> None:
        plan = make_plan((Anchor.SENT, 9))
        for _ in range(4):
            make_sent(plan)
        planning.follow(plan)

        with clock.frozen(SENT), CaptureQueriesContext(connection) as seen:
            planning.replan()

        assert len(seen) <= 10 + 4 * 3


class TestPauses:
    def test_nothing_leaves_until_the_pause_ends_and_then_the_newest_does(
        self,
    ) -> None:
        link = make_sent()
        with clock.frozen(at(3, 4)):
            pausing.pause(link, reason="By agreement", until=at(3, 22), by=make_user())

        assert come_due(at(3, 5)) == []
        assert come_due(at(3, 21)) == []
        assert len(come_due(at(3, 22))) == 1

    def test_a_customers_pause_binds_all_their_links(self) -> None:
        link = make_sent()
        assert link.customer is not None
        with clock.frozen(SENT):
            other = make_link(link.customer, due_on=DUE)
            sending.send(other, ["email"], actor=SYSTEM)
            pausing.pause(
                link.customer, reason="In hospital", until=at(4, 1), by=make_user()
            )

        assert come_due(at(3, 28)) == []

    def test_what_waits_for_the_morning_rests_as_well(self) -> None:
        link = make_sent(make_plan((Anchor.SENT, 1), local_time=time(23, 0)))
        [message] = come_due(at(3, 4, 4))
        with clock.frozen(at(3, 4, 5)):
            pausing.pause(link, reason="Call first", until=at(3, 10), by=make_user())

        message.refresh_from_db()
        assert message.due_at == at(3, 10)

    def test_resumed_it_goes_on_half_a_day_later(self) -> None:
        link, user = make_sent(), make_user()
        with clock.frozen(at(3, 4)):
            pausing.pause(link, reason="Call first", until=at(4, 10), by=user)
        assert come_due(at(3, 5)) == []

        with clock.frozen(at(3, 6)):
            pausing.resume(link, by=user)
            with pytest.raises(LinkConflict):
                pausing.resume(link, by=user)

        assert come_due(at(3, 6, 20)) == []
        assert len(come_due(at(3, 7, 14))) == 1

    @pytest.mark.parametrize(
        ("reason", "until", "field"),
        [
            ("", at(3, 9), "reason"),
            ("Why not", at(3, 1), "until"),
            ("Why not", at(3, 4) + timedelta(days=400), "until"),
            ("4111 1111 1111 1111", at(3, 9), "reason"),
        ],
    )
    def test_a_pause_has_a_reason_and_an_end(
        self, reason: str, until: datetime, field: str
    ) -> None:
        link = make_sent()

        with clock.frozen(at(3, 4)), pytest.raises(LinkError) as refused:
            pausing.pause(link, reason=reason, until=until, by=make_user())

        assert refused.value.field == field


def test_control_without_the_pause_the_reminder_leaves() -> None:
    make_sent()

    assert len(come_due(at(3, 5))) == 1
    assert reminders.default_plan().steps.count() == 3
