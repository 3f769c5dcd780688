"""Sums per day of the business, kept as things happen.

Each payment, refund, dispute and link counts for something: `of_…` says for what. Who
changes one adds what it counted for before and after to a `Changes` and writes that
last. `rebuilding` finds the same sums from the rows themselves.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F

from customers.services.customers import zone_of
from merchant_portal.business import services as business

from ..models import (
    DailyTotal,
    Dispute,
    DisputeState,
    Measure,
    Payment,
    PaymentLink,
    PaymentState,
    Refund,
    RefundState,
)

_ORDER = {measure: place for place, measure in enumerate(Measure.values)}


@dataclass(frozen=True, slots=True)
class Heading:
    """What one row of the sums is about: the unique key of DailyTotal."""

    day: date
    measure: str
    currency: str
    account_pk: int = 0
    method: str = ""
    staff_pk: int = 0

    @property
    def turn(self) -> tuple[Any, ...]:
        """Everybody locks the rows in this order, so nobody waits for each other."""
        return (_ORDER[self.measure], *astuple(self))


@dataclass(frozen=True, slots=True)
class Entry:
    """What one thing counts for; `fee_minor` as `amount_minor` in minor units."""

    heading: Heading
    amount_minor: int
    fee_minor: int = 0


@dataclass(slots=True)
class Changes:
    """What a transaction changes in the sums, written together as its last statements:
    the rows are shared by all who book on that day."""

    counts: Counter[Heading] = field(default_factory=Counter)
    amounts: Counter[Heading] = field(default_factory=Counter)
    fees: Counter[Heading] = field(default_factory=Counter)

    def add(self, before: Iterable[Entry], after: Iterable[Entry]) -> None:
        for sign, entries in ((-1, before), (1, after)):
            for entry in entries:
                self.counts[entry.heading] += sign
                self.amounts[entry.heading] += sign * entry.amount_minor
                self.fees[entry.heading] += sign * entry.fee_minor

    def write(self) -> None:
        for heading in sorted(self.counts, key=lambda one: one.turn):
            sums = self.counts, self.amounts, self.fees
            count, amount_minor, fee_minor = (found[heading] for found in sums)
            if count or amount_minor or fee_minor:
                _write(heading, count, amount_minor, fee_minor)


def _write(heading: Heading, count: int, amount_minor: int, fee_minor: int) -> None:
    key = {name: getattr(heading, name) for name in Heading.__slots__}
    more = {
        "count": F("count") + count,
        "amount_minor": F("amount_minor") + amount_minor,
        "fee_minor": F("fee_minor") + fee_minor,
    }
    if not DailyTotal.objects.filter(**key).update(**more):
        DailyTotal.objects.get_or_create(**key)
        DailyTotal.objects.filter(**key).update(**more)


def of_payment(payment: Payment, link: PaymentLink | None) -> list[Entry]:
    if payment.state != PaymentState.SUCCEEDED:
        return []
    at = payment.occurred_at
    heading = _heading(Measure.PAID, at, payment.currency, payment, link)
    return [Entry(heading, payment.amount_minor, payment.fee_minor or 0)]


def of_refund(
    refund: Refund, payment: Payment, link: PaymentLink | None
) -> list[Entry]:
    if refund.state != RefundState.SUCCEEDED or refund.occurred_at is None:
        return []
    at = refund.occurred_at
    heading = _heading(Measure.REFUNDED, at, refund.currency, payment, link)
    return [Entry(heading, refund.amount_minor)]


def of_dispute(
    dispute: Dispute, payment: Payment | None, link: PaymentLink | None
) -> list[Entry]:
    """A lost one, by the day on which it was lost."""
    if dispute.state != DisputeState.LOST or dispute.closed_at is None:
        return []
    heading = Heading(
        business_day(dispute.closed_at),
        Measure.LOST,
        dispute.currency,
        dispute.account_id,
        payment.method if payment else "",
        _staff(link),
    )
    return [Entry(heading, dispute.amount_minor)]


def of_link(link: PaymentLink, day: date | None = None) -> list[Entry]:
    """One that was sent, by the day and with the amount of the first time.

    `day`: that of the business, where the caller asks about many of one moment.
    """
    if link.first_sent_at is None:
        return []
    day = day or business_day(link.first_sent_at)
    heading = Heading(day, Measure.SENT, link.currency, staff_pk=_staff(link))
    return [Entry(heading, link.first_sent_minor)]


def moved(
    payment: Payment, link: PaymentLink | None, method: str, maker: PaymentLink | None
) -> tuple[list[Entry], list[Entry]]:
    """What was given back of a locked payment or lost, as it was counted and as it is to
    be: under the payment's method and link, of which one has just become known.

    `method`, `maker`: how the payment stood before.
    """
    after: list[Entry] = []
    for refund in payment.refunds.filter(state=RefundState.SUCCEEDED):
        after += of_refund(refund, payment, link)
    for dispute in payment.disputes.filter(state=DisputeState.LOST):
        after += of_dispute(dispute, payment, link)
    before = []
    for one in after:
        was = replace(one.heading, method=method, staff_pk=_staff(maker))
        before.append(replace(one, heading=was))
    return before, after


def _heading(
    measure: Measure,
    at: datetime,
    currency: str,
    payment: Payment,
    link: PaymentLink | None,
) -> Heading:
    return Heading(
        business_day(at),
        measure,
        currency,
        payment.account_id,
        payment.method,
        _staff(link),
    )


def _staff(link: PaymentLink | None) -> int:
    return link.created_by_id or 0 if link is not None else 0


def zone() -> ZoneInfo:
    """Of the business."""
    return zone_of(None, business.kept())


def business_day(at: datetime, there: ZoneInfo | None = None) -> date:
    """The day of the business on which this moment falls."""
    return at.astimezone(there or zone()).date()
