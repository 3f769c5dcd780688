"""What a report is: rows of counts and sums under headings, per currency."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from .sources import Source

Text = str | Promise
MAX_DAYS = 3_660
# ten years; more is a slip of the keyboard
USUAL_DAYS = 30
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)
# beyond these neither calendars nor databases can count on


class ReportError(ValueError):
    """Something that this report cannot be asked; `field` names it."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True, slots=True)
class Ask:
    """What a reader wants; `first` and `last`: days of the business, both included.

    `staff_pk`: only what comes of this member's own links; None: of everybody's.
    """

    first: date
    last: date
    by: str
    staff_pk: int | None = None


def usual_first(last: date) -> date:
    """The first of the USUAL_DAYS days that end with `last`."""
    return last - min(timedelta(days=USUAL_DAYS - 1), last - date.min)


class Unit(StrEnum):
    """What a figure counts in: minor units of the row's currency, things, basis points,
    or seconds."""

    MONEY = "money"
    COUNT = "count"
    SHARE = "share"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of each row.

    `measure`: the rows behind it are those that count for this; empty for a figure that
    is worked out from others. `adds_up`: the sum of all rows means something.
    """

    name: str
    title: Text
    measure: str = ""
    unit: Unit = Unit.MONEY
    adds_up: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """Figures under one heading in one currency, if they have one. `key`: for machines,
    as `2026-06-15` or `stripe`; empty for what has no such heading. `title`: for people.
    A figure that is not there is not known."""

    key: str
    title: str
    currency: str
    figures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """`by`: the headings that it knows, the usual one first. `rows`: in their order.

    `is_moment`: it tells how things stood at the end of the last day; the first means
    nothing. `sources`: of its measures, where other than the daily sums.
    """

    name: str
    title: Text
    about: Text
    columns: Sequence[Column]
    by: Mapping[str, Text]
    charted: Sequence[str]
    find: Callable[[Ask], list[Row]]
    is_moment: bool = False
    sources: Callable[[], Mapping[str, Source]] = dict

    def check(self, ask: Ask) -> None:
        """Raises ReportError for a heading or a period that it cannot have."""
        if ask.by not in self.by:
            known = ", ".join(self.by)
            raise ReportError(_("It can be asked by %s.") % known, "by")
        for day, field in ((ask.first, "first"), (ask.last, "last")):
            if not EARLIEST <= day <= LATEST:
                raise ReportError(_("Choose days from 2000 to 2199."), field)
        if ask.last < ask.first:
            raise ReportError(_("The last day is before the first."), "last")
        if (ask.last - ask.first).days >= MAX_DAYS:
            raise ReportError(_("That is more than ten years."), "first")

    def rows(self, ask: Ask) -> list[Row]:
        """Raises as `check` does."""
        self.check(ask)
        return self.find(ask)

    def sums(self, rows: Iterable[Row]) -> list[Row]:
        """One row a currency; currencies are never mixed."""
        found: dict[str, dict[str, int]] = {}
        names = [column.name for column in self.columns if column.adds_up]
        for row in rows:
            sums = found.setdefault(row.currency, dict.fromkeys(names, 0))
            for name in list(sums):
                if name in row.figures:
                    sums[name] += row.figures[name]
                else:  # of what is not known of all there is no sum
                    del sums[name]
        return [Row("", "", code, sums) for code, sums in sorted(found.items())]


def largest_first(rows: Iterable[Row], name: str) -> list[Row]:
    """By the figure of that name, each currency for itself."""
    return sorted(rows, key=lambda row: (row.currency, -row.figures.get(name, 0)))
