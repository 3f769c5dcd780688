"""The rows behind a figure of a report: the same that were counted, by the same rules."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from merchant_portal.lib.money import EXPONENTS

from .base import EARLIEST, LATEST
from .registry import headings, places

_ENDS = {
    "day": lambda day: day,
    "week": lambda day: day + timedelta(days=6),
    "month": lambda day: day.replace(day=monthrange(day.year, day.month)[1]),
}


@dataclass(frozen=True, slots=True)
class Behind:
    """Which figure is meant. `by`, `key`: the heading of its row; both empty for the sum
    of all rows."""

    measure: str
    currency: str
    first: date
    last: date
    by: str = ""
    key: str = ""

    @property
    def code(self) -> str:
        """As it stands in an address; `parse` reads it."""
        span = f"{self.first.isoformat()}_{self.last.isoformat()}"
        return "_".join((self.measure, self.currency, span, self.by, self.key))

    @classmethod
    def parse(cls, code: str) -> Self | None:
        """None for what names no figure."""
        try:
            measure, currency, first, last, by, key = code.split("_", 5)
            found = cls(
                measure,
                currency,
                date.fromisoformat(first),
                date.fromisoformat(last),
                by,
                key,
            )
            days = (found.first, found.last, *found.span())
        except (ValueError, OverflowError):
            return None
        is_known = measure in places() and (not currency or currency in EXPONENTS)
        is_known &= all(EARLIEST <= day <= LATEST for day in days)
        return found if is_known and (not by or by in headings()) else None

    def span(self) -> tuple[date, date]:
        """The days that it is about: of the period those of its own heading.

        Raises ValueError or OverflowError where that is no day.
        """
        if self.by not in _ENDS:
            return self.first, self.last
        day = date.fromisoformat(self.key)
        return max(self.first, day), min(self.last, _ENDS[self.by](day))

    def rows(self, zone: ZoneInfo) -> QuerySet[Any]:
        """Payments, refunds, disputes, links …, by the measure."""
        source = places()[self.measure]
        rows = source.within(*self.span(), zone)
        if self.currency:
            rows = rows.filter(currency=self.currency)
        return source.under(rows, self.by, self.key, zone)
