"""Refunds and disputes: what went back, and what came of what was disputed."""

from collections.abc import Iterable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ..models import Dispute, DisputeState, Measure
from . import ranged
from .base import Ask, Column, Report, Row, Unit
from .headings import HEADINGS
from .sources import Source, sources

_BY = ("month", "week", "day", "provider", "method", "staff")
DISPUTED, WON, GONE, OPEN = "disputed", "disputewon", "disputelost", "disputeopen"
_STATES: Mapping[str, tuple[Promise, Iterable[str]]] = {
    DISPUTED: (gettext_lazy("Disputed"), DisputeState.values),
    WON: (gettext_lazy("Disputes won"), [DisputeState.WON]),
    GONE: (gettext_lazy("Disputes lost"), [DisputeState.LOST]),
    OPEN: (gettext_lazy("Disputes still open"), Dispute.OPEN),
}
_NAMES: Mapping[str, tuple[str, str]] = {
    Measure.REFUNDED.value: ("refunds", "refunded"),
    DISPUTED: ("disputes", DISPUTED),
    WON: ("won", "won_amount"),
    GONE: ("lost", "lost_amount"),
    OPEN: ("open", "open_amount"),
}


def places() -> Mapping[str, Source]:
    """Refunds of the daily sums; disputes by the day on which they were opened."""
    found = {Measure.REFUNDED.value: sources()[Measure.REFUNDED]}
    for measure, (title, states) in _STATES.items():
        found[measure] = Source(
            title,
            Dispute.objects.filter(state__in=list(states)),
            at="opened_at",
            method="payment__method",
            link="payment__link__",
        )
    return found


def _find(ask: Ask) -> list[Row]:
    return ranged.find(ask, _NAMES, places=places())


def _columns() -> list[Column]:
    both = [
        (Measure.REFUNDED.value, gettext_lazy("Given back"), gettext_lazy("Refunds")),
        (DISPUTED, gettext_lazy("Disputed"), gettext_lazy("Disputes")),
        (WON, gettext_lazy("Won"), gettext_lazy("Won, number")),
        (GONE, gettext_lazy("Lost"), gettext_lazy("Lost, number")),
        (OPEN, gettext_lazy("Still open"), gettext_lazy("Open, number")),
    ]
    found = []
    for measure, amount, count in both:
        number, total = _NAMES[measure]
        found.append(Column(total, amount, measure=measure))
        found.append(Column(number, count, measure=measure, unit=Unit.COUNT))
    return found


RETURNED = Report(
    name="refunds",
    title=gettext_lazy("Refunds and disputes"),
    about=gettext_lazy(
        "What was given back, by the day of the refund, and what was disputed, by the"
        " day on which the dispute was opened, with what has come of it until now."
    ),
    by={name: HEADINGS[name].title for name in _BY},
    columns=_columns(),
    charted=("refunded", DISPUTED),
    find=_find,
    sources=places,
)
