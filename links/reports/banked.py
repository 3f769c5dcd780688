"""Payouts to the bank: what providers sent on, by the day on which they did."""

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext_lazy as _

from ..models import Payout, PayoutState
from . import ranged
from .base import Ask, Column, Report, Row, Unit
from .headings import HEADINGS, Titles
from .sources import Source

_BY = ("month", "week", "day", "provider")
SENT_ON, ARRIVED, CAME_BACK = "payout", "payoutpaid", "payoutback"
_NAMES = {
    SENT_ON: ("payouts", "amount"),
    ARRIVED: ("arrived", "arrived_amount"),
    CAME_BACK: ("back", "back_amount"),
}
_OVER = [PayoutState.CANCELED, PayoutState.FAILED]


def places() -> Mapping[str, Source]:
    """All payouts, those that arrived, and those that came to nothing."""
    rows = Payout.objects.all()
    kinds = (
        (SENT_ON, _("Payouts"), rows),
        (ARRIVED, _("Arrived"), rows.filter(state=PayoutState.PAID)),
        (CAME_BACK, _("Canceled or sent back"), rows.filter(state__in=_OVER)),
    )
    return {
        measure: Source(
            title,
            found,
            at="created_at",
            method=None,
            link="",
            own=frozenset({"state"}),
        )
        for measure, title, found in kinds
    }


def _by_state(states: Iterable[str]) -> Titles:
    return {state: (state, str(PayoutState(state).label)) for state in states}


def _find(ask: Ask) -> list[Row]:
    if ask.staff_pk is not None:
        return []  # payouts are of the whole account, not of anybody's links
    return ranged.find(ask, _NAMES, places=places(), own={"state": _by_state})


BANKED = Report(
    name="payouts",
    title=_("Payouts"),
    about=_(
        "What providers sent on to the bank, by the day on which they did. Below zero:"
        " taken from the bank account. PayPal does not tell of payouts."
    ),
    by={**{name: HEADINGS[name].title for name in _BY}, "state": _("State")},
    columns=[
        Column("amount", _("Payouts"), measure=SENT_ON),
        Column("payouts", _("Number"), measure=SENT_ON, unit=Unit.COUNT),
        Column("arrived_amount", _("Arrived"), measure=ARRIVED),
        Column("arrived", _("Arrived, number"), measure=ARRIVED, unit=Unit.COUNT),
        Column("back_amount", _("Canceled or sent back"), measure=CAME_BACK),
        Column("back", _("Sent back, number"), measure=CAME_BACK, unit=Unit.COUNT),
    ],
    charted=("amount",),
    find=_find,
    sources=places,
)
