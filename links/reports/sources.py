"""Where the daily sums come from: the rows that count for each measure, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

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

    rows: QuerySet[Any]
    at: str
    amount: str = "amount_minor"
    fee: str | None = None
    account: str | None = "account"
    method: str | None = "method"
    link: str = "link__"

    @property
    def staff(self) -> str:
        return f"{self.link}created_by"

    def within(self, first: date, last: date, zone: ZoneInfo) -> QuerySet[Any]:
        """Those of these days, both included, of the business in `zone`."""
        since = datetime.combine(first, time.min, tzinfo=zone)
        until = datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone)
        return self.rows.filter(
            **{f"{self.at}__gte": since, f"{self.at}__lt": until}
        ).order_by()


def sources() -> Mapping[str, Source]:
    """Measure → its source."""
    return {
        Measure.SENT: Source(
            PaymentLink.objects.filter(first_sent_at__isnull=False),
            at="first_sent_at",
            amount="first_sent_minor",
            account=None,
            method=None,
            link="",
        ),
        Measure.PAID: Source(
            Payment.objects.filter(state=PaymentState.SUCCEEDED),
            at="occurred_at",
            fee="fee_minor",
        ),
        Measure.REFUNDED: Source(
            Refund.objects.filter(state=RefundState.SUCCEEDED),
            at="occurred_at",
            account="payment__account",
            method="payment__method",
            link="payment__link__",
        ),
        Measure.LOST: Source(
            Dispute.objects.filter(state=DisputeState.LOST),
            at="closed_at",
            method="payment__method",
            link="payment__link__",
        ),
    }
