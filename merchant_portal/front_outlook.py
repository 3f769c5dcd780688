"""What is expected, what is late, and how far what was sent has come: for the front page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from links.admin import formats
from links.models import PaymentLink
from links.services import expected, funnel


@dataclass(frozen=True, slots=True)
class Bar:
    """A row with a figure and, in hundredths of the longest, its length."""

    title: str
    text: str
    percent: int
    more: str = ""


def of_links(
    links: QuerySet[PaymentLink], today: date, now: datetime, zone: ZoneInfo, first: str
) -> dict[str, Any]:
    """`first`: the currency of the business, in which the bars are drawn."""
    found = expected.expected(links, today, zone)
    come = funnel.funnel(links, now)
    return {
        "weeks": _week_bars(found, first),
        "ages": _age_bars(found.ages, first),
        "funnel": _funnel_bars(come),
        "funnel_most": funnel.MOST if come.is_part else 0,
    }


def _week_bars(found: expected.Expected, first: str) -> list[Bar]:
    rows = [
        (
            f"{formats.short_day(week.first)} \u2013 {formats.short_day(week.last)}",
            week.sums,
            _why(week, first),
        )
        for week in found.weeks
    ]
    rows += [
        (title, sums, "")
        for title, sums in (
            (_("Later"), found.later),
            (_("Without a due date"), found.undated),
            (_("Late, nobody knows when"), found.late),
        )
        if sums
    ]
    return _bars(rows, first)


def _why(week: expected.Week, first: str) -> str:
    said = []
    if week.promised:
        sums = formats.sums(week.promised.items(), first)
        said.append(_("%s promised") % ", ".join(sums))
    if week.by_habit:
        sums = formats.sums(week.by_habit.items(), first)
        said.append(_("%s by habit") % ", ".join(sums))
    return ", ".join(said)


def _age_bars(ages: Mapping[str, Mapping[str, int]], first: str) -> list[Bar]:
    """Nothing where nothing is late."""
    if not any(ages.values()):
        return []
    titles = {
        "30": _("1 to 30 days"),
        "60": _("31 to 60 days"),
        "90": _("61 to 90 days"),
        "more": _("More than 90 days"),
    }
    return _bars([(titles[age], sums, "") for age, sums in ages.items()], first)


def _bars(rows: list[tuple[str, Mapping[str, int], str]], first: str) -> list[Bar]:
    """Bars of one currency, the business's where it is among them; of others the
    figures alone."""
    codes = {code for _title, sums, _more in rows for code in sums}
    drawn = first if first in codes or not codes else min(codes)
    longest = max((sums.get(drawn, 0) for _title, sums, _more in rows), default=0)
    return [
        Bar(
            title,
            " · ".join(formats.sums(sums.items(), first)) if sums else formats.NOTHING,
            100 * max(sums.get(drawn, 0), 0) // longest if longest > 0 else 0,
            more,
        )
        for title, sums, more in rows
    ]


def _funnel_bars(come: funnel.Funnel) -> list[Bar]:
    """Nothing where nothing was sent."""
    if not come.sent:
        return []
    rows = (
        (_("Sent"), come.sent),
        (_("Delivered, as far as we are told"), come.delivered),
        (_("Payment started"), come.started),
        (_("Paid"), come.paid),
    )
    return [
        Bar(
            title,
            str(number),
            100 * number // come.sent,
            f"{100 * number // come.sent} %",
        )
        for title, number in rows
    ]
