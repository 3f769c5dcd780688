"""The rows behind a figure of a report: the same that were counted, by the same rules."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from merchant_portal.lib.money import EXPONENTS

from .base import EARLIEST, LATEST
from .headings import HEADINGS
from .sources import sources

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
        is_known = measure in sources() and currency in EXPONENTS
        is_known &= all(EARLIEST <= day <= LATEST for day in days)
        return found if is_known and (not by or by in HEADINGS) else None

    def span(self) -> tuple[date, date]:
        """The days that it is about: of the period those of its own heading.

        Raises ValueError or OverflowError where that is no day.
        """
        if self.by not in _ENDS:
            return self.first, self.last
        day = date.fromisoformat(self.key)
        return max(self.first, day), min(self.last, _ENDS[self.by](day))

    def rows(self, zone: ZoneInfo) -> QuerySet[Any]:
        """Payments, refunds, disputes or links, by the measure."""
        source = sources()[self.measure]
        rows = source.within(*self.span(), zone).filter(currency=self.currency)
        if self.by == "provider":
            if source.account is None:
                return rows.none()
            return rows.filter(**{f"{source.account}__slug": self.key})
        if self.by == "method":
            if source.method is None:
                return rows.none()
            wanted = Q(**{source.method: self.key})
            if not self.key:  # of a dispute whose payment nobody knows
                wanted |= Q(**{f"{source.method}__isnull": True})
            return rows.filter(wanted)
        if self.by == "staff":
            if not self.key:
                return rows.filter(**{f"{source.staff}__isnull": True})
            is_pk = self.key.isdecimal() and len(self.key) < 19
            return (
                rows.filter(**{source.staff: int(self.key)}) if is_pk else rows.none()
            )
        return rows
