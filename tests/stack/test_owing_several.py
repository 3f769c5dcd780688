"""Who owes several is reminded once and never charged twice, whatever comes at once."""

import random
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db.models import Sum

from customers.models import Customer
from links.models import Checkout, LinkStatus, Payment, PaymentLink
from links.models.links import PaymentLinkQuerySet
from links.providers.base import PaymentSnapshot
from links.services import checkouts, joining, payments, reminding, sending
from links.services.checkouts import CheckoutRefused
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Category, Message

from .gaps import Gap
from .threads import all_well

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York
LATER = SENT + timedelta(days=3)
ROUNDS = 12


@pytest.fixture
def gap() -> Gap:
    return Gap()


def owing(*amounts: int, at: datetime = SENT) -> tuple[Customer, list[PaymentLink]]:
    customer = make_customer()
    with clock.frozen(at):
        made = [make_link(customer, amount_minor=each) for each in amounts]
        for link in made:
            sending.send(link, ["email"], actor=SYSTEM)
    return customer, made


def numbers(owed: list[PaymentLink]) -> list[str]:
    return [str(link.number) for link in owed]


def unlocked(rows: PaymentLinkQuerySet, pks: Collection[int]) -> dict[int, PaymentLink]:
    """`locked_all` without the locks."""
    return {link.pk: link for link in rows.filter(pk__in=pks).order_by("pk")}


# Two passes, each with one of the links.


def remind(batch: int, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(reminding, "BATCH", batch)
    with clock.frozen(LATER):
        return reminding.enqueue_due()


def two_passes(gap: Gap, monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    owing(1000, 2000)
    monkeypatch.setattr(reminding, "_write", gap.before(reminding._write))
    gap.run_well(
        partial(remind, 1, monkeypatch),
        gap.once_taken(partial(remind, 200, monkeypatch)),
    )
    return list(Message.objects.filter(category=Category.REMINDER))


def test_two_passes_at_once_remind_a_customer_once(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    [message] = two_passes(gap, monkeypatch)

    assert message.subject_id
    with clock.frozen(LATER):
        reminding.enqueue_due()
    assert Message.objects.filter(category=Category.REMINDER).count() == 1


def test_control_without_the_customers_lock_they_are_reminded_twice(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminding, "_with_customers", lambda links: links)

    assert len(two_passes(gap, monkeypatch)) == 2


# One pays all while another pays one: of two sessions only one stays open.


def both_open(gap: Gap, monkeypatch: pytest.MonkeyPatch) -> list[Checkout]:
    customer, owed = owing(1000, 2000, at=clock.now())
    monkeypatch.setattr(checkouts, "store", gap.before(checkouts.store))
    gap.run(
        partial(joining.start, customer.pk, numbers(owed), "training"),
        gap.once_taken(partial(checkouts.start, owed[1].pk, "training")),
    )
    return list(Checkout.objects.filter(close_ordered_at=None))


def test_opening_all_and_one_at_once_leaves_one_session(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(both_open(gap, monkeypatch)) == 1


def test_control_without_the_links_locks_both_stay_open(
    gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PaymentLinkQuerySet, "locked", lambda rows, pk: rows.get(pk=pk))
    monkeypatch.setattr(PaymentLinkQuerySet, "locked_all", unlocked)

    assert len(both_open(gap, monkeypatch)) == 2


# Anything at once, many times: no deadlock, and the sums agree.


def test_money_for_all_and_for_each_at_once_adds_up() -> None:
    chance = random.Random(20261127)  # noqa: S311  to be repeated, no secret
    for number in range(ROUNDS):
        customer, owed = owing(1000, 2000, 3000, at=clock.now())
        joining.start(customer.pk, numbers(owed), "training")
        joint = Checkout.objects.get(is_joint=True, link=owed[0])
        jobs: list[Callable[[], object]] = [
            partial(payments.record, seen_of_all(joint, number)),
            partial(payments.record, seen_of_all(joint, number)),
            *(partial(pay_alone, link, number) for link in owed),
            partial(refused_or_open, customer, owed),
        ]
        chance.shuffle(jobs)
        all_well(jobs)
        rows = Payment.objects.filter(link__in=owed)
        sums = rows.aggregate(all=Sum("amount_minor"), over=Sum("surplus_minor"))
        assert sums == {"all": 12_000, "over": 6_000}
        fresh = PaymentLink.objects.filter(pk__in=[link.pk for link in owed])
        assert {link.status for link in fresh} == {LinkStatus.PAID}
        assert all(link.amount_paid_minor == link.amount_minor for link in fresh)


def seen_of_all(joint: Checkout, number: int) -> PaymentSnapshot:
    return make_seen(
        amount_minor=joint.amount_minor,
        checkout_reference=joint.public_id,
        payment_id=f"tpy_all_{number}",
    )


def pay_alone(link: PaymentLink, number: int) -> None:
    name = f"tpy_{link.pk}_{number}"
    payments.record(make_seen(link, payment_id=name, amount_minor=link.amount_minor))


def refused_or_open(customer: Customer, owed: list[PaymentLink]) -> None:
    with suppress(CheckoutRefused):  # some of it was paid first
        joining.start(customer.pk, numbers(owed), "training")
