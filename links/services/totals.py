"""Sums per day of the business, kept as things happen."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F

from customers.services.customers import zone_of
from merchant_portal.business import services as business
from merchant_portal.lib.money import Money

from ..models import DailyTotal, Measure


def add(measure: Measure, amount: Money, at: datetime, count: int = 1) -> None:
    """Count one more, or `count`; the last statement of its transaction: the row is shared."""
    day = at.astimezone(ZoneInfo(business.kept().time_zone)).date()
    key: dict[str, Any] = {"day": day, "measure": measure, "currency": amount.currency}
    more = {
        "count": F("count") + count,
        "amount_minor": F("amount_minor") + amount.amount_minor,
    }
    if not DailyTotal.objects.filter(**key).update(**more):
        DailyTotal.objects.get_or_create(**key)
        DailyTotal.objects.filter(**key).update(**more)


def last_days(days: int, today: date) -> list[DailyTotal]:
    """The rows of the last `days` days up to `today`, oldest first."""
    return list(
        DailyTotal.objects.filter(
            day__gt=today - timedelta(days=days), day__lte=today
        ).order_by("day", "currency")
    )


def business_day(at: datetime, zone: ZoneInfo | None = None) -> date:
    """The day of the business on which this moment falls."""
    return at.astimezone(zone or zone_of(None)).date()
