"""Links sent: how many, and how much was asked, by the day of the first sending."""

from django.utils.translation import gettext_lazy as _

from ..models import Measure
from . import daily
from .base import Ask, Column, Report, Row, Unit
from .headings import HEADINGS

_BY = ("day", "week", "month", "staff")


def _find(ask: Ask) -> list[Row]:
    return daily.find(ask, {Measure.SENT: ("links", "asked")})


SENT = Report(
    name="links",
    title=_("Links sent"),
    about=_(
        "What customers were asked for, by the day on which a link was first sent to"
        " them. A link that is only shared by hand is not counted."
    ),
    by={name: HEADINGS[name].title for name in _BY},
    columns=[
        Column("asked", _("Asked"), measure=Measure.SENT),
        Column("links", _("Links"), measure=Measure.SENT, unit=Unit.COUNT),
    ],
    charted=("asked",),
    find=_find,
)
