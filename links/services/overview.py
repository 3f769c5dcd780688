"""The figures of the front page: few queries, whatever the number of links."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db.models import Count, F, Q, QuerySet, Sum

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import (
    DailyTotal,
    LinkStatus,
    Measure,
    PaymentLink,
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


def moved(user: User, today: date) -> list[Moved]:
    """What moved since the start of the month and over the last DAYS days; one query.

    Who sees own links only gets the figures of those.
    """
    start = min(today.replace(day=1), today - timedelta(days=DAYS - 1))
    totals = DailyTotal.objects.filter(day__gte=start, day__lte=today)
    if not user.may(Right.LINKS_ALL):
        totals = totals.filter(staff_pk=user.pk)
    rows = totals.values("day", "measure", "currency").order_by()
    sums = rows.annotate(number=Sum("count"), minor=Sum("amount_minor"))
    return [
        Moved(row["day"], row["measure"], row["currency"], row["number"], row["minor"])
        for row in sums
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
