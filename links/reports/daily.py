"""Reports over the daily sums: a few hundred rows are read, however many payments."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet, Sum

from ..models import DailyTotal
from .base import Ask, Row, largest_first
from .headings import HEADINGS, Heading

Figures = dict[str, int]
Names = Mapping[str, tuple[str, str]]
# Measure → the names of the figures for its count and its sum.


def find(ask: Ask, names: Names, fees: str = "") -> list[Row]:
    """One row a heading and currency; two queries at most.

    `fees`: the name of the figure that holds them.
    """
    heading = HEADINGS[ask.by]
    empty = dict.fromkeys([name for both in names.values() for name in both], 0)
    if fees:
        empty[fees] = 0
    found: dict[tuple[Any, str], Figures] = defaultdict(lambda: dict(empty))
    for row in _sums(ask, names, heading):
        figures = found[row["under"], row["currency"]]
        count, total = names[row["measure"]]
        figures[count] += row["number"]
        figures[total] += row["minor"]
        if fees:
            figures[fees] += row["kept"]
    titles = heading.name({under for under, _currency in found})
    rows = [
        Row(*titles[under], currency, figures)
        for (under, currency), figures in sorted(found.items(), key=lambda one: one[0])
        if any(figures.values())
    ]
    if not heading.is_time:  # the largest first
        return largest_first(rows, next(iter(names.values()))[1])
    return rows


def _sums(ask: Ask, names: Names, heading: Heading) -> QuerySet[Any]:
    rows = DailyTotal.objects.filter(
        day__gte=ask.first, day__lte=ask.last, measure__in=list(names)
    )
    if ask.staff_pk is not None:
        rows = rows.filter(staff_pk=ask.staff_pk)
    return (
        rows.order_by()
        .values("measure", "currency", under=heading.of)
        .annotate(number=Sum("count"), minor=Sum("amount_minor"), kept=Sum("fee_minor"))
    )
