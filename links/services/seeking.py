"""Finding anything by a few characters, each kind by an index of its own.

However large the shop, a term costs the same few look-ups; what is found is what this
member of staff may see.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from customers import visibility
from customers.models import Customer
from customers.services import customers
from merchant_portal.lib.money import EXPONENTS, MAX_MINOR
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import NumberSeries, Payment, PaymentLink, ProviderAccount, Refund

MOST = 5
# of each kind; who needs more opens the list
MAX_TERM = 100
YEARS = 5
# of numbers that are looked through for a short one
LEAST_DIGITS = 5
# of a phone number, or everybody's holds them
SERIES, DIGITS = "PL", 6
_NUMBER = re.compile(
    r"\A(?:(?P<prefix>PL|CN)[- ]?)?(?:(?P<year>2[0-9]{3})-)?(?P<digits>[0-9]{1,9})\Z",
    re.IGNORECASE | re.ASCII,
)
_AMOUNT = re.compile(r"\A([0-9]{1,9})(?:[.,]([0-9]{1,3}))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """The best of each kind first. `by_number`: links whose number it is."""

    by_number: Sequence[PaymentLink] = ()
    links: Sequence[PaymentLink] = ()
    customers: Sequence[Customer] = ()
    payments: Sequence[Payment] = ()
    refunds: Sequence[Refund] = ()


def seek(user: User, term: str) -> Found:
    """`term`: a number or its last four digits, an amount, a customer's name, address,
    phone or reference, or an id of ours or a provider's."""
    term = term.replace("\x00", "").strip()[:MAX_TERM]
    if not term:
        return Found()
    links = PaymentLink.objects.visible_to(user).select_related("customer")
    people = _people(user, term)
    numbered = _by_number(links, term)
    others = [*_by_amount(links, term), *_of(links, people)]
    known = {link.pk for link in numbered}
    payments, refunds = _money(user, term)
    return Found(
        numbered,
        [
            link
            for link in {link.pk: link for link in others}.values()
            if link.pk not in known
        ][:MOST],
        people,
        payments,
        refunds,
    )


def _people(user: User, term: str) -> list[Customer]:
    is_too_common = term.isdecimal() and len(term) < LEAST_DIGITS
    if is_too_common or not user.may(Right.CUSTOMERS_READ):
        return []
    by_address = user.may(Right.CUSTOMERS_CONTACT)
    found = customers.search(term) if by_address else customers.search_names(term)
    seen = visibility.visible_to(user).values("pk")
    return list(found.filter(pk__in=seen)[:MOST])


def _by_number(links: QuerySet[PaymentLink], term: str) -> list[PaymentLink]:
    """By the whole number, a short one of any year, the last four, or our id."""
    if term.startswith("plk_"):
        return list(links.filter(public_id=term))
    wanted = _numbers(term)
    if not wanted:
        return []
    return list(links.filter(number__in=wanted).order_by("-id")[:MOST])


def _numbers(term: str) -> list[str]:
    """All numbers of links that a term may mean; of four digits, those that end so."""
    match = _NUMBER.match(term)
    if match is None or (match["prefix"] or SERIES).upper() != SERIES:
        return []
    series = NumberSeries.objects.filter(name=SERIES).order_by("-year")
    if match["year"]:
        series = series.filter(year=int(match["year"]))
    digits = match["digits"]
    found = []
    for year, last in series.values_list("year", "last")[:YEARS]:
        values = {int(digits)}
        if len(digits) == 4:
            values |= set(range(int(digits), last + 1, 10_000))
        found += [
            f"{SERIES}-{year}-{value:0{DIGITS}d}"
            for value in sorted(values)
            if 0 < value <= last
        ]
    return found


def _by_amount(links: QuerySet[PaymentLink], term: str) -> list[PaymentLink]:
    """Of exactly that amount, in whatever currency it can be one."""
    match = _AMOUNT.match(term)
    if match is None:
        return []
    fraction = match[2] or ""
    exponents = {
        exponent: int(match[1] + fraction.ljust(exponent, "0"))
        for exponent in set(EXPONENTS.values())
        if len(fraction) <= exponent
    }
    minors = [minor for minor in exponents.values() if 0 < minor <= MAX_MINOR]
    found = links.filter(amount_minor__in=minors).order_by("-id")[: 4 * MOST]
    return [
        link
        for link in found
        if exponents.get(EXPONENTS[link.currency]) == link.amount_minor
    ][:MOST]


def _of(links: QuerySet[PaymentLink], people: Sequence[Customer]) -> list[PaymentLink]:
    """The newest links of the first customer found."""
    if not people:
        return []
    return list(links.filter(customer=people[0]).order_by("-id")[:MOST])


def _money(user: User, term: str) -> tuple[list[Payment], list[Refund]]:
    """By an id, or the number of a credit note."""
    if not user.may(Right.PAYMENTS_READ) or " " in term:
        return [], []
    payments = Payment.objects.select_related("link__customer", "account")
    refunds = Refund.objects.select_related("payment__link__customer")
    if not user.may(Right.LINKS_ALL):
        payments = payments.filter(link__created_by=user)
        refunds = refunds.filter(payment__link__created_by=user)
    if term.startswith("pay_"):
        return list(payments.filter(public_id=term)), []
    if term.startswith("rfd_"):
        return [], list(refunds.filter(public_id=term))
    if term.upper().startswith("CN-"):
        return [], list(refunds.filter(number=term.upper()))
    accounts = ProviderAccount.objects.values_list("pk", flat=True)
    named = payments.filter(account__in=list(accounts), provider_payment_id=term)
    return list(named.order_by("-id")[:MOST]), []
