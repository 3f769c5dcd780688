"""A customer's account: what was asked, what came, what was given back, in one currency
each.

Whatever moves the account is one row of SOURCES with a sign, so that a balance is the sum
of them all, on any day. It says what is known now: what was canceled later counts until
the day on which it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField as Minor
from django.db.models import (
    CharField,
    DateTimeField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from ..models import (
    Dispute,
    DisputeState,
    LinkStatus,
    Payment,
    PaymentLink,
    PaymentState,
    Refund,
    RefundState,
)

MOST_ENTRIES = 1_000
# on one statement; who has more asks for a shorter period
Rows = QuerySet[Any, Any]


class TooLong(ValueError):
    """More happened in the period than a statement holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One move of the account. `minor`: above zero what they owe more, below it less.
    `kind`: of SOURCES. `number`: of the link, or of the credit note."""

    at: datetime
    kind: str
    number: str
    minor: int
    link_pk: int


@dataclass(frozen=True, slots=True)
class Statement:
    """`first`, `last`: days of the business, both included. `opening`: before the first
    of them, minor units; below zero is in the customer's favour."""

    currency: str
    first: date
    last: date
    opening: int
    entries: Sequence[Entry]

    @property
    def closing(self) -> int:
        return self.opening + sum(entry.minor for entry in self.entries)

    def running(self) -> Iterator[tuple[Entry, int]]:
        """Each entry with the balance after it."""
        balance = self.opening
        for entry in self.entries:
            balance += entry.minor
            yield entry, balance


def _minor(expression: Any) -> Any:
    return ExpressionWrapper(expression, output_field=Minor())


def _row(rows: Rows, link: str, at: Any, minor: Any, number: str = "") -> Rows:
    """`link`: the path to it. Every source in the same four columns and its currency."""
    path = f"{link}__" if link else ""
    found: Rows = rows.annotate(
        entry_at=at,
        entry_minor=_minor(minor),
        entry_number=Coalesce(
            F(number or f"{path}number"), Value(""), output_field=CharField()
        ),
        entry_link=F(link or "pk"),
    )
    return found


def _asked(customer: int) -> Rows:
    """Drafts ask for nothing, and what many may pay asks whoever opens it."""
    links = PaymentLink.objects.filter(
        customer=customer, activated_at__isnull=False, is_reusable=False
    )
    return _row(links, "", F("activated_at"), F("amount_minor"))


def _closed(customer: int) -> Rows:
    """What was not paid of a link that can no longer be."""
    links = PaymentLink.objects.filter(
        customer=customer,
        activated_at__isnull=False,
        is_reusable=False,
        status__in=[LinkStatus.CANCELED, LinkStatus.EXPIRED],
        closed_at__isnull=False,
        amount_paid_minor__lt=F("amount_minor"),
    )
    left = F("amount_paid_minor") - F("amount_minor")
    return _row(links, "", F("closed_at"), left)


def _payments(customer: int) -> Rows:
    return Payment.objects.filter(link__customer=customer, state=PaymentState.SUCCEEDED)


def _paid(customer: int) -> Rows:
    return _row(
        _payments(customer), "link", F("occurred_at"), Value(0) - F("amount_minor")
    )


def _bought(customer: int) -> Rows:
    """By a link for many: asked in the moment in which it is paid."""
    found = _payments(customer).filter(
        link__is_reusable=True, currency=F("link__currency")
    )
    used = F("amount_minor") - F("surplus_minor") - F("tip_minor")
    return _row(found, "link", F("occurred_at"), used)


def _tip(customer: int) -> Rows:
    found = _payments(customer).filter(tip_minor__gt=0)
    return _row(found, "link", F("occurred_at"), F("tip_minor"))


def _refunds(customer: int) -> Rows:
    return Refund.objects.filter(
        payment__link__customer=customer, state=RefundState.SUCCEEDED
    )


def _given_back(customer: int) -> Rows:
    at = Coalesce("occurred_at", "proposed_at", output_field=DateTimeField())
    return _row(_refunds(customer), "payment__link", at, F("amount_minor"))


def _credited(customer: int) -> Rows:
    """With a credit note the invoice asks so much less; a surplus was never asked."""
    at = Coalesce("occurred_at", "proposed_at", output_field=DateTimeField())
    found = _refunds(customer).filter(number__isnull=False)
    less = Value(0) - F("amount_minor")
    return _row(found, "payment__link", at, less, number="number")


def _lost(customer: int) -> Rows:
    """Taken back by the payer's bank, so owed once more."""
    found = Dispute.objects.filter(
        payment__link__customer=customer, state=DisputeState.LOST
    )
    return _row(found, "payment__link", F("closed_at"), F("amount_minor"))


SOURCES: dict[str, Callable[[int], Rows]] = {
    "asked": _asked,
    "bought": _bought,
    "tip": _tip,
    "credited": _credited,
    "closed": _closed,
    "paid": _paid,
    "given_back": _given_back,
    "lost": _lost,
}
# Of what happened in the same moment the first here stands first.


def balances(customer: int, before: datetime | None = None) -> dict[str, int]:
    """Currency → what they owe in all, of each currency in which anything was asked or
    paid; one query a source."""
    found: dict[str, int] = {}
    for source in SOURCES.values():
        rows = source(customer)
        if before is not None:
            rows = rows.filter(entry_at__lt=before)
        sums = rows.order_by().values("currency").annotate(total=Sum("entry_minor"))
        for currency, total in sums.values_list("currency", "total"):
            found[currency] = found.get(currency, 0) + total
    return dict(sorted(found.items()))


def statement(
    customer: int, currency: str, first: date, last: date, zone: ZoneInfo
) -> Statement:
    """Raises TooLong. Two queries a source."""
    start = datetime.combine(first, time.min, tzinfo=zone)
    end = datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone)
    within = Q(entry_at__gte=start, entry_at__lt=end, currency=currency)
    entries: list[Entry] = []
    for kind, source in SOURCES.items():
        rows = source(customer).filter(within).exclude(entry_minor=0)
        names = ("entry_at", "entry_number", "entry_minor", "entry_link")
        found = rows.order_by("entry_at", "pk").values_list(*names)[: MOST_ENTRIES + 1]
        entries += [
            Entry(at, kind, number, minor, link) for at, number, minor, link in found
        ]
    if len(entries) > MOST_ENTRIES:
        raise TooLong
    places = list(SOURCES)
    entries.sort(key=lambda entry: (entry.at, places.index(entry.kind)))
    return Statement(
        currency, first, last, balances(customer, start).get(currency, 0), entries
    )
