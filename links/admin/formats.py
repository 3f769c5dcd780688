"""Money and moments as the reader of the admin writes them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_percent
from django.db.models import Model, QuerySet, Value
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.lib.money import EXPONENTS, Money

M = TypeVar("M", bound=Model)
NOTHING = "\u2013"
# a dash, where there is nothing to say


def language() -> str:
    """The reader's language, as babel names it."""
    return (get_language() or "en").replace("-", "_").partition("_")[0]


def money(amount_minor: int, currency: str) -> str:
    return Money(amount_minor, currency).format(language())


def sums(amounts: Iterable[tuple[str, int]], first: str) -> list[str]:
    """Sums by currency for people; never mixed, the business's currency first."""
    totals: dict[str, int] = {first: 0}
    for currency, amount_minor in amounts:
        totals[currency] = totals.get(currency, 0) + amount_minor
    codes = sorted(totals, key=lambda code: (code != first, code))
    shown = {code: totals[code] for code in codes if totals[code]} or {first: 0}
    return [money(minor, code) for code, minor in shown.items()]


def typed(amount_minor: int, currency: str) -> str:
    """An amount as it is typed into a form: digits and a point."""
    return f"{Money(amount_minor, currency).decimal:.{EXPONENTS[currency]}f}"


def business_zone() -> ZoneInfo:
    return zone_of(None)


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Day and time in that zone, without seconds."""
    return format_datetime(at.astimezone(zone), "d MMM y, HH:mm", locale=language())


def weekday_moment(at: datetime, zone: ZoneInfo) -> str:
    """As `moment`, with the day of the week: for what is still to come."""
    return format_datetime(at.astimezone(zone), "EEE d MMM y, HH:mm", locale=language())


def with_zone(rows: QuerySet[M]) -> QuerySet[M]:
    """Rows that know the business's zone, so that a list asks for it once."""
    return rows.annotate(  # type: ignore[return-value]
        zone_key=Value(business_zone().key)
    )


def row_moment(at: datetime, row: Model) -> str:
    """As `moment`, for a row of `with_zone`."""
    return moment(at, ZoneInfo(getattr(row, "zone_key", "UTC")))


def day(on: date) -> str:
    return format_date(on, "d MMM y", locale=language())


def percent(basis_points: int) -> str:
    """Basis points as they are typed: 1950 → 19.5, 0 → nothing."""
    whole, rest = divmod(basis_points, 100)
    if not basis_points:
        return ""
    return f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)


def quantity(milli: int) -> str:
    """Thousandths as they are typed: 1500 → 1.5, 1000 → 1."""
    whole, rest = divmod(milli, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)


def share(basis_points: int) -> str:
    """A share of something, to read: 1950 → 19.5 %."""
    shown = Decimal(basis_points) / 10_000
    text: str = format_percent(shown, "#,##0.0#\u00a0%", locale=language())
    return text


def span(seconds: int) -> str:
    """How long something took, in its two largest units: 2 d 4 h."""
    minutes = (seconds + 30) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return _("%(days)d d %(hours)d h") % {"days": days, "hours": hours}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}


def short_day(on: date) -> str:
    """Day and month, for the axis of a chart."""
    return format_date(on, "d MMM", locale=language())


def weekday(of_week: date, number: int) -> str:
    """Short name of a day of that week; 0 is Monday."""
    on = of_week - timedelta(days=of_week.weekday() - number)
    return format_date(on, "EEE", locale=language())
