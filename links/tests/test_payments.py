"""Booking money: once, in any order, never dropped."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from links.models import (
    Activity,
    CheckoutState,
    DailyTotal,
    DueState,
    LinkStatus,
    Mismatch,
    Payment,
    PaymentLink,
    PaymentState,
    ProviderAccount,
)
from links.providers.base import PaymentSnapshot, SeenState
from links.services import (
    checkouts,
    links,
    manual,
    payment_places,
    payments,
    sending,
)
from links.services.errors import LinkConflict
from links.services.payment_places import Found, Place
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Category, Message, MessageState

from .factories import NOON, make_customer, make_link, make_seen

pytestmark = pytest.mark.django_db


def test_books_once_when_the_same_news_comes_twice() -> None:
    link = make_link(make_customer())

    assert payments.record(make_seen(link)) is not None
    assert payments.record(make_seen(link)) is None

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert link.amount_paid_minor == 1250
    payment = link.payments.get()
    receipt = Message.objects.get(kind="receipt")
    assert receipt.dedupe_key == f"receipt:{payment.public_id}:email"
    total = DailyTotal.objects.get(measure="paid")
    assert (total.day, total.count, total.amount_minor) == (NOON.date(), 1, 1250)


def test_money_for_nothing_we_know_is_kept_as_an_orphan() -> None:
    payment = payments.record(make_seen(None))

    assert payment is not None
    assert payment.link is None
    assert payment.state == PaymentState.SUCCEEDED
    assert Message.objects.count() == 0


def test_a_draft_is_never_paid_by_its_reference() -> None:
    link = make_link(draft=True)

    payment = payments.record(make_seen(link))

    assert payment is not None
    assert payment.link is None
    link.refresh_from_db()
    assert link.status == LinkStatus.DRAFT


def test_a_short_payment_leaves_the_balance_open() -> None:
    link = make_link(make_customer())

    payments.record(make_seen(link, amount_minor=1000))

    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE
    assert link.balance.amount_minor == 250


def test_two_short_payments_pay_the_link() -> None:
    link = make_link()

    payments.record(make_seen(link, payment_id="a", amount_minor=1000))
    payments.record(make_seen(link, payment_id="b", amount_minor=250))

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert {p.surplus_minor for p in link.payments.all()} == {0}


def test_a_second_full_payment_is_surplus_whichever_is_heard_first() -> None:
    rows = []
    early = {"payment_id": "early", "occurred_at": NOON}
    late = {"payment_id": "late", "occurred_at": NOON + timedelta(seconds=1)}
    for order in itertools.permutations([early, late]):
        link = make_link()
        for facts in order:
            payments.record(
                make_seen(
                    link,
                    payment_id=f"{facts['payment_id']}-{link.pk}",
                    occurred_at=facts["occurred_at"],  # type: ignore[arg-type]
                )
            )
        link.refresh_from_db()
        rows.append(
            (
                link.status,
                link.amount_paid_minor,
                [
                    (p.provider_payment_id.split("-")[0], p.surplus_minor)
                    for p in link.payments.order_by("occurred_at")
                ],
            )
        )

    assert rows[0] == rows[1]
    assert rows[0] == (LinkStatus.PAID, 1250, [("early", 0), ("late", 1250)])


def test_other_currency_is_booked_and_never_pays_the_link() -> None:
    link = make_link(currency="EUR")

    payment = payments.record(make_seen(link, currency="USD"))

    link.refresh_from_db()
    assert payment is not None
    assert payment.mismatch == Mismatch.CURRENCY
    assert link.status == LinkStatus.ACTIVE
    assert link.amount_paid_minor == 0


@pytest.mark.parametrize("closed_by", ["cancel", "expire"])
def test_money_for_a_closed_link_pays_it_and_is_flagged_late(closed_by: str) -> None:
    link = make_link(expires_at=clock.now() + timedelta(hours=1))
    if closed_by == "cancel":
        links.cancel(link, actor=SYSTEM)
    else:
        with clock.frozen(clock.now() + timedelta(hours=2)):
            assert links.expire_due() == 1

    payment = payments.record(make_seen(link))

    link.refresh_from_db()
    assert payment is not None
    assert payment.is_late
    assert link.status == LinkStatus.PAID


def test_every_order_of_news_about_one_payment_ends_in_the_same_row() -> None:
    facts = [
        {"state": SeenState.PROCESSING},
        {"state": SeenState.FAILED},
        {"state": SeenState.SUCCEEDED},
        {"state": SeenState.SUCCEEDED, "fee_minor": 44},
    ]
    ends = set()
    for number, order in enumerate(itertools.permutations(facts)):
        link = make_link()
        for fact in (*order, *order):
            payments.record(make_seen(link, payment_id=f"p{number}", **fact))  # type: ignore[arg-type]
        link.refresh_from_db()
        payment = link.payments.get()
        ends.add(
            (
                payment.state,
                payment.amount_minor,
                payment.fee_minor,
                payment.surplus_minor,
                link.status,
                link.amount_paid_minor,
                Activity.objects.filter(link=link, kind="payment.succeeded").count(),
            )
        )

    assert ends == {(PaymentState.SUCCEEDED, 1250, 44, 0, LinkStatus.PAID, 1250, 1)}
    assert DailyTotal.objects.get(measure="paid").count == 24


def test_an_orphan_finds_its_link_when_a_later_fact_names_it() -> None:
    link = make_link()
    payments.record(make_seen(None, payment_id="p"))

    payments.record(make_seen(link, payment_id="p"))

    link.refresh_from_db()
    assert Payment.objects.get().link == link
    assert link.status == LinkStatus.PAID


def test_paying_stops_what_was_still_to_be_said() -> None:
    customer = make_customer()
    link = make_link(customer)
    sending.send(link, ["email", "sms"], actor=SYSTEM)
    assert link.reminders_due.filter(state=DueState.PLANNED).count() == 1

    payments.record(make_seen(link))

    assert not link.reminders_due.filter(state=DueState.PLANNED).exists()
    asked = Message.objects.filter(category=Category.INVITATION)
    assert {m.state for m in asked} == {MessageState.CANCELED}
    receipts = Message.objects.filter(kind="receipt")
    assert {m.channel for m in receipts} == {"email", "sms"}


def test_a_failure_of_an_old_try_leaves_the_newer_checkout_alone() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    checkout = link.checkouts.get()

    payments.record(make_seen(link, payment_id="old", state=SeenState.FAILED))

    link.refresh_from_db()
    checkout.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE
    assert checkout.state == CheckoutState.OPEN


def test_an_amount_other_than_the_checkout_asked_is_flagged_and_counted() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    checkout = link.checkouts.get()

    payment = payments.record(
        make_seen(link, amount_minor=900, checkout_reference=checkout.public_id)
    )

    link.refresh_from_db()
    assert payment is not None
    assert payment.mismatch == Mismatch.AMOUNT
    assert (link.status, link.amount_paid_minor) == (LinkStatus.ACTIVE, 900)


def test_paid_at_does_not_move_when_more_money_comes() -> None:
    link = make_link()
    with clock.frozen(NOON):
        payments.record(make_seen(link, payment_id="a"))
    with clock.frozen(NOON + timedelta(days=1)):
        payments.record(make_seen(link, payment_id="b"))

    assert PaymentLink.objects.get(pk=link.pk).paid_at == NOON


def test_an_orphan_that_finds_its_closed_link_is_flagged_and_receipted() -> None:
    link = make_link(make_customer())
    links.cancel(link, actor=SYSTEM)
    payments.record(make_seen(None, payment_id="p"))

    payments.record(make_seen(link, payment_id="p"))

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert link.payments.get().is_late
    assert Message.objects.filter(kind="receipt").count() == 1
    assert Activity.objects.filter(link=link, kind="payment.succeeded").count() == 1
    assert DailyTotal.objects.get(measure="paid").count == 1


def test_a_checkout_named_later_is_completed_and_compared() -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    checkout = link.checkouts.get()
    payments.record(make_seen(link, amount_minor=900))

    payments.record(
        make_seen(link, amount_minor=900, checkout_reference=checkout.public_id)
    )

    checkout.refresh_from_db()
    payment = link.payments.get()
    assert (payment.checkout, payment.mismatch) == (checkout, Mismatch.AMOUNT)
    assert checkout.state == CheckoutState.COMPLETED
    assert Activity.objects.filter(link=link, kind="payment.succeeded").count() == 1


def test_the_method_is_that_of_the_try_that_succeeded() -> None:
    tries = [
        replace(make_seen(payment_id="p", state=SeenState.FAILED), method="card"),
        replace(make_seen(payment_id="p"), method="sepa_debit"),
    ]
    for seen in tries:
        payments.record(seen)

    assert Payment.objects.get().method == "sepa_debit"


def test_money_past_the_expiry_is_late_swept_or_not() -> None:
    link = make_link(expires_at=clock.now() + timedelta(hours=1))

    with clock.frozen(clock.now() + timedelta(hours=2)):
        payment = payments.record(make_seen(link))

    assert payment is not None
    assert payment.is_late


def test_a_canceled_draft_is_never_paid() -> None:
    link = make_link(draft=True)
    links.cancel(link, actor=SYSTEM)

    with pytest.raises(LinkConflict):
        manual.record_payment(link, amount_minor=1250, method="cash", actor=SYSTEM)
    payment = payments.record(make_seen(link))

    assert payment is not None
    assert payment.link is None
    link.refresh_from_db()
    assert link.status == LinkStatus.CANCELED


def test_money_that_got_its_link_while_we_looked_is_settled_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another worker booked the first news after we had looked, before we wrote."""
    link = make_link()
    payments.record(make_seen(link, state=SeenState.PROCESSING))
    look = payment_places.find
    stale = iter([Found(Place())])

    def look_too_early(account: ProviderAccount, seen: PaymentSnapshot) -> Found:
        return next(stale, None) or look(account, seen)

    monkeypatch.setattr(payment_places, "find", look_too_early)
    payments.record(make_seen(None))

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
