"""Links that many people pay: each for themselves, up to a limit."""

import itertools
from datetime import date, timedelta

import pytest

from links.models import (
    Activity,
    AmountKind,
    Checkout,
    CheckoutState,
    LinkStatus,
    Payment,
    PaymentLink,
    Refund,
)
from links.providers.base import SeenState
from links.services import checkouts, links, overview, payments
from links.services.amounts import LineData
from links.services.asking import Choice
from links.services.errors import LinkConflict
from links.services.terms import Terms
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM

from .factories import NOON, make_link, make_seen

pytestmark = pytest.mark.django_db


def reusable(limit: int | None = None, **given: object) -> PaymentLink:
    terms = Terms(is_reusable=True, use_limit=limit, **given)  # type: ignore[arg-type]
    return make_link(terms=terms)


def open_one(link: PaymentLink) -> Checkout:
    checkouts.start(link.pk, "training")
    return link.checkouts.latest("pk")


def pay(link: PaymentLink, checkout: Checkout, name: str, minutes: int = 0) -> Payment:
    payments.record(
        make_seen(
            link,
            payment_id=name,
            amount_minor=checkout.amount_minor,
            checkout_reference=checkout.public_id,
            occurred_at=NOON + timedelta(minutes=minutes),
        )
    )
    link.refresh_from_db()
    return Payment.objects.get(provider_payment_id=name)


def test_two_people_have_two_sessions_and_neither_is_closed() -> None:
    link = reusable()

    first, second = open_one(link), open_one(link)
    pay(link, first, "a")

    second.refresh_from_db()
    assert first != second
    assert (second.state, second.close_ordered_at) == (CheckoutState.OPEN, None)
    assert (link.status, link.uses) == (LinkStatus.ACTIVE, 1)


def test_each_payment_is_a_use_and_none_is_surplus() -> None:
    link = reusable()

    rows = [pay(link, open_one(link), f"p{n}", n) for n in range(3)]

    assert [row.surplus_minor for row in rows] == [0, 0, 0]
    assert (link.uses, link.amount_paid_minor) == (3, 3 * 1250)
    assert link.balance == link.amount
    assert link.status == LinkStatus.ACTIVE


def test_money_on_its_way_of_one_does_not_stop_the_next() -> None:
    link = reusable()
    payments.record(make_seen(link, state=SeenState.PROCESSING))

    assert open_one(link).state == CheckoutState.OPEN


def test_at_its_limit_it_is_used_up_and_open_sessions_are_closed() -> None:
    link = reusable(limit=2)
    sessions = [open_one(link) for _one in range(3)]

    pay(link, sessions[0], "a", 0)
    pay(link, sessions[1], "b", 1)

    sessions[2].refresh_from_db()
    assert link.status == LinkStatus.EXHAUSTED
    assert sessions[2].close_ordered_at is not None
    assert Activity.objects.filter(link=link, kind="link.exhausted").count() == 1
    with pytest.raises(checkouts.CheckoutRefused):
        checkouts.start(link.pk, "training")


def test_what_slips_past_the_limit_is_surplus_in_whatever_order_it_is_heard() -> None:
    ends = set()
    for number, order in enumerate(itertools.permutations(range(3))):
        link = reusable(limit=2)
        sessions = [open_one(link) for _one in range(3)]
        for place in order:
            pay(link, sessions[place], f"p{number}-{place}", place)
        rows = link.payments.order_by("occurred_at").values_list(
            "surplus_minor", "is_late"
        )
        proposed = Refund.objects.filter(payment__link=link).values_list(
            "payment__provider_payment_id", "amount_minor"
        )
        late = [(name[-1], amount) for name, amount in proposed]
        ends.add((link.status, link.uses, tuple(rows), tuple(late)))

    assert ends == {
        ("exhausted", 2, ((0, False), (0, False), (1250, False)), (("2", 1250),))
    }


def test_each_chooses_an_amount_of_their_own() -> None:
    link = make_link(
        lines=(LineData("A gift", 0),),
        terms=Terms(kind=AmountKind.CHOSEN, is_reusable=True, minimum_minor=100),
    )
    for number, amount in enumerate((500, 900)):
        checkouts.start(link.pk, "training", Choice(amount_minor=amount))
        pay(link, link.checkouts.latest("pk"), f"p{number}", number)

    assert (link.uses, link.amount_paid_minor, link.amount_minor) == (2, 1400, 0)
    assert link.status == LinkStatus.ACTIVE


def test_it_owes_nothing_and_reminds_nobody() -> None:
    link = reusable()

    assert not link.has_reminders
    assert overview.waiting(PaymentLink.objects.all(), date(2026, 3, 10)) == []


def test_money_after_its_end_is_late_and_kept() -> None:
    link = reusable()
    checkout = open_one(link)
    with clock.frozen(NOON + timedelta(hours=1)):
        links.cancel(link, actor=SYSTEM)
        payment = pay(link, checkout, "a")

    assert (payment.is_late, payment.surplus_minor) == (True, 0)
    assert (link.status, link.uses) == (LinkStatus.CANCELED, 1)


def test_one_that_was_used_up_after_its_expiry_is_not_opened_again() -> None:
    with clock.frozen(NOON):
        link = make_link(
            terms=Terms(is_reusable=True, use_limit=1),
            expires_at=NOON + timedelta(hours=1),
        )
        checkout = open_one(link)
    with clock.frozen(NOON + timedelta(hours=2)):
        assert links.expire_due() == 1
        pay(link, checkout, "a")
        with pytest.raises(LinkConflict):
            links.extend(link, expires_at=None, actor=SYSTEM)
