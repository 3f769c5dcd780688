"""One payment for several links: each link has its part, and nothing is paid twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Sum

from customers.models import Customer
from links.models import (
    Checkout,
    CheckoutState,
    DailyTotal,
    LinkStatus,
    Measure,
    Payment,
    PaymentLink,
    Refund,
    RefundState,
)
from links.providers.base import (
    DisputeSnapshot,
    PaymentSnapshot,
    RefundSnapshot,
    SeenState,
)
from links.providers.base import DisputeState as DisputeTold
from links.providers.base import RefundState as Told
from links.services import (
    asking,
    capturing,
    checkouts,
    comparing,
    disputes,
    joining,
    joint,
    links,
    papers,
    payments,
    receipts,
    refunds,
    sending,
    sessions,
)
from links.services.checkouts import CheckoutRefused
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import Money
from notifications.models import Message

from .factories import NOON, make_customer, make_link, make_seen, said

pytestmark = pytest.mark.django_db
AMOUNTS = (1000, 2000, 4000)


def owing(*amounts: int, currency: str = "EUR") -> tuple[Customer, list[PaymentLink]]:
    customer = make_customer()
    made = [
        make_link(customer, amount_minor=each, currency=currency) for each in amounts
    ]
    for link in made:
        sending.send(link, ["email"], actor=SYSTEM)
    return customer, made


def numbers(owed: list[PaymentLink]) -> list[str]:
    return [str(link.number) for link in owed]


def opened(customer: Customer, owed: list[PaymentLink]) -> Checkout:
    joining.start(customer.pk, numbers(owed), "training")
    return Checkout.objects.get(is_joint=True, close_ordered_at=None)


def told(checkout: Checkout, **more: Any) -> PaymentSnapshot:
    more.setdefault("amount_minor", checkout.amount_minor)
    return make_seen(checkout_reference=checkout.public_id, **more)


def statuses(owed: list[PaymentLink]) -> list[str]:
    return [PaymentLink.objects.get(pk=link.pk).status for link in owed]


def paid_sum() -> tuple[int, int]:
    found = DailyTotal.objects.filter(measure=Measure.PAID).aggregate(
        minor=Sum("amount_minor"), count=Sum("count")
    )
    return found["minor"] or 0, found["count"] or 0


def refund(
    amount_minor: int, name: str = "re_1", reference: str = ""
) -> RefundSnapshot:
    return RefundSnapshot(
        provider_refund_id=name,
        state=Told.SUCCEEDED,
        amount=Money(amount_minor, "EUR"),
        occurred_at=NOON,
        reference=reference,
    )


def test_one_session_asks_for_all_and_its_money_pays_each() -> None:
    customer, owed = owing(*AMOUNTS)
    checkout = opened(customer, owed)
    assert checkout.amount_minor == 7000

    payments.record(told(checkout, fee_minor=100))

    assert statuses(owed) == [LinkStatus.PAID] * 3
    rows = Payment.objects.order_by("part")
    assert [(row.link_id, row.amount_minor) for row in rows] == [
        (link.pk, amount) for link, amount in zip(owed, AMOUNTS, strict=True)
    ]
    assert sum(row.fee_minor or 0 for row in rows) == 100
    assert all(row.surplus_minor == 0 and not row.mismatch for row in rows)
    assert paid_sum() == (7000, 3)
    checkout.refresh_from_db()
    assert checkout.state == CheckoutState.COMPLETED


def test_told_again_it_changes_nothing() -> None:
    customer, owed = owing(*AMOUNTS)
    checkout = opened(customer, owed)
    payments.record(told(checkout, fee_minor=100))
    before = list(Payment.objects.order_by("part").values())

    assert payments.record(told(checkout, fee_minor=100)) is None

    assert list(Payment.objects.order_by("part").values()) == before
    assert paid_sum() == (7000, 3)


def test_processing_first_each_waits_and_then_is_paid() -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)

    payments.record(told(checkout, state=SeenState.PROCESSING))
    assert all(sessions.has_money_under_way(link) for link in owed)
    with pytest.raises(CheckoutRefused):
        joining.start(customer.pk, numbers(owed), "training")
    payments.record(told(checkout))

    assert statuses(owed) == [LinkStatus.PAID] * 2
    assert paid_sum() == (3000, 2)


def test_booked_before_its_checkout_was_known_it_is_shared_out_later() -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)
    payments.record(make_seen(amount_minor=3000))
    assert paid_sum() == (3000, 1)

    payments.record(told(checkout))

    assert statuses(owed) == [LinkStatus.PAID] * 2
    amounts = Payment.objects.order_by("part").values_list("amount_minor", flat=True)
    assert list(amounts) == [1000, 2000]
    assert paid_sum() == (3000, 2)


@pytest.mark.parametrize(
    ("amount", "shares", "states"),
    [
        (2500, [1000, 1500], ["paid", "active"]),
        (900, [900], ["active", "active"]),
        (3500, [1000, 2500], ["paid", "paid"]),
    ],
)
def test_another_amount_fills_one_after_the_other(
    amount: int, shares: list[int], states: list[str]
) -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)

    payments.record(told(checkout, amount_minor=amount))

    rows = Payment.objects.order_by("part")
    assert [row.amount_minor for row in rows] == shares
    assert statuses(owed) == states
    assert sum(row.surplus_minor for row in rows) == max(amount - 3000, 0)


def test_a_link_paid_alone_meanwhile_gets_its_part_back() -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)
    payments.record(make_seen(owed[0], payment_id="tpy_alone", amount_minor=1000))
    checkout.refresh_from_db()
    assert checkout.close_ordered_at is not None

    payments.record(told(checkout))

    assert statuses(owed) == [LinkStatus.PAID] * 2
    proposed = Refund.objects.get()
    assert (proposed.payment.link_id, proposed.amount_minor) == (owed[0].pk, 1000)


def test_opening_all_closes_what_is_open_of_each_and_the_other_way_round() -> None:
    customer, owed = owing(1000, 2000)
    checkouts.start(owed[1].pk, "training")
    alone = Checkout.objects.get()

    joint = opened(customer, owed)
    alone.refresh_from_db()
    assert alone.close_ordered_at is not None
    assert opened(customer, owed) == joint  # a second click

    checkouts.start(owed[1].pk, "training")
    joint.refresh_from_db()
    assert joint.close_ordered_at is not None


def test_less_is_another_session_and_the_first_is_closed() -> None:
    customer, owed = owing(*AMOUNTS)
    first = opened(customer, owed)

    second = opened(customer, owed[:2])

    first.refresh_from_db()
    assert first.close_ordered_at is not None
    assert second.amount_minor == 3000


@pytest.mark.parametrize("how", ["cancel", "edit", "foreign", "currency", "unknown"])
def test_what_cannot_be_paid_so_is_refused(how: str) -> None:
    customer, owed = owing(1000, 2000)
    wanted = numbers(owed)
    if how == "cancel":
        links.cancel(owed[0], actor=SYSTEM)
    elif how == "edit":
        PaymentLink.objects.filter(pk=owed[0].pk).update(last_sent_at=None)
    elif how == "foreign":
        wanted += numbers(owing_elsewhere())
    elif how == "currency":
        other = make_link(customer, currency="USD")
        sending.send(other, ["email"], actor=SYSTEM)
        wanted += numbers([other])
    else:
        wanted += ["PL-2026-999999"]

    with pytest.raises(CheckoutRefused):
        joining.start(customer.pk, wanted, "training")
    assert not Checkout.objects.exists()


def owing_elsewhere() -> list[PaymentLink]:
    link = make_link(make_customer(email="grace@example.com"))
    sending.send(link, ["email"], actor=SYSTEM)
    return [link]


def test_canceling_one_closes_the_session_of_all() -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)

    links.cancel(owed[1], actor=SYSTEM)

    checkout.refresh_from_db()
    assert checkout.close_ordered_at is not None


@pytest.mark.parametrize("by_reference", [True, False])
def test_our_refund_of_one_part_stays_there(*, by_reference: bool) -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)
    payments.record(told(checkout))
    second = Payment.objects.get(part=1)
    mine = Refund.objects.create(
        payment=second,
        amount_minor=500,
        currency="EUR",
        state=RefundState.SENDING,
        proposed_at=NOON,
        provider_refund_id="" if by_reference else "re_1",
    )
    news = refund(500, reference=mine.public_id if by_reference else "")

    payments.record(with_refunds(checkout, news))

    second.refresh_from_db()
    assert second.refunded_minor == 500
    assert Refund.objects.count() == 1


def with_refunds(checkout: Checkout, *news: RefundSnapshot) -> PaymentSnapshot:
    return replace(told(checkout), refunds=tuple(news))


def test_a_refund_made_at_the_provider_goes_over_the_parts_once() -> None:
    customer, owed = owing(*AMOUNTS)
    checkout = opened(customer, owed)
    payments.record(told(checkout))

    for _again in range(2):
        payments.record(with_refunds(checkout, refund(2500)))
    payments.record(with_refunds(checkout, refund(2500), refund(4500, "re_2")))

    given = Payment.objects.order_by("part").values_list("refunded_minor", flat=True)
    assert list(given) == list(AMOUNTS)
    assert Refund.objects.aggregate(sum=Sum("amount_minor"))["sum"] == 7000


def test_while_it_is_disputed_no_part_is_given_back() -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)
    payments.record(told(checkout))

    disputes.book(
        disputes.Told(
            DisputeSnapshot(
                account_slug="training",
                provider_dispute_id="dp_1",
                provider_payment_id="tpy_1",
                state=DisputeTold.NEEDS_RESPONSE,
                amount=Money(3000, "EUR"),
                opened_at=NOON,
                changed_at=NOON,
                reason="fraudulent",
                respond_by=None,
            ),
            None,
        )
    )

    assert [refunds.left(row) for row in Payment.objects.order_by("part")] == [0, 0]


def test_the_books_and_the_account_agree_on_it() -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)
    seen = with_refunds(checkout, refund(1500))
    payments.record(seen)
    booked = comparing._booked(Payment.objects.all()[0].account, "tpy_1")

    assert booked is not None
    assert booked.amount == seen.amount
    assert [one.amount.amount_minor for one in booked.refunds] == [1500]
    assert list(comparing._gaps(booked, seen, NOON + timedelta(days=1))) == []


def test_the_payer_gets_one_receipt_with_a_file_for_each() -> None:
    customer, owed = owing(*AMOUNTS)
    payments.record(told(opened(customer, owed)))

    receipt = Message.objects.get(kind="receipt")
    words = said(receipt)
    files = receipts.attachments([receipt])[receipt.pk]()

    assert "€70.00" in words
    assert all(number in words for number in numbers(owed))
    assert len(files) == 3
    assert all(each.content.startswith(b"%PDF") for each in files)


def test_what_is_taken_later_is_held_against_each_link_once_more() -> None:
    customer, owed = owing(1000, 2000)
    checkout = opened(customer, owed)
    assert capturing._may_take(checkout)
    Checkout.objects.update(state=CheckoutState.OPEN)
    PaymentLink.objects.filter(pk=owed[1].pk).update(amount_paid_minor=1)

    assert not capturing._may_take(checkout)


def test_an_invoice_is_paid_as_by_a_payment_of_its_own() -> None:
    customer, owed = owing(1000, 2000)
    payments.record(told(opened(customer, owed)))

    for link in PaymentLink.objects.all():
        [paid] = receipts.of_link(link)
        assert paid.amount_minor == link.amount_minor
        assert papers.has_invoice(link)
        assert asking.due_now(link).amount_minor == 0


def test_who_owes_one_pays_it_as_ever() -> None:
    customer, owed = owing(1000)

    joining.start(customer.pk, numbers(owed), "training")

    assert not Checkout.objects.get().is_joint


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [33, 33, 34]),
        (-10, [3, 1], None),
        (0, [5, 6], [0, 0]),
    ],
)
def test_shares_of_a_fee_add_up(
    total: int, weights: list[int], parts: list[int] | None
) -> None:
    found = joint._in_proportion(total, weights)

    assert sum(found) == total
    assert parts is None or found == parts
