"""A report as rows of a file."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from merchant_portal.lib.money import Money

from .base import Ask, Report, Row, Unit


def name(report: Report, ask: Ask) -> str:
    days = f"{ask.last}" if report.is_moment else f"{ask.first}-{ask.last}"
    return f"{report.name}-{days}-{ask.by}"


def table(report: Report, ask: Ask) -> Iterator[list[object]]:
    """A title, then every row; the heading as machines know it and as people do.

    Raises ReportError at once, not when the rows are asked for.
    """
    return _lines(report, ask, report.rows(ask))


def _lines(report: Report, ask: Ask, rows: Iterable[Row]) -> Iterator[list[object]]:
    yield [report.by[ask.by], "", _("Currency"), *(one.title for one in report.columns)]
    for row in rows:
        yield [
            row.key,
            row.title,
            row.currency,
            *(
                value(one.unit, row.figures.get(one.name), row.currency)
                for one in report.columns
            ),
        ]


def value(unit: Unit, figure: int | None, currency: str) -> object:
    """As a cell of a file: shares in percent, spans of time in hours."""
    if figure is None or unit == Unit.COUNT:
        return figure
    if unit == Unit.MONEY:
        return Money(figure, currency)
    if unit == Unit.SHARE:
        return Decimal(figure) / 100
    return round(Decimal(figure) / 3600, 2)
