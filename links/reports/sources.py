"""Where the daily sums come from: the rows that count for each measure, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils.functional import Promise

from ..models import (
    Dispute,
    DisputeState,
    Measure,
    Payment,
    PaymentLink,
    PaymentState,
    Refund,
    RefundState,
)


@dataclass(frozen=True, slots=True)
class Source:
    """`rows`: those that count. The rest: under which names they have the moment, the
    amount and the parts of a heading; None for a part that they do not have."""

    title: str | Promise
    rows: QuerySet[Any]
    at: str
    amount: str = "amount_minor"
    fee: str | None = None
    account: str | None = "account"
    method: str | None = "method"
    link: str = "link__"
    own: frozenset[str] = frozenset()
    # headings that are fields of its own

    @property
    def staff(self) -> str:
        return f"{self.link}created_by"

    @property
    def customer(self) -> str:
        return f"{self.link}customer"

    def within(self, first: date, last: date, zone: ZoneInfo) -> QuerySet[Any]:
        """Those of these days, both included, of the business in `zone`."""
        since, until = start_of(first, zone), end_of(last, zone)
        return self.rows.filter(
            **{f"{self.at}__gte": since, f"{self.at}__lt": until}
        ).order_by()

    def under(
        self, rows: QuerySet[Any], by: str, key: str, zone: ZoneInfo
    ) -> QuerySet[Any]:
        """Those of `rows` under one heading that is no time."""
        if by == "provider":
            if self.account is None:
                return rows.none()
            return rows.filter(**{f"{self.account}__slug": key})
        if by == "method":
            if self.method is None:
                return rows.none()
            wanted = Q(**{self.method: key})
            if not key:  # of a dispute whose payment nobody knows
                wanted |= Q(**{f"{self.method}__isnull": True})
            return rows.filter(wanted)
        if by in ("staff", "customer"):
            return _of(rows, self.staff if by == "staff" else self.customer, key)
        return rows.filter(**{by: key}) if by in self.own else rows


def _of(rows: QuerySet[Any], name: str, key: str) -> QuerySet[Any]:
    if not key:
        return rows.filter(**{f"{name}__isnull": True})
    is_pk = key.isdecimal() and len(key) < 19
    return rows.filter(**{name: int(key)}) if is_pk else rows.none()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment that is no longer of this day."""
    return start_of(day + timedelta(days=1), zone)


def sources() -> Mapping[str, Source]:
    """Measure → its source."""
    return {
        Measure.SENT: Source(
            Measure.SENT.label,
            PaymentLink.objects.filter(first_sent_at__isnull=False),
            at="first_sent_at",
            amount="first_sent_minor",
            account=None,
            method=None,
            link="",
        ),
        Measure.PAID: Source(
            Measure.PAID.label,
            Payment.objects.filter(state=PaymentState.SUCCEEDED),
            at="occurred_at",
            fee="fee_minor",
        ),
        Measure.REFUNDED: Source(
            Measure.REFUNDED.label,
            Refund.objects.filter(state=RefundState.SUCCEEDED),
            at="occurred_at",
            account="payment__account",
            method="payment__method",
            link="payment__link__",
        ),
        Measure.LOST: Source(
            Measure.LOST.label,
            Dispute.objects.filter(state=DisputeState.LOST),
            at="closed_at",
            method="payment__method",
            link="payment__link__",
        ),
    }
