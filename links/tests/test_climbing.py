"""What does not arrive is tried on the next channel, and at last told to a person."""

from datetime import UTC, date, datetime, timedelta

import pytest

from links.models import Climb, PaymentLink, ReminderPlan, ReminderStep, StaffTask
from links.providers.base import SeenState
from links.services import climbing, payments, reminders, reminding, sending
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState, OptOut
from notifications.services import opt_outs
from notifications.signals import message_settled

from .factories import make_customer, make_link, make_seen

pytestmark = pytest.mark.django_db
SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York


def make_sent(ladder: list[str], **customer: str) -> PaymentLink:
    plan = reminders.default_plan()
    ReminderPlan.objects.filter(pk=plan.pk).update(ladder=ladder, ladder_hours=6)
    with clock.frozen(SENT):
        link = make_link(make_customer(**customer), due_on=date(2026, 3, 20))
        sending.send(link, ["email"], actor=SYSTEM)
    return link


def comes_back(message: Message, at: datetime) -> None:
    message.state = MessageState.BOUNCED
    Message.objects.filter(pk=message.pk).update(state=message.state)
    with clock.frozen(at):
        message_settled.send_robust(sender=Message, message=message)


def climb(at: datetime) -> list[tuple[str, str]]:
    with clock.frozen(at):
        while climbing.climb_due():
            pass
    rows = Message.objects.order_by("pk").values_list("kind", "channel")
    return list(rows)


def test_a_mail_that_comes_back_is_followed_by_an_sms_at_once() -> None:
    link = make_sent(["email", "sms", "task"])
    [mail] = Message.objects.all()
    soon = SENT + timedelta(minutes=3)

    comes_back(mail, soon)

    assert climb(soon) == [("invitation", "email"), ("invitation", "sms")]
    [_mail, sms] = Message.objects.order_by("pk")
    assert (sms.is_automatic, sms.due_at) == (True, soon)
    assert link.activities.filter(kind="reminder.climbed").count() == 1


def test_a_bounce_that_nobody_was_told_of_is_found_when_its_time_is_up() -> None:
    make_sent(["email", "sms"])
    Message.objects.update(state=MessageState.BOUNCED)

    assert climb(SENT + timedelta(hours=5)) == [("invitation", "email")]
    assert climb(SENT + timedelta(hours=6))[1:] == [("invitation", "sms")]


def test_a_bounce_at_night_waits_for_the_morning() -> None:
    make_sent(["email", "sms"])
    [mail] = Message.objects.all()
    night = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)

    comes_back(mail, night)
    climb(night)

    assert Message.objects.get(channel="sms").due_at == datetime(
        2026, 3, 3, 13, 0, tzinfo=UTC
    )


def test_the_last_rung_is_a_task_made_once() -> None:
    link = make_sent(["email", "sms", "task"])
    [mail] = Message.objects.all()
    comes_back(mail, SENT)
    climb(SENT)
    comes_back(Message.objects.get(channel="sms"), SENT)
    climb(SENT)
    climb(SENT + timedelta(days=1))

    task = StaffTask.objects.get()
    assert (task.link, task.done_at) == (link, None)


@pytest.mark.parametrize("state", [MessageState.DELIVERED, MessageState.CAPTURED])
def test_what_arrived_is_not_followed(state: MessageState) -> None:
    make_sent(["email", "sms", "task"])
    Message.objects.update(state=state, sent_at=SENT)

    assert climb(SENT + timedelta(days=2)) == [("invitation", "email")]
    assert not StaffTask.objects.exists()


def test_silence_after_a_mail_says_nothing_where_nobody_reports() -> None:
    """Of plain SMTP no delivery is ever heard; each mail would be followed by an SMS."""
    make_sent(["email", "sms"])
    Message.objects.update(state=MessageState.SENT, sent_at=SENT)

    assert climb(SENT + timedelta(days=2)) == [("invitation", "email")]


def test_silence_after_an_sms_goes_on_after_so_many_hours() -> None:
    link = make_sent(["sms", "email"])
    with clock.frozen(SENT + timedelta(minutes=1)):
        sending.send(link, ["sms"], actor=SYSTEM)
    left = SENT + timedelta(hours=1)
    Message.objects.filter(channel="sms").update(state=MessageState.SENT, sent_at=left)
    Message.objects.filter(channel="email").update(state=MessageState.DELIVERED)

    assert len(climb(left + timedelta(hours=5, minutes=59))) == 2
    assert climb(left + timedelta(hours=6))[2:] == [("invitation", "email")]


def test_a_message_that_waits_is_looked_at_again_after_it_left() -> None:
    make_sent(["email", "sms"])

    assert climb(SENT + timedelta(hours=7)) == [("invitation", "email")]
    assert Climb.objects.get().check_at > SENT + timedelta(hours=7)


def test_who_paid_meanwhile_hears_no_more() -> None:
    link = make_sent(["email", "sms", "task"])
    [mail] = Message.objects.all()
    payments.record(make_seen(link))
    comes_back(mail, SENT)
    climb(SENT)

    kinds = set(Message.objects.values_list("kind", "channel"))
    assert kinds == {("invitation", "email"), ("receipt", "email")}
    assert not StaffTask.objects.exists()


def test_a_payment_that_fails_after_all_lets_it_climb() -> None:
    link = make_sent(["email", "sms"])
    [mail] = Message.objects.all()
    payments.record(make_seen(link, state=SeenState.PROCESSING))
    comes_back(mail, SENT)

    assert climb(SENT) == [("invitation", "email")]
    payments.record(make_seen(link, state=SeenState.FAILED))
    assert climb(SENT + timedelta(hours=1))[1:] == [("invitation", "sms")]


def test_a_channel_that_is_not_wanted_is_passed_over() -> None:
    make_sent(["email", "sms", "task"])
    opt_outs.store("sms", "+14155550100", OptOut.Scope.ALL, source="STOP")
    [mail] = Message.objects.all()
    comes_back(mail, SENT)

    assert climb(SENT) == [("invitation", "email")]
    assert StaffTask.objects.count() == 1


def test_a_reminder_climbs_by_the_ladder_of_its_step() -> None:
    link = make_sent(["email"])
    ReminderStep.objects.filter(anchor="sent").update(ladder=["sms", "email"])
    at = SENT + timedelta(days=3)
    with clock.frozen(at):
        reminding.enqueue_due()
    sms = Message.objects.get(kind="reminder")
    assert sms.channel == "sms"
    comes_back(sms, at)

    assert ("reminder", "email") in climb(at)
    assert link.tasks.count() == 0


def test_control_without_the_row_nothing_follows() -> None:
    make_sent(["email", "sms"])
    Climb.objects.all().delete()
    [mail] = Message.objects.all()
    comes_back(mail, SENT)

    assert climb(SENT + timedelta(days=9)) == [("invitation", "email")]
