"""Amounts that the payer chooses, counts, splits or tips: what is charged and booked."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from links.models import (
    AmountKind,
    Checkout,
    LinkStatus,
    Payment,
    PaymentLink,
    Refund,
)
from links.services import asking, checkouts, payments
from links.services.amounts import LineData
from links.services.asking import Choice
from links.services.errors import LinkError
from links.services.terms import Terms
from merchant_portal.lib.money import Money

from .factories import NOON, make_customer, make_link, make_seen
from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET

pytestmark = pytest.mark.django_db
K = AmountKind
LATER = NOON + timedelta(minutes=1)


def chosen_link(**terms: object) -> PaymentLink:
    kind = Terms(kind=K.CHOSEN, **terms)  # type: ignore[arg-type]
    return make_link(make_customer(), lines=(LineData("A gift", 0),), terms=kind)


def parts_link(minimum: int = 200) -> PaymentLink:
    return make_link(make_customer(), terms=Terms(kind=K.PARTS, minimum_minor=minimum))


def counted_link(tax_bp: int = 0) -> PaymentLink:
    tickets = LineData(
        "Ticket", 1000, 2000, tax_bp=tax_bp, quantity_min=1, quantity_max=5
    )
    return make_link(
        make_customer(),
        lines=(tickets, LineData("Booking fee", 150)),
        terms=Terms(kind=K.QUANTITY),
    )


def open_checkout(
    link: PaymentLink, choice: Choice = asking.NOTHING_CHOSEN
) -> Checkout:
    checkouts.start(link.pk, "training", choice)
    return link.checkouts.latest("pk")


def pay(
    link: PaymentLink, checkout: Checkout, name: str = "tpy_1", **told: object
) -> Payment:
    seen = {
        "payment_id": name,
        "amount_minor": checkout.amount_minor,
        "checkout_reference": checkout.public_id,
    } | told
    payments.record(make_seen(link, **seen))  # type: ignore[arg-type]
    link.refresh_from_db()
    return Payment.objects.get(provider_payment_id=name)


def test_an_amount_of_the_customers_choosing_is_charged_and_settles_the_link() -> None:
    link = chosen_link(minimum_minor=500, maximum_minor=5000)

    checkout = open_checkout(link, Choice(amount_minor=1999))
    pay(link, checkout)

    assert checkout.amount == Money(1999, "EUR")
    assert (link.status, link.amount_minor) == (LinkStatus.PAID, 1999)
    assert (link.amount_paid_minor, link.balance.amount_minor) == (1999, 0)
    assert link.lines.get().total_minor == 1999


def test_money_of_another_currency_chooses_no_amount_and_pays_nothing() -> None:
    link = chosen_link()

    payments.record(make_seen(link, amount_minor=50, currency="USD"))

    link.refresh_from_db()
    assert (link.status, link.amount_minor, link.paid_at) == ("active", 0, None)


@pytest.mark.parametrize("amount", [None, 0, -1, 499, 5001, 10**12])
def test_a_choice_outside_the_bounds_opens_nothing(amount: int | None) -> None:
    link = chosen_link(minimum_minor=500, maximum_minor=5000)

    with pytest.raises(checkouts.ChoiceRefused) as refused:
        checkouts.start(link.pk, "training", Choice(amount_minor=amount))

    assert refused.value.field == "amount"
    assert not link.checkouts.exists()


def test_there_is_no_discount_on_an_amount_of_their_own() -> None:
    with pytest.raises(LinkError, match="no discount") as refused:
        make_link(
            lines=(LineData("Dinner", 0, discount_bp=1000),),
            terms=Terms(kind=K.CHOSEN),
        )

    assert refused.value.field == "lines.0.discount"


def test_a_chosen_amount_holds_the_tax_of_its_line() -> None:
    link = make_link(
        lines=(LineData("Dinner", 0, tax_bp=1900),), terms=Terms(kind=K.CHOSEN)
    )

    pay(link, open_checkout(link, Choice(amount_minor=11900)))

    assert (link.net_minor, link.tax_minor) == (10000, 1900)


def test_of_two_chosen_amounts_the_first_counts_in_whatever_order_they_are_heard() -> (
    None
):
    ends = set()
    for number, order in enumerate(itertools.permutations((0, 1))):
        link = chosen_link()
        seen = []
        for place, amount in enumerate((700, 2000)):
            checkout = open_checkout(link, Choice(amount_minor=amount))
            Checkout.objects.filter(pk=checkout.pk).update(state="open")
            seen.append(
                (checkout, f"p{number}{place}", NOON + timedelta(minutes=place))
            )
        for place in order:
            checkout, name, at = seen[place]
            pay(link, checkout, name, occurred_at=at)
        rows = link.payments.order_by("occurred_at").values_list(
            "amount_minor", "surplus_minor"
        )
        proposed = Refund.objects.filter(payment__link=link).values_list(
            "amount_minor", flat=True
        )
        ends.add((link.status, link.amount_minor, tuple(rows), tuple(proposed)))

    assert ends == {("paid", 700, ((700, 0), (2000, 2000)), (2000,))}


def test_a_part_leaves_the_rest_open_and_the_last_part_may_be_small() -> None:
    link = parts_link(minimum=500)

    pay(link, open_checkout(link, Choice(amount_minor=1000)))
    assert (link.status, link.balance.amount_minor) == (LinkStatus.ACTIVE, 250)

    pay(link, open_checkout(link, Choice(amount_minor=250)), "tpy_2")
    assert (link.status, link.amount_paid_minor) == (LinkStatus.PAID, 1250)


@pytest.mark.parametrize("amount", [1, 499, 1251])
def test_a_part_too_small_or_too_large_is_refused(amount: int) -> None:
    link = parts_link(minimum=500)

    with pytest.raises(checkouts.ChoiceRefused):
        checkouts.start(link.pk, "training", Choice(amount_minor=amount))


def test_whoever_chooses_no_part_pays_all_of_it() -> None:
    assert open_checkout(parts_link()).amount_minor == 1250


def test_a_part_may_not_leave_a_rest_that_no_provider_takes(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.TRAINING_ENABLED = False
    link = parts_link(minimum=200)

    with pytest.raises(checkouts.ChoiceRefused, match="left"):
        checkouts.start(link.pk, "stripe", Choice(amount_minor=1249))


def test_the_deposit_is_asked_first_and_then_the_balance() -> None:
    link = make_link(make_customer(), terms=Terms(kind=K.DEPOSIT, deposit_minor=300))

    first = open_checkout(link)
    pay(link, first)
    assert (first.amount_minor, link.status) == (300, LinkStatus.ACTIVE)

    second = open_checkout(link)
    pay(link, second, "tpy_2")
    assert (second.amount_minor, link.status) == (950, LinkStatus.PAID)


def test_instead_of_the_deposit_all_of_it_may_be_paid_and_nothing_else() -> None:
    link = make_link(make_customer(), terms=Terms(kind=K.DEPOSIT, deposit_minor=300))

    assert open_checkout(link, Choice(amount_minor=1250)).amount_minor == 1250
    assert open_checkout(link, Choice(amount_minor=7)).amount_minor == 300


def test_the_customer_sets_the_quantity_and_pays_for_it() -> None:
    link = counted_link(tax_bp=2000)

    checkout = open_checkout(link, Choice(quantities={0: 3}))
    pay(link, checkout)

    assert checkout.amount_minor == 3 * 1200 + 150
    assert (link.status, link.amount_minor) == (LinkStatus.PAID, 3750)
    assert (link.net_minor, link.tax_minor) == (3150, 600)
    tickets = link.lines.first()
    assert tickets is not None
    assert (tickets.asked_milli, tickets.quantity_milli) == (3000, 2000)


def test_without_a_choice_the_quantity_is_the_merchants() -> None:
    link = counted_link()

    pay(link, open_checkout(link))

    assert (link.status, link.amount_minor) == (LinkStatus.PAID, 2150)


@pytest.mark.parametrize("pieces", [0, 6, 10**7])
def test_a_quantity_out_of_range_is_refused(pieces: int) -> None:
    with pytest.raises(checkouts.ChoiceRefused) as refused:
        checkouts.start(counted_link().pk, "training", Choice(quantities={0: pieces}))
    assert refused.value.field == "quantity.0"


def test_the_quantity_of_another_line_cannot_be_set() -> None:
    assert (
        open_checkout(counted_link(), Choice(quantities={1: 99})).amount_minor == 2150
    )


def test_a_tip_comes_on_top_and_pays_nothing_of_the_link() -> None:
    link = make_link(make_customer(), terms=Terms(tips_bp=(500, 1000)))

    checkout = open_checkout(link, Choice(tip_bp=1000))
    payment = pay(link, checkout)

    assert (checkout.amount_minor, checkout.tip_minor) == (1375, 125)
    assert (link.status, link.amount_paid_minor) == (LinkStatus.PAID, 1250)
    assert (payment.tip_minor, payment.surplus_minor) == (125, 0)


def test_a_tip_on_a_part_pays_nothing_of_what_is_left() -> None:
    terms = Terms(kind=K.PARTS, minimum_minor=200, tips_bp=(1000,))
    link = make_link(make_customer(), terms=terms)

    checkout = open_checkout(link, Choice(amount_minor=500, tip_bp=1000))
    payment = pay(link, checkout)

    assert (checkout.amount_minor, payment.tip_minor) == (550, 50)
    assert (link.amount_paid_minor, link.balance.amount_minor) == (500, 750)
    assert payment.surplus_minor == 0


def test_a_tip_of_ones_own_is_held_to_what_is_paid() -> None:
    link = make_link(terms=Terms(tips_bp=(500,)))

    assert open_checkout(link, Choice(tip_minor=1250)).tip_minor == 1250
    with pytest.raises(checkouts.ChoiceRefused) as refused:
        checkouts.start(link.pk, "training", Choice(tip_minor=1251))
    assert refused.value.field == "tip"


def test_no_tip_is_taken_where_none_was_asked() -> None:
    assert open_checkout(make_link(), Choice(tip_bp=1000)).amount_minor == 1250


def test_money_that_comes_short_is_short_of_the_tip_first() -> None:
    link = make_link(terms=Terms(tips_bp=(1000,)))
    checkout = open_checkout(link, Choice(tip_bp=1000))

    payment = pay(link, checkout, amount_minor=1300)

    assert (link.status, payment.tip_minor, payment.mismatch) == ("paid", 50, "amount")


def test_a_second_payment_is_surplus_with_its_tip() -> None:
    link = make_link(terms=Terms(tips_bp=(1000,)))
    first = open_checkout(link, Choice(tip_bp=1000))
    second = open_checkout(link)

    pay(link, first, "a")
    payment = pay(link, second, "b", occurred_at=LATER)
    tipped = pay(link, first, "c", occurred_at=LATER + timedelta(minutes=1))

    assert (payment.surplus_minor, payment.tip_minor) == (1250, 0)
    assert (tipped.surplus_minor, tipped.tip_minor) == (1375, 0)


def test_another_choice_opens_another_session_and_closes_the_first() -> None:
    link = parts_link()
    first = open_checkout(link, Choice(amount_minor=500))
    again = open_checkout(link, Choice(amount_minor=500))
    other = open_checkout(link, Choice(amount_minor=600))

    first.refresh_from_db()
    assert again == first
    assert other != first
    assert first.close_ordered_at is not None


@pytest.mark.parametrize(
    ("make", "choice", "paid", "is_wanted"),
    [
        (parts_link, Choice(amount_minor=500), 750, True),
        (parts_link, Choice(amount_minor=500), 751, False),
        (chosen_link, Choice(amount_minor=500), 0, True),
        (chosen_link, Choice(amount_minor=500), 100, False),
        (counted_link, Choice(quantities={0: 3}), 0, True),
        (make_link, Choice(), 0, True),
        (make_link, Choice(), 1, False),
    ],
)
def test_what_is_taken_later_is_held_against_the_link_once_more(
    make: Callable[[], PaymentLink], choice: Choice, paid: int, is_wanted: bool
) -> None:
    link = make()
    checkout = open_checkout(link, choice)
    if paid:
        payments.record(make_seen(link, amount_minor=paid))
        link.refresh_from_db()

    assert asking.is_wanted(link, checkout.due_minor) is is_wanted


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(kind="auction"), "amount_kind"),
        (Terms(kind=K.PARTS), "minimum"),
        (Terms(kind=K.PARTS, minimum_minor=1250), "minimum"),
        (Terms(kind=K.DEPOSIT), "deposit"),
        (Terms(kind=K.DEPOSIT, deposit_minor=1250), "deposit"),
        (Terms(kind=K.QUANTITY), "lines"),
        (Terms(kind=K.CHOSEN), "lines.0.unit_amount"),
        (Terms(minimum_minor=1), "minimum"),
        (Terms(maximum_minor=1), "maximum"),
        (Terms(presets_minor=(100,)), "maximum"),
        (Terms(deposit_minor=1), "deposit"),
        (Terms(tips_bp=(0,)), "tips"),
        (Terms(tips_bp=(10_001,)), "tips"),
        (Terms(tips_bp=(100, 100)), "tips"),
        (Terms(tips_bp=(1, 2, 3, 4, 5)), "tips"),
        (Terms(use_limit=3), "use_limit"),
        (Terms(is_reusable=True, use_limit=0), "use_limit"),
        (Terms(kind=K.PARTS, minimum_minor=1, is_reusable=True), "reusable"),
        (Terms(inactive_message="x" * 501), "inactive_message"),
        (Terms(inactive_message="4111 1111 1111 1111"), "inactive_message"),
    ],
)
def test_terms_that_cannot_be_name_their_field(terms: Terms, field: str) -> None:
    with pytest.raises(LinkError) as refused:
        make_link(terms=terms)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"minimum_minor": 600, "maximum_minor": 500}, "maximum"),
        ({"minimum_minor": 600, "presets_minor": (500,)}, "presets"),
        ({"maximum_minor": 600, "presets_minor": (700,)}, "presets"),
        ({"presets_minor": (100, 100)}, "presets"),
        ({"presets_minor": tuple(range(1, 8))}, "presets"),
    ],
)
def test_bounds_of_a_chosen_amount_that_cannot_be(
    terms: dict[str, object], field: str
) -> None:
    with pytest.raises(LinkError) as refused:
        chosen_link(**terms)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("least", "most", "quantity", "field"),
    [
        (2, 1, 2000, "lines.0.quantity_max"),
        (0, 3, 2000, "lines.0.quantity_max"),
        (1, 3, 4000, "lines.0.quantity"),
        (1, 3, 1500, "lines.0.quantity"),
    ],
)
def test_ranges_of_quantity_that_cannot_be(
    least: int, most: int, quantity: int, field: str
) -> None:
    line = LineData("Ticket", 1000, quantity, quantity_min=least, quantity_max=most)
    with pytest.raises(LinkError) as refused:
        make_link(lines=(line,), terms=Terms(kind=K.QUANTITY))
    assert refused.value.field == field
