"""One reminder for all that a customer owes, and one page to pay it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from links.message_kinds import _link_urls
from links.models import (
    Activity,
    AmountKind,
    DueState,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
    ReplyKind,
    Tone,
)
from links.providers.base import SeenState
from links.services import (
    links,
    owed,
    pausing,
    payments,
    rehearsal,
    reminder_rules,
    reminders,
    reminding,
    replies,
    sending,
    together,
)
from links.services.terms import Terms
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Category, Message, MessageState
from notifications.services import claims, contents

from .factories import make_customer, make_link, make_seen, make_user, said

pytestmark = pytest.mark.django_db
SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York
STEP = SENT + timedelta(days=3)


def owe(
    customer: Customer, *, at: datetime = SENT, amount_minor: int = 1250, **more: Any
) -> PaymentLink:
    with clock.frozen(at):
        link = make_link(customer, amount_minor=amount_minor, **more)
        sending.send(link, ["email"], actor=SYSTEM)
    return link


def run(at: datetime) -> list[Message]:
    """The pass at that moment; what it queued."""
    before = set(Message.objects.values_list("pk", flat=True))
    with clock.frozen(at):
        while reminding.enqueue_due():
            pass
    fresh = Message.objects.filter(category=Category.REMINDER).exclude(pk__in=before)
    return list(fresh.order_by("pk"))


def leave(messages: Iterable[Message], at: datetime) -> None:
    pks = [message.pk for message in messages]
    Message.objects.filter(pk__in=pks).update(state=MessageState.SENT, sent_at=at)


def reasons(link: PaymentLink) -> list[tuple[str, str]]:
    return list(link.reminders_due.order_by("due_at").values_list("state", "reason"))


def words_of(message: Message, at: datetime) -> str:
    with clock.frozen(at):
        held = claims.claim(100)
        contents.prepare([each.message for each in held])
    return said(message)


def test_two_that_come_due_together_are_one_message_for_both() -> None:
    customer = make_customer()
    first, second = owe(customer), owe(customer, amount_minor=2000)

    [message] = run(STEP)

    assert message.reference == first.public_id
    assert message.subject_id == customer.public_id
    words = words_of(message, STEP)
    assert "€32.50" in words
    assert "2 open payments" in words
    assert f"{first.number} (€12.50), {second.number} (€20.00)" in words


def test_it_leads_to_the_page_for_all() -> None:
    customer = make_customer()
    owe(customer)
    owe(customer)
    [message] = run(STEP)

    assert _link_urls([message]) == {message.pk: owed.url_of(customer.pk)}


def test_the_other_step_is_left_out_once_it_has_left() -> None:
    customer = make_customer()
    owe(customer)
    second = owe(customer)
    messages = run(STEP)
    assert reasons(second)[0][0] == DueState.PLANNED
    leave(messages, STEP)

    assert run(STEP + timedelta(minutes=31)) == []

    assert reasons(second) == [(DueState.DROPPED, reminder_rules.TOGETHER_DONE)]
    assert Activity.objects.filter(link=second, kind="reminder.together").count() == 1


def test_if_the_first_is_paid_before_it_leaves_the_other_is_reminded_of() -> None:
    customer = make_customer()
    first, second = owe(customer), owe(customer)
    [message] = run(STEP)
    with clock.frozen(STEP):
        payments.record(make_seen(first))
    message.refresh_from_db()
    assert message.state == MessageState.CANCELED

    [again] = run(STEP + timedelta(minutes=31))

    assert again.reference == second.public_id
    assert again.subject_id == ""


def test_within_a_day_nothing_else_that_was_named_is_asked_for() -> None:
    customer = make_customer()
    owe(customer)
    second = owe(customer)
    in_the_afternoon(second)
    leave(run(STEP), STEP)

    assert run(STEP + timedelta(hours=6)) == []
    assert reasons(second) == [(DueState.DROPPED, reminder_rules.TOGETHER_DONE)]


def in_the_afternoon(link: PaymentLink) -> None:
    plan = ReminderPlan.objects.create(name="Later that day")
    ReminderStep.objects.create(
        plan=plan, anchor="sent", offset_days=3, local_time=time(16)
    )
    follow(link, plan)


def follow(link: PaymentLink, plan: ReminderPlan) -> None:
    PaymentLink.objects.filter(pk=link.pk).update(reminder_plan=plan)
    link.refresh_from_db()
    with clock.frozen(SENT):
        reminders.plan(link)


def test_after_a_day_it_is_asked_for_again() -> None:
    customer = make_customer()
    owe(customer)
    second = owe(customer, at=SENT + timedelta(hours=30))
    leave(run(STEP), STEP)

    [message] = run(STEP + timedelta(hours=30))

    assert message.reference == second.public_id


@pytest.mark.parametrize(
    "how", ["not due", "just sent", "promised", "paused", "asked", "paying", "choosing"]
)
def test_what_can_wait_is_neither_named_nor_left_out(how: str) -> None:
    customer = make_customer()
    owe(customer)
    more: dict[str, Any] = {}
    at = SENT
    if how == "not due":
        more["due_on"] = date(2026, 4, 1)
    elif how == "choosing":
        more["terms"] = Terms(kind=AmountKind.CHOSEN, minimum_minor=100)
        more["amount_minor"] = 0
    elif how == "just sent":
        at = STEP - timedelta(hours=23)
    second = owe(customer, at=at, **more)
    with clock.frozen(SENT + timedelta(hours=1)):
        if how == "promised":
            said_ = replies.Said(ReplyKind.PROMISE, promised_on=date(2026, 3, 9))
            replies.give(second, said_, is_payable=True)
        elif how == "asked":
            said_ = replies.Said(ReplyKind.QUESTION, "Is that right?")
            replies.give(second, said_, is_payable=True)
        elif how == "paused":
            until = SENT + timedelta(days=9)
            pausing.pause(second, reason="Talks", until=until, by=make_user())
        elif how == "paying":
            payments.record(make_seen(second, state=SeenState.PROCESSING))

    messages = run(STEP)

    assert [
        message.subject_id
        for message in messages
        if message.reference != second.public_id
    ] == [""]
    assert (DueState.DROPPED, reminder_rules.TOGETHER_DONE) not in reasons(second)


def test_a_plan_may_keep_them_apart() -> None:
    customer = make_customer()
    owe(customer)
    owe(customer)
    ReminderPlan.objects.update(is_together=False)

    messages = run(STEP)

    assert [message.subject_id for message in messages] == ["", ""]


def test_the_firmest_step_speaks_for_all() -> None:
    customer = make_customer()
    first, second = owe(customer), owe(customer)
    firm = ReminderPlan.objects.create(name="Firm")
    ReminderStep.objects.create(plan=firm, anchor="sent", offset_days=3, tone=Tone.LAST)
    follow(second, firm)

    [message] = run(STEP)

    assert (message.reference, message.kind) == (second.public_id, "reminder_last")
    assert reasons(first)[0][1] == reminder_rules.TOGETHER_SOON


def test_what_was_paid_before_it_leaves_is_not_named() -> None:
    customer = make_customer()
    first, second = owe(customer), owe(customer)
    third = owe(customer)
    [message] = run(STEP)
    with clock.frozen(STEP):
        payments.record(make_seen(second))

    words = words_of(message, STEP)

    assert str(second.number) not in words
    assert str(third.number) in words
    assert "€25.00" in words
    assert str(first.number) in words


def test_people_are_not_mixed_up() -> None:
    owe(make_customer())
    owe(make_customer(email="grace@example.com"))

    messages = run(STEP)

    assert [message.subject_id for message in messages] == ["", ""]


def test_the_rehearsal_tells_the_same() -> None:
    customer = make_customer()
    first = owe(customer, due_on=date(2026, 3, 20))
    second = owe(customer, due_on=date(2026, 3, 20))
    third = owe(customer, at=SENT + timedelta(hours=30))
    with clock.frozen(SENT + timedelta(hours=31)):
        foretold = {
            (each.link.pk, each.at)
            for each in rehearsal.rehearse()
            if each.outcome == rehearsal.MESSAGE
        }
    lived = set()
    at: datetime | None = SENT + timedelta(hours=31)
    while at is not None and at < SENT + timedelta(days=31):
        messages = run(at)
        leave(messages, at)
        by_id = {link.public_id: link.pk for link in (first, second, third)}
        lived |= {(by_id[message.reference], at) for message in messages}
        at = (
            ReminderDue.objects.filter(state=DueState.PLANNED, due_at__gt=at)
            .order_by("due_at")
            .values_list("due_at", flat=True)
            .first()
        )

    assert lived == foretold
    assert len(lived) < 7  # seven steps, and some were said with others


def test_a_pass_costs_the_same_however_much_is_owed() -> None:
    def cost(count: int, email: str) -> tuple[int, int]:
        customer = make_customer(email=email)
        for _number in range(count):
            owe(customer)
        with clock.frozen(STEP), CaptureQueriesContext(connection) as queries:
            assert reminding.enqueue_due() == count
        with clock.frozen(STEP), CaptureQueriesContext(connection) as more:
            [message] = Message.objects.filter(subject_id=customer.public_id)
            contents.prepare([message])
        return len(queries), len(more)

    assert cost(2, "ada@example.com") == cost(12, "grace@example.com")


def test_what_stops_one_of_them_stops_the_message_with_it() -> None:
    customer = make_customer()
    first = owe(customer)
    owe(customer)
    [message] = run(STEP)
    with clock.frozen(STEP):
        links.cancel(first, actor=SYSTEM)

    message.refresh_from_db()
    assert message.state == MessageState.CANCELED


def test_a_text_of_few_signs_names_a_few() -> None:
    customer = make_customer()
    made = [owe(customer) for _number in range(5)]

    mail = together.of_all(made, "email", "en")
    text = together.of_all(made, "sms", "en")

    assert mail["number"].count("€12.50") == 5
    assert text["number"] == ", ".join([str(one.number) for one in made[:3]] + ["…"])
    assert mail["balance"] == text["balance"] == "€62.50"


@pytest.mark.parametrize("how", ["not due", "choosing"])
def test_what_the_page_for_all_does_not_ask_is_reminded_of_alone(how: str) -> None:
    customer = make_customer()
    owe(customer, at=SENT - timedelta(days=9))
    more: dict[str, Any] = {"due_on": date(2026, 4, 1)}
    if how == "choosing":
        more = {"terms": Terms(kind=AmountKind.CHOSEN), "amount_minor": 0}
    second = owe(customer, **more)
    ReminderDue.objects.exclude(link=second).delete()

    [message] = run(STEP)

    assert (message.reference, message.subject_id) == (second.public_id, "")
