"""Money in: what was paid, given back, lost to disputes and kept by providers."""

from django.utils.translation import gettext_lazy as _

from ..models import Measure
from . import daily, ranged
from .base import Ask, Column, Report, Row, Unit
from .headings import HEADINGS

_NAMES: dict[str, tuple[str, str]] = {
    Measure.PAID: ("payments", "paid"),
    Measure.REFUNDED: ("refunds", "refunded"),
    Measure.LOST: ("disputes", "lost"),
}


def _find(ask: Ask) -> list[Row]:
    if ask.by == "customer":
        rows = ranged.find(ask, _NAMES, fees="fees")
    else:
        rows = daily.find(ask, _NAMES, fees="fees")
    return [
        Row(row.key, row.title, row.currency, {**row.figures, "net": _net(row)})
        for row in rows
    ]


def _net(row: Row) -> int:
    figures = row.figures
    gone = figures["refunded"] + figures["lost"] + figures["fees"]
    return figures["paid"] - gone


MONEY = Report(
    name="payments",
    title=_("Money in"),
    about=_(
        "What customers paid, by the day on which they did; what was given back, by the"
        " day of the refund; what disputes cost, by the day on which they were lost."
    ),
    by={
        **{name: heading.title for name, heading in HEADINGS.items()},
        "customer": _("Customer"),
    },
    columns=[
        Column("paid", _("Paid"), measure=Measure.PAID),
        Column("payments", _("Payments"), measure=Measure.PAID, unit=Unit.COUNT),
        Column("refunded", _("Given back"), measure=Measure.REFUNDED),
        Column("refunds", _("Refunds"), measure=Measure.REFUNDED, unit=Unit.COUNT),
        Column("lost", _("Lost"), measure=Measure.LOST),
        Column("disputes", _("Disputes lost"), measure=Measure.LOST, unit=Unit.COUNT),
        Column("fees", _("Fees")),
        Column("net", _("Net")),
    ],
    charted=("paid", "refunded"),
    find=_find,
)
