"""The sums per day found anew from the rows themselves, and put right where they differ.

They never should: each change keeps them. They do after the business moved to another
time zone, since days then begin at another hour.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Count, F, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, TruncDate

from customers.services.customers import zone_of

from ..models import DailyTotal
from ..reports.sources import Source, sources
from .totals import Heading

Sums = tuple[int, int, int]
# count, amount, fee; minor units
NOTHING: Sums = (0, 0, 0)
DAYS = 31
# in one transaction, which holds up who books on any day
BATCH = 500
# rows a statement


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of the sums that is not what the rows below it add up to."""

    heading: Heading
    kept: Sums
    found: Sums


def rebuild(*, is_dry: bool = False) -> Iterator[Difference]:
    """Compare all days, oldest first, and correct what differs unless `is_dry`."""
    zone = zone_of(None)
    span = _span(zone)
    if span is None:
        return
    first, last = span
    while first <= last:
        until = min(first + timedelta(days=DAYS - 1), last)
        yield from _days(first, until, zone, is_dry)
        first = until + timedelta(days=1)


def _days(first: date, last: date, zone: ZoneInfo, is_dry: bool) -> list[Difference]:
    with transaction.atomic():
        _hold()
        found = dict(_found(first, last, zone))
        rows = DailyTotal.objects.filter(day__gte=first, day__lte=last)
        kept = {_heading(row): row for row in rows}
        differences = [
            Difference(heading, _sums(kept.get(heading)), found.get(heading, NOTHING))
            for heading in sorted(kept.keys() | found.keys(), key=lambda one: one.turn)
        ]
        differences = [one for one in differences if one.kept != one.found]
        if not is_dry:
            _correct(differences, kept)
    return differences


def _hold() -> None:
    """Nobody changes the sums until we are done; who has changed them has committed.

    Whoever has booked a payment that we cannot see yet will add to what we write.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(DailyTotal._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def _correct(
    differences: Sequence[Difference], kept: dict[Heading, DailyTotal]
) -> None:
    gone = [kept[one.heading].pk for one in differences if one.found == NOTHING]
    DailyTotal.objects.filter(pk__in=gone).delete()
    DailyTotal.objects.bulk_create(
        [_row(one) for one in differences if one.found != NOTHING],
        update_conflicts=True,
        unique_fields=[*Heading.__slots__],
        update_fields=["count", "amount_minor", "fee_minor"],
        batch_size=BATCH,
    )


def _row(one: Difference) -> DailyTotal:
    count, amount_minor, fee_minor = one.found
    key = {name: getattr(one.heading, name) for name in Heading.__slots__}
    return DailyTotal(
        **key, count=count, amount_minor=amount_minor, fee_minor=fee_minor
    )


def _found(first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[Heading, Sums]]:
    for measure, source in sources().items():
        for row in _grouped(source, source.within(first, last, zone), zone):
            heading = Heading(
                row["on"],
                measure,
                row["currency"],
                row["by_account"],
                row["by_method"],
                row["by_staff"],
            )
            yield heading, (row["number"], row["minor"], row["fees"] or 0)


def _grouped(
    source: Source, rows: QuerySet[Any], zone: ZoneInfo
) -> Iterable[dict[str, Any]]:
    no_account, no_method = Value(0), Value("")
    account = F(f"{source.account}_id") if source.account else no_account
    method = Coalesce(source.method, no_method) if source.method else no_method
    found: QuerySet[Any] = rows.values(
        "currency",
        on=TruncDate(source.at, tzinfo=zone),
        by_account=account,
        by_method=method,
        by_staff=Coalesce(f"{source.staff}_id", Value(0)),
    ).annotate(
        number=Count("pk"),
        minor=Sum(source.amount),
        fees=Sum(source.fee) if source.fee else Value(0),
    )
    return found


def _span(zone: ZoneInfo) -> tuple[date, date] | None:
    """The first and the last day on which anything counts or is kept; None: nothing."""
    days: list[date] = []
    for source in sources().values():
        for order in (source.at, f"-{source.at}"):
            at = source.rows.order_by(order).values_list(source.at, flat=True).first()
            days += [] if at is None else [at.astimezone(zone).date()]
    for order in ("day", "-day"):
        day = DailyTotal.objects.order_by(order).values_list("day", flat=True).first()
        days += [] if day is None else [day]
    return (min(days), max(days)) if days else None


def _heading(row: DailyTotal) -> Heading:
    return Heading(**{name: getattr(row, name) for name in Heading.__slots__})


def _sums(row: DailyTotal | None) -> Sums:
    return (row.count, row.amount_minor, row.fee_minor) if row else NOTHING
