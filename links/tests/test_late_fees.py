"""Late fees: a link of its own beside what is late, asked with the reminder for it."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from links.models import (
    Activity,
    Checkout,
    DueState,
    LinkStatus,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
    Tone,
)
from links.providers.training import TrainingProvider
from links.services import (
    joining,
    late_fees,
    links,
    owed,
    papers,
    payments,
    rehearsal,
    reminding,
    sending,
)
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import MAX_MINOR
from notifications.models import Category, Message, MessageState
from notifications.services import claims, contents

from .factories import make_customer, make_link, make_seen, said

pytestmark = pytest.mark.django_db
SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York
DUE_ON = date(2026, 3, 9)
STEP = datetime(2026, 3, 19, 14, 0, tzinfo=UTC)  # ten days late, 10:00 in New York


def make_late(
    *, fee_minor: int = 500, interest_bp: int = 0, **more: Any
) -> PaymentLink:
    plan = ReminderPlan.objects.create(name="Strict")
    ReminderStep.objects.create(
        plan=plan,
        anchor="due",
        offset_days=10,
        tone=Tone.FIRM,
        fee_minor=fee_minor,
        interest_bp=interest_bp,
        **more,
    )
    with clock.frozen(SENT):
        Business.objects.current()
        Business.objects.update(currency="EUR")
        link = make_link(make_customer(), amount_minor=100_000, due_on=DUE_ON)
        PaymentLink.objects.filter(pk=link.pk).update(reminder_plan=plan)
        link.refresh_from_db()
        sending.send(link, ["email"], actor=SYSTEM)
    return link


def run(at: datetime) -> list[Message]:
    with clock.frozen(at):
        while reminding.enqueue_due():
            pass
    return list(Message.objects.filter(category=Category.REMINDER).order_by("pk"))


def test_the_fee_is_a_link_of_its_own_named_in_the_reminder() -> None:
    link = make_late()

    [message] = run(STEP)

    fee = link.fees.get()
    assert (fee.amount_minor, fee.status, fee.tax_minor) == (500, LinkStatus.ACTIVE, 0)
    assert fee.lines.get().description == f"Late fee: {link.number}"
    with clock.frozen(STEP):
        contents.prepare([each.message for each in claims.claim(10)])
    words = said(message)
    assert f"{link.number} (€1,000.00), {fee.number} (€5.00)" in words
    assert "€1,005.00" in words
    link.refresh_from_db()
    assert link.amount_minor == 100_000


def test_both_are_paid_on_one_page() -> None:
    link = make_late()
    run(STEP)

    with clock.frozen(STEP):
        assert link.customer is not None
        page = owed.find_by_token(owed.token_of(link.customer.pk))

    assert page is not None
    assert [one.amount_minor for one in page.by_currency["EUR"]] == [100_000, 500]


@pytest.mark.parametrize(
    ("fee_minor", "interest_bp", "asked"),
    [
        (500, 0, 500),
        (0, 900, 247),  # 9 % of 1,000.00 for 10 of 365 days: 2.4657…
        (500, 900, 747),
        (0, 0, 0),
    ],
)
def test_a_fixed_sum_and_interest_by_days(
    fee_minor: int, interest_bp: int, asked: int
) -> None:
    link = make_late(fee_minor=fee_minor, interest_bp=interest_bp)

    run(STEP)

    assert sum(fee.amount_minor for fee in link.fees.all()) == asked


def test_interest_is_of_what_is_still_open() -> None:
    link = make_late(fee_minor=0, interest_bp=900)
    with clock.frozen(SENT):
        payments.record(make_seen(link, amount_minor=50_000))

    run(STEP)

    assert link.fees.get().amount_minor == 123


def test_a_second_step_counts_its_days_from_the_first() -> None:
    link = make_late(fee_minor=0, interest_bp=3650)
    assert link.reminder_plan is not None
    ReminderStep.objects.create(
        plan=link.reminder_plan, anchor="due", offset_days=15, interest_bp=3650
    )
    with clock.frozen(SENT):
        sending.send(link, ["email"], actor=SYSTEM)
    messages = run(STEP)
    Message.objects.filter(pk=messages[0].pk).update(
        state=MessageState.SENT, sent_at=STEP
    )

    run(STEP + timedelta(days=5))

    amounts = link.fees.order_by("pk").values_list("amount_minor", flat=True)
    assert list(amounts) == [1000, 500]  # a thousandth a day


@pytest.mark.parametrize("how", ["not late", "no date", "paid", "currency"])
def test_where_none_is_asked(how: str) -> None:
    link = make_late()
    if how == "not late":
        PaymentLink.objects.filter(pk=link.pk).update(due_on=date(2026, 3, 19))
    elif how == "no date":
        PaymentLink.objects.filter(pk=link.pk).update(due_on=None)
    elif how == "currency":
        Business.objects.update(currency="USD")
    else:
        with clock.frozen(SENT):
            payments.record(make_seen(link, amount_minor=100_000))

    run(STEP)

    assert not link.fees.exists()


def test_it_is_asked_once_for_each_step() -> None:
    link = make_late()
    run(STEP)
    ReminderDue.objects.filter(link=link).update(state=DueState.PLANNED, due_at=STEP)
    Message.objects.filter(category=Category.REMINDER).update(
        sent_at=SENT, due_at=SENT, state=MessageState.SENT
    )

    run(STEP + timedelta(days=2))

    assert link.fees.count() == 1


def test_at_night_it_waits_with_the_message() -> None:
    link = make_late(local_time=time(23, 30))
    night = datetime(2026, 3, 20, 3, 30, tzinfo=UTC)

    assert run(night) == []
    assert not link.fees.exists()
    with clock.frozen(night):
        payments.record(make_seen(link, amount_minor=100_000))
    assert run(night + timedelta(hours=12)) == []

    assert not link.fees.exists()


def test_who_sent_the_link_has_the_fee_and_both_tell_of_it() -> None:
    link = make_late()

    run(STEP)

    fee = link.fees.get()
    assert fee.created_by == link.created_by
    assert Activity.objects.filter(link=link, kind="fee.charged").count() == 1
    assert Activity.objects.filter(link=fee, kind="fee.of").count() == 1


def test_it_is_never_reminded_of_by_itself() -> None:
    link = make_late()
    run(STEP)
    with clock.frozen(STEP):
        payments.record(make_seen(link, amount_minor=100_000))

    assert len(run(STEP + timedelta(days=60))) == 1
    assert not link.fees.get().reminders_due.exists()


def test_what_is_taken_back_takes_its_fee_along() -> None:
    link = make_late()
    run(STEP)

    with clock.frozen(STEP):
        links.cancel(link, actor=SYSTEM)

    assert link.fees.get().status == LinkStatus.CANCELED


def test_a_fee_is_waived_by_canceling_it_and_the_rest_stays() -> None:
    link = make_late()
    run(STEP)

    with clock.frozen(STEP):
        links.cancel(link.fees.get(), actor=SYSTEM, reason="As agreed")

    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE


def test_the_invoice_stays_as_it_was_issued() -> None:
    link = make_late()
    business = Business.objects.current()
    lines = list(link.lines.all())
    before = papers.invoice(link, lines, business, "en", is_payable=True)

    run(STEP)

    link.refresh_from_db()
    lines = list(link.lines.all())
    assert papers.invoice(link, lines, business, "en", is_payable=True) == before


def test_the_rehearsal_foretells_the_hour_of_a_step_with_a_fee() -> None:
    make_late(local_time=time(23, 30))
    with clock.frozen(SENT + timedelta(days=1)):
        foretold = [
            each.at
            for each in rehearsal.rehearse()
            if each.outcome == rehearsal.MESSAGE
        ]

    assert foretold == [datetime(2026, 3, 20, 12, 0, tzinfo=UTC)]
    assert run(foretold[0] - timedelta(hours=8)) == []
    assert len(run(foretold[0])) == 1


def test_no_fee_is_more_than_can_be_paid() -> None:
    step = ReminderStep(act="message", fee_minor=10**17, interest_bp=10_000)
    link = make_late()

    found = late_fees.minor(link, step, Business.objects.current(), STEP)

    assert found == MAX_MINOR


def test_one_too_small_to_be_paid_alone_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = make_late(fee_minor=1)
    least = replace(TrainingProvider.capabilities, minimum_minor={"EUR": 50})
    monkeypatch.setattr(TrainingProvider, "capabilities", least)

    assert len(run(STEP)) == 1

    fee = link.fees.get()
    assert link.customer is not None
    numbers = [str(link.number), str(fee.number)]
    with clock.frozen(STEP):
        joining.start(link.customer.pk, numbers, "training")
    assert Checkout.objects.get().amount_minor == 100_001


def test_a_pass_makes_a_bounded_number_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reminding, "MOST_FEES", 1)
    made = [make_late(), make_late()]

    with clock.frozen(STEP):
        reminding.enqueue_due()
        assert sum(link.fees.count() for link in made) == 1
        reminding.enqueue_due()

    assert [link.fees.count() for link in made] == [1, 1]
    assert Message.objects.filter(category=Category.REMINDER).count() == 2
