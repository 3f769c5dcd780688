"""Any order and repetition of the same news of money ends in the same rows."""

import itertools
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from links.models import Activity, DailyTotal, Payment, PaymentLink
from links.providers.base import PaymentSnapshot, SeenState
from links.services import checkouts, links, payments
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message

from .factories import NOON, make_customer, make_link, make_seen

pytestmark = pytest.mark.django_db


def news(link: PaymentLink, number: int) -> list[PaymentSnapshot]:
    """Four payments, each as it was told: in steps, with and without our references."""
    checkout = link.checkouts.get().public_id
    later = NOON + timedelta(minutes=1)
    card = make_seen(link, payment_id=f"card{number}", checkout_reference=checkout)
    debit = make_seen(link, payment_id=f"debit{number}", occurred_at=later)
    other = make_seen(link, payment_id=f"other{number}", currency="USD")
    short = make_seen(link, payment_id=f"short{number}", amount_minor=300)
    return [
        replace(card, state=SeenState.PROCESSING, method=""),
        replace(card, state=SeenState.FAILED, failure="declined"),
        replace(card, link_reference="", checkout_reference=""),
        card,
        replace(debit, link_reference=""),
        debit,
        replace(other, state=SeenState.PROCESSING),
        other,
        replace(short, occurred_at=later + timedelta(minutes=1)),
    ]


def ends(link: PaymentLink) -> tuple[object, ...]:
    link.refresh_from_db()
    rows = link.payments.order_by("provider_payment_id").values_list(
        "state",
        "amount_minor",
        "surplus_minor",
        "mismatch",
        "is_late",
        "method",
        "failure",
        "checkout__public_id",
    )
    told = Activity.objects.filter(link=link, kind="payment.succeeded").count()
    receipts = Message.objects.filter(reference=link.public_id, kind="receipt").count()
    checkout = link.checkouts.get()
    return (
        link.status,
        link.amount_paid_minor,
        tuple((*row[:-1], row[-1] == checkout.public_id) for row in rows),
        checkout.state,
        told,
        receipts,
    )


def test_any_order_and_repetition_ends_in_the_same_rows() -> None:
    rng = random.Random(20260310)  # noqa: S311 - shuffles a test
    customer = make_customer()
    found = set()
    for number in range(25):
        with clock.frozen(NOON):
            link = make_link(customer)
            checkouts.start(link.pk, "training")
            told = news(link, number)
            told += rng.choices(told, k=4)
            rng.shuffle(told)
            for seen in told:
                payments.record(seen)
        found.add(ends(link))

    assert len(found) == 1
    ((status, paid, rows, *_rest),) = found
    assert (status, paid, len(rows)) == ("paid", 1250, 4)  # type: ignore[arg-type]
    assert [row[2] for row in rows] == [0, 1250, 0, 300]  # type: ignore[attr-defined]
    assert not Payment.objects.filter(link=None).exists()
    totals = {
        t.currency: t.amount_minor for t in DailyTotal.objects.filter(measure="paid")
    }
    assert totals == {"EUR": 25 * 2800, "USD": 25 * 1250}


@pytest.mark.parametrize("end", ["canceled", "expired", "expired, not swept"])
def test_all_that_comes_after_the_end_is_late_in_any_order(end: str) -> None:
    """Also what is heard of after other late money has paid the link."""
    customer = make_customer()
    for number, order in enumerate(itertools.permutations([300, 1250])):
        with clock.frozen(NOON):
            link = make_link(customer, expires_at=NOON + timedelta(hours=1))
            if end == "canceled":
                links.cancel(link, actor=SYSTEM)
        with clock.frozen(NOON + timedelta(hours=2)):
            if end == "expired":
                assert links.expire_due() == 1
            for amount in order:
                identity = f"tpy_{number}_{amount}"
                payments.record(
                    make_seen(link, payment_id=identity, amount_minor=amount)
                )

        link.refresh_from_db()
        assert link.status == "paid"
        assert [paid.is_late for paid in link.payments.all()] == [True, True]
