"""The rehearsal: what the reminders of the next 30 days will be, and why not."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.languages import OF_CUSTOMERS
from merchant_portal.staff.roles import Right
from notifications import kinds
from notifications.models import ChannelName
from notifications.services import outbox, rendering, sms_bill

from ..models import TASK_RUNG, PaymentLink, ReminderPlan, Tone
from ..models.reminders import KIND_OF_TONE
from ..services import rehearsal
from ..services.rehearsal import MESSAGE, SKIP, TASK, Edited, Foretold
from . import formats
from .entry import bounded, frame, needs, who
from .labels import reminder_reason

SHOWN = 200
# rows of a list; the calendar and the sums count them all
SHOWN_LEFT_OUT = 20
# links named for each reason


@dataclass(slots=True)
class _Seen:
    """What a page keeps of the rehearsal, whose rows come one by one and may be many.

    `rows`: those of one day, or the first of all of them.
    """

    zone: ZoneInfo
    today: date
    day: date | None
    counts: Counter[tuple[date, str]] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    texts: Counter[tuple[str, str]] = field(default_factory=Counter)
    links: set[int] = field(default_factory=set)
    rows: list[tuple[float, int, Foretold]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, list[Foretold]] = field(default_factory=dict)

    def take(self, all_: Iterable[Foretold]) -> None:
        for number, each in enumerate(all_):
            if each.outcome == SKIP:
                self._leave_out(each)
                continue
            what = each.channel if each.outcome == MESSAGE else TASK
            day = each.at.astimezone(self.zone).date()
            self.counts[day, what] += 1
            self.sums[what] += 1
            self.links.add(each.link.pk)
            if each.channel == ChannelName.SMS:
                self.texts[each.kind, each.language] += 1
            if self.day in (None, day):
                self._keep(number, each)

    def _keep(self, number: int, each: Foretold) -> None:
        """The SHOWN that come first; of a heap, the latest is on top."""
        row = (-each.at.timestamp(), -number, each)
        if len(self.rows) < SHOWN:
            heapq.heappush(self.rows, row)
        else:
            heapq.heappushpop(self.rows, row)

    def _leave_out(self, each: Foretold) -> None:
        self.reasons[each.reason] += 1
        known = self.left_out.setdefault(each.reason, [])
        if len(known) < SHOWN_LEFT_OUT:
            known.append(each)


@require_safe
@needs(Right.LINKS_READ)
def all_view(request: HttpRequest) -> HttpResponse:
    """Of all links that the reader may see."""
    links = PaymentLink.objects.visible_to(who(request))
    return _show(
        request, rehearsal.rehearse(links=links), _("The next 30 days"), can_pick=True
    )


@require_safe
@needs(Right.LINKS_READ)
def plan_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Of the links on one plan, as it is saved."""
    plan = get_object_or_404(ReminderPlan, pk=bounded(pk))
    links = PaymentLink.objects.visible_to(who(request))
    found = rehearsal.rehearse(links=links, of_plan=plan.pk)
    title = _("%(plan)s: the next 30 days") % {"plan": plan}
    return _show(request, found, title, can_pick=True)


def edited_view(request: HttpRequest, edited: Edited) -> HttpResponse:
    """Of a plan as it stands in its form; nothing is saved."""
    links = PaymentLink.objects.visible_to(who(request))
    found = rehearsal.rehearse(edited=edited, links=links)
    title = _("%(plan)s, if you save it: the next 30 days") % {
        "plan": edited.plan.name or _("New plan")
    }
    return _show(request, found, title, can_pick=False)


def _show(
    request: HttpRequest, found: Iterator[Foretold], title: str, *, can_pick: bool
) -> HttpResponse:
    business = Business.objects.current()
    zone = zone_of(None, business)
    today = clock.now().astimezone(zone).date()
    seen = _Seen(zone, today, _day(request) if can_pick else None)
    seen.take(found)
    context = {
        "weekdays": [formats.weekday(seen.today, number) for number in range(7)],
        "weeks": list(_weeks(seen)),
        "sums": list(_sums(seen)),
        "count_of_links": len(seen.links),
        "rows": [_row(each, zone, business) for each in _in_time(seen)],
        "is_cut": len(seen.rows) == SHOWN,
        "shown": SHOWN,
        "day": formats.day(seen.day) if seen.day else "",
        "left_out": list(_left_out(seen, zone)),
        "can_pick": can_pick,
        "is_empty": not seen.sums and not seen.reasons,
    }
    return render(
        request,
        "admin/links/reminderplan/rehearsal.html",
        frame(request, title, **context),
    )


def _day(request: HttpRequest) -> date | None:
    if not (said := request.GET.get("day")):
        return None
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise Http404 from None


def _in_time(seen: _Seen) -> list[Foretold]:
    return [each for _at, _number, each in sorted(seen.rows, reverse=True)]


def _weeks(seen: _Seen) -> Iterator[list[dict[str, Any]]]:
    """The days to come in rows of a week, from Monday on."""
    first = seen.today - timedelta(days=seen.today.weekday())
    last = seen.today + timedelta(days=rehearsal.DAYS)
    day = first
    while day <= last:
        yield [_cell(seen, day + timedelta(days=number)) for number in range(7)]
        day += timedelta(days=7)


def _cell(seen: _Seen, day: date) -> dict[str, Any]:
    counts = [
        {"name": name, "count": count}
        for what, name in _whats()
        if (count := seen.counts[day, what])
    ]
    is_ahead = seen.today <= day <= seen.today + timedelta(days=rehearsal.DAYS)
    return {
        "date": day.isoformat(),
        "number": day.day,
        "name": formats.day(day),
        "counts": counts,
        "is_ahead": is_ahead,
        "is_picked": day == seen.day,
    }


def _whats() -> list[tuple[str, str]]:
    return [*((name, str(label)) for name, label in ChannelName.choices), _task()]


def _task() -> tuple[str, str]:
    return TASK, _("Tasks")


def _sums(seen: _Seen) -> Iterator[dict[str, Any]]:
    for what, name in _whats():
        if seen.sums[what]:
            more = _cost(seen.texts) if what == ChannelName.SMS else ""
            yield {"name": name, "count": seen.sums[what], "more": more}


def _cost(texts: Mapping[tuple[str, str], int]) -> str:
    """In how many parts the SMS go, and for how much, as far as an example can tell."""
    parts = sum(
        count * _parts_of(kind, language) for (kind, language), count in texts.items()
    )
    about = ngettext("about %d part", "about %d parts", parts) % parts
    cost = sms_bill.cost_of(parts)
    return f"{about}, {cost}" if cost else about


def _parts_of(kind: str, language: str) -> int:
    """Of an SMS about the sample link, in these words."""
    values = kinds.get(kind).sample(language)
    shown = outbox.preview(
        kind, ChannelName.SMS, language, values, rendering.sample_url()
    )
    return sms_bill.of(shown.text).count.parts


def _row(each: Foretold, zone: ZoneInfo, business: Business) -> dict[str, Any]:
    theirs = zone_of(each.link.customer, business)
    return {
        "at": formats.moment(each.at, zone),
        "their_time": _their_time(each.at, theirs) if theirs != zone else "",
        "link": each.link,
        "customer": each.link.customer.name if each.link.customer else "",
        "step": str(each.step or _("on the day they named")),
        "what": dict(_whats())[each.channel or TASK],
        "tone": _tone(each.kind),
        "to": each.recipient,
        "language": str(dict(OF_CUSTOMERS).get(each.language, each.language)),
        "then": " → ".join(_rung(rung) for rung in each.then),
    }


def _their_time(at: datetime, zone: ZoneInfo) -> str:
    return _("%(time)s for them") % {"time": f"{at.astimezone(zone):%H:%M}"}


def _tone(kind: str) -> str:
    for tone, name in KIND_OF_TONE.items():
        if name == kind:
            return str(Tone(tone).label)
    return ""


def _rung(rung: str) -> str:
    return _("task") if rung == TASK_RUNG else str(ChannelName(rung).label)


def _left_out(seen: _Seen, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    for reason, count in seen.reasons.most_common():
        rows = seen.left_out[reason]
        yield {
            "reason": reminder_reason(reason),
            "count": count,
            "more": count - len(rows),
            "rows": [
                {
                    "at": formats.moment(each.at, zone),
                    "link": each.link,
                    "customer": each.link.customer.name if each.link.customer else "",
                    "step": str(each.step or _("on the day they named")),
                }
                for each in rows
            ],
        }
