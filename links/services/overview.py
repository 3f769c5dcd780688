"""The figures of the front page: few queries, whatever the number of links."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q, QuerySet, Sum

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import (
    DailyTotal,
    LinkStatus,
    Measure,
    Payment,
    PaymentLink,
    PaymentState,
    Refund,
    RefundState,
)

DAYS = 30


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is still asked in one currency, and how much of it is overdue."""

    currency: str
    count: int
    amount_minor: int
    overdue_count: int
    overdue_minor: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Count and sum of one measure in one currency on one day of the business."""

    day: date
    measure: str
    currency: str
    count: int
    amount_minor: int


def waiting(links: QuerySet[PaymentLink], today: date) -> list[Waiting]:
    """By currency, from the index of open links; one query. Reusable ones owe nothing."""
    left = F("amount_minor") - F("amount_paid_minor")
    is_overdue = Q(due_on__lt=today)
    rows = (
        links.filter(status=LinkStatus.ACTIVE, is_reusable=False)
        .order_by()
        .values("currency")
        .annotate(
            count=Count("id"),
            total=Sum(left),
            late_count=Count("id", filter=is_overdue),
            late_total=Sum(left, filter=is_overdue),
        )
    )
    return [
        Waiting(
            row["currency"],
            row["count"],
            row["total"] or 0,
            row["late_count"],
            row["late_total"] or 0,
        )
        for row in rows
    ]


def moved(user: User, today: date, zone: ZoneInfo) -> list[Moved]:
    """Sent, paid and given back since the start of the month and over the last DAYS days.

    Who sees all links reads the totals that are kept as things happen; who sees own
    links only gets the same figures counted from those.
    """
    start = min(today.replace(day=1), today - timedelta(days=DAYS - 1))
    if user.may(Right.LINKS_ALL):
        totals = DailyTotal.objects.filter(day__gte=start, day__lte=today)
        return [
            Moved(row.day, row.measure, row.currency, row.count, row.amount_minor)
            for row in totals
        ]
    since = datetime.combine(start, datetime.min.time(), tzinfo=zone)
    sent = PaymentLink.objects.filter(
        created_by=user, last_sent_at__gte=since
    ).values_list("last_sent_at", "currency", "amount_minor")
    paid = Payment.objects.filter(
        link__created_by=user,
        state=PaymentState.SUCCEEDED,
        occurred_at__gte=since,
    ).values_list("occurred_at", "currency", "amount_minor")
    back = Refund.objects.filter(
        payment__link__created_by=user,
        state=RefundState.SUCCEEDED,
        occurred_at__gte=since,
    ).values_list("occurred_at", "currency", "amount_minor")
    return [
        *_counted(Measure.SENT, sent, zone),
        *_counted(Measure.PAID, paid, zone),
        *_counted(Measure.REFUNDED, back, zone),
    ]


def kept(rows: Iterable[Moved]) -> list[Moved]:
    """What was paid, and with the sign turned and no count what was given back of it."""
    return [
        row
        if row.measure == Measure.PAID
        else replace(row, count=0, amount_minor=-row.amount_minor)
        for row in rows
        if row.measure in (Measure.PAID, Measure.REFUNDED)
    ]


def _counted(
    measure: str, rows: Iterable[tuple[datetime | None, str, int]], zone: ZoneInfo
) -> list[Moved]:
    return [
        Moved(at.astimezone(zone).date(), measure, currency, 1, amount_minor)
        for at, currency, amount_minor in rows
        if at is not None
    ]
