"""Reports over the rows of the period themselves, found by an index on their moment.

For headings of which there are about as many as rows: sums of a day by customer would be
no shorter than the payments. What lies outside the period is never read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Count, DateField, F, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, TruncDate, TruncMonth, TruncWeek

from customers.services.customers import zone_of

from ..models import LineItem, Measure, RefundOrigin
from . import apportion
from .base import Ask, Row, largest_first
from .daily import Names
from .headings import HEADINGS, Titles, by_customer, by_staff
from .sources import Source, sources

Titler = Callable[[Iterable[Any]], Titles]
CHUNK = 500
# payments whose lines are read together


def find(
    ask: Ask,
    names: Names,
    fees: str = "",
    *,
    places: Mapping[str, Source] | None = None,
    own: Mapping[str, Titler] | None = None,
) -> list[Row]:
    """One row a heading and currency; a query a measure, and one for their names.

    `places`: of the measures, where other than the daily sums. `own`: names what these
    alone have under a heading.
    """
    zone, places = zone_of(None), places or sources()
    empty = [name for both in names.values() for name in both] + [fees] * bool(fees)
    found: dict[tuple[Any, str], dict[str, int]] = {}
    for measure, (count, total) in names.items():
        source = places[measure]
        rows = source.within(ask.first, ask.last, zone)
        if ask.staff_pk is not None:
            rows = rows.filter(**{source.staff: ask.staff_pk})
        kept = {"kept": Sum(source.fee)} if source.fee else {}
        for row in rows.values("currency", under=_under(source, ask.by, zone)).annotate(
            number=Count("pk"), minor=Sum(source.amount), **kept
        ):
            key = row["under"], row["currency"]
            sums = found.setdefault(key, dict.fromkeys(empty, 0))
            sums[count], sums[total] = row["number"], row["minor"]
            if fees:
                sums[fees] += row.get("kept") or 0
    titles = {**TITLERS, **(own or {})}[ask.by]({under for under, _code in found})
    rows_found = [
        Row(*titles[under], currency, sums) for (under, currency), sums in found.items()
    ]
    if ask.by in TIMES:
        return sorted(rows_found, key=lambda row: (row.key, row.currency))
    return largest_first(rows_found, next(iter(names.values()))[1])


TITLERS: Mapping[str, Titler] = {
    **{name: HEADINGS[name].name for name in ("day", "week", "month", "provider")},
    "method": HEADINGS["method"].name,
    "staff": by_staff,
    "customer": by_customer,
}
TIMES = ("day", "week", "month")


def _under(source: Source, by: str, zone: ZoneInfo) -> Combinable:
    """What a row of the source goes by."""
    day = DateField()
    if by == "day":
        return TruncDate(source.at, tzinfo=zone)
    if by == "week":
        return TruncWeek(source.at, tzinfo=zone, output_field=day)
    if by == "month":
        return TruncMonth(source.at, tzinfo=zone, output_field=day)
    if by == "provider":
        return F(f"{source.account}_id")
    if by == "method":
        return Coalesce(source.method or Value(""), Value(""))
    if by == "staff":
        return F(f"{source.staff}_id")
    return F(f"{source.customer}_id") if by == "customer" else F(by)


class PaidLine(NamedTuple):
    """A line of the link that was paid, as it counts for `apportion`."""

    description: str
    tax_bp: int
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class Moved:
    """One payment or refund, of which `used_minor` is of the lines; the rest is a tip,
    surplus, or of no link. `lines`: none where they do not say what was paid."""

    measure: str
    currency: str
    at: datetime
    amount_minor: int
    used_minor: int
    lines: Sequence[PaidLine]

    def day(self, zone: ZoneInfo) -> date:
        return self.at.astimezone(zone).date()


_OF = {Measure.PAID: "", Measure.REFUNDED: "payment__"}


def moved(ask: Ask) -> Iterator[Moved]:
    """Payments and refunds of the period with the lines they are of, a few at a time."""
    for measure, prefix in _OF.items():
        source = sources()[measure]
        rows = source.within(ask.first, ask.last, zone_of(None))
        if ask.staff_pk is not None:
            rows = rows.filter(**{source.staff: ask.staff_pk})
        rows = rows.values(
            "currency",
            minor=F("amount_minor"),
            at=F("occurred_at"),
            why=F("origin" if prefix else "state"),
            of=F(f"{prefix}link_id"),
            whole=F(f"{prefix}amount_minor"),
            over=F(f"{prefix}surplus_minor") + F(f"{prefix}tip_minor"),
            of_currency=F(f"{prefix}link__currency"),
            is_reusable=F(f"{prefix}link__is_reusable"),
            amount_kind=F(f"{prefix}link__amount_kind"),
        )
        left = rows.iterator(CHUNK)
        while chunk := list(islice(left, CHUNK)):
            yield from _with_lines(measure, chunk)


def _with_lines(measure: str, rows: Sequence[dict[str, Any]]) -> Iterator[Moved]:
    lines: dict[int, list[PaidLine]] = {}
    of_links = LineItem.objects.filter(link__in={row["of"] for row in rows} - {None})
    for pk, *line in of_links.order_by("link_id", "position").values_list(
        "link_id", *PaidLine._fields
    ):
        lines.setdefault(pk, []).append(PaidLine(*line))
    for row in rows:
        minor = row["minor"]
        used = min(minor, row["whole"] - row["over"])
        is_of_none = row["why"] == RefundOrigin.SURPLUS
        is_of_none |= row["of_currency"] != row["currency"]
        of_one = not is_of_none and apportion.is_known(
            is_reusable=row["is_reusable"], amount_kind=row["amount_kind"]
        )
        yield Moved(
            measure,
            row["currency"],
            row["at"],
            minor,
            used if of_one else 0,
            lines.get(row["of"], ()) if of_one else (),
        )
