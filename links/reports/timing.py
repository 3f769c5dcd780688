"""How long links took to be paid, and which reminder came last before.

Of the links that were paid in the period, found by their day; medians need each of them,
so nothing is kept for it, and a period has a most of links.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from django.db.models import QuerySet
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.lib.languages import locale_of
from notifications.models import Category, ChannelName, Message

from ..models import LinkStatus, PaymentLink, ReminderStep
from .base import Ask, Column, Report, ReportError, Row, Unit, largest_first
from .sources import Source

MOST = 50_000
# links of one answer: each is read
CHUNK = 500
WITHIN = timedelta(days=7)
# A payment that comes later after a reminder is not put down to it.
PAID_LINKS = "paidlinks"
PROMISE = "promise"


@dataclass(frozen=True, slots=True)
class Reminder:
    """The last one that left before the payment. `step`: its key; 0 where it is of the
    day that the customer had promised."""

    at: datetime
    channel: str
    step: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A link that was paid."""

    pk: int
    currency: str
    sent_at: datetime
    paid_at: datetime
    channels: tuple[str, ...]
    amount_minor: int
    reminder: Reminder | None

    @property
    def seconds(self) -> int:
        return int((self.paid_at - self.sent_at).total_seconds())

    @property
    def brought_by(self) -> Reminder | None:
        """The reminder, if it was not too long ago."""
        one = self.reminder
        return one if one and self.paid_at - one.at <= WITHIN else None


def read(links: QuerySet[Any]) -> Iterator[Paid]:
    """Those links with their last reminder, a few at a time."""
    fields = (
        *("pk", "public_id", "currency", "first_sent_at", "paid_at"),
        *("last_channels", "amount_paid_minor"),
    )
    left = links.values_list(*fields).iterator(CHUNK)
    while chunk := list(islice(left, CHUNK)):
        reminders = _reminders({row[1]: row[4] for row in chunk})
        for pk, public_id, currency, sent_at, paid_at, channels, minor in chunk:
            reminder = reminders.get(public_id)
            place = (pk, currency, sent_at, paid_at, tuple(sorted(channels)))
            yield Paid(*place, minor, reminder)


def _reminders(paid_at: Mapping[str, datetime]) -> dict[str, Reminder]:
    """Public id of a link → its last reminder before that moment; one query."""
    sent = Message.objects.filter(
        reference__in=paid_at, category=Category.REMINDER, sent_at__isnull=False
    ).order_by("reference", "sent_at", "id")
    found: dict[str, Reminder] = {}
    for link, at, channel, key in sent.values_list(
        "reference", "sent_at", "channel", "dedupe_key"
    ):
        if at is not None and at < paid_at[link]:
            before = found.get(link)
            found[link] = Reminder(at, channel, _step(key, before))
    return found


def _step(dedupe_key: str, before: Reminder | None) -> int:
    """As the key of a reminder names it; another channel that was tried after a step is
    of the same."""
    kind, *parts = dedupe_key.split(":")
    if kind == "reminder" and len(parts) > 1:
        return int(parts[1]) if parts[1].isdecimal() else 0
    return before.step if before else 0


Key = Callable[[Paid, ZoneInfo], str]


def _of_step(one: Reminder | None) -> str:
    if one is None:
        return ""
    return str(one.step) if one.step else PROMISE


TIME_KEYS: Mapping[str, Key] = {
    "channel": lambda one, _zone: "+".join(one.channels),
    "weekday": lambda one, zone: str(one.sent_at.astimezone(zone).isoweekday()),
    "step": lambda one, _zone: _of_step(one.reminder),
}
BROUGHT_KEYS: Mapping[str, Key] = {
    "step": lambda one, _zone: _of_step(one.brought_by),
    "channel": lambda one, _zone: one.brought_by.channel if one.brought_by else "",
}


def _channels(keys: Sequence[str], nothing: str) -> dict[str, str]:
    names = dict(ChannelName.choices)
    return {
        key: " + ".join(str(names.get(one, one)) for one in key.split("+"))
        if key
        else nothing
        for key in keys
    }


def _weekdays(keys: Sequence[str]) -> dict[str, str]:
    names = get_day_names(locale=locale_of(get_language() or "en"))
    return {key: str(names[int(key) - 1]).capitalize() for key in keys}


def _steps(keys: Sequence[str], nothing: str) -> dict[str, str]:
    pks = [int(key) for key in keys if key.isdecimal()]
    known = {
        str(step.pk): f"{step.plan}: {step}"
        for step in ReminderStep.objects.filter(pk__in=pks).select_related("plan")
    }
    gone = _("A step that is gone")
    others = {"": nothing, PROMISE: _("On the day that was promised")}
    return {key: others.get(key) or known.get(key, gone) for key in keys}


class _Classified(Source):
    """Links of which the heading is worked out by reading them."""

    __slots__ = ()
    keys: Mapping[str, Key] = {}

    def under(
        self, rows: QuerySet[Any], by: str, key: str, zone: ZoneInfo
    ) -> QuerySet[Any]:
        if by not in self.keys:
            return rows
        of = self.keys[by]
        pks = [one.pk for one in read(rows[:MOST]) if of(one, zone) == key]
        return rows.filter(pk__in=pks)


class _Timed(_Classified):
    __slots__ = ()
    keys = TIME_KEYS


class _Brought(_Classified):
    __slots__ = ()
    keys = BROUGHT_KEYS


BROUGHT = "broughtlinks"


def _facts() -> tuple[Any, ...]:
    rows = PaymentLink.objects.filter(
        status=LinkStatus.PAID, first_sent_at__isnull=False
    )
    title = gettext_lazy("Paid links")
    return title, rows, "paid_at", "amount_paid_minor", None, None, None, ""


def _times() -> Mapping[str, Source]:
    return {PAID_LINKS: _Timed(*_facts())}


def _brought() -> Mapping[str, Source]:
    return {BROUGHT: _Brought(*_facts())}


def _read(ask: Ask) -> list[Paid]:
    """Raises ReportError where they are too many."""
    source = _times()[PAID_LINKS]
    rows = source.within(ask.first, ask.last, zone_of(None))
    if ask.staff_pk is not None:
        rows = rows.filter(created_by=ask.staff_pk)
    found = list(read(rows[: MOST + 1]))
    if len(found) > MOST:
        raise ReportError(
            _("More links were paid than can be read. Choose fewer days."), "first"
        )
    return found


def middle(spans: Sequence[int]) -> int:
    """The median of some seconds, whole."""
    ordered = sorted(spans)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) // 2


def nine_of_ten(spans: Sequence[int]) -> int:
    """Nine of ten took no longer."""
    ordered = sorted(spans)
    return ordered[-(-9 * len(ordered) // 10) - 1]


def _find_times(ask: Ask) -> list[Row]:
    zone, of = zone_of(None), TIME_KEYS[ask.by]
    spans: dict[str, list[int]] = {}
    for one in _read(ask):
        spans.setdefault(of(one, zone), []).append(one.seconds)
    keys = list(spans)
    if ask.by == "channel":
        titles = _channels(keys, _("Not told"))
    elif ask.by == "weekday":
        titles = _weekdays(keys)
    else:
        titles = _steps(keys, _("Before any reminder"))
    return [
        Row(
            key,
            titles[key],
            "",
            {
                "links": len(spans[key]),
                "median": middle(spans[key]),
                "most": nine_of_ten(spans[key]),
            },
        )
        for key in sorted(spans, key=lambda key: (not key, key.zfill(8)))
    ]


def _find_brought(ask: Ask) -> list[Row]:
    zone, of = zone_of(None), BROUGHT_KEYS[ask.by]
    found: dict[tuple[str, str], list[Paid]] = {}
    for one in _read(ask):
        found.setdefault((of(one, zone), one.currency), []).append(one)
    keys = list({key for key, _currency in found})
    nothing = _("No reminder in the 7 days before")
    named = _steps if ask.by == "step" else _channels
    titles = named(keys, nothing)
    rows = [
        Row(key, titles[key], currency, _sums(links))
        for (key, currency), links in found.items()
    ]
    return largest_first(rows, "amount")


def _sums(links: Sequence[Paid]) -> dict[str, int]:
    after = [
        int((one.paid_at - one.brought_by.at).total_seconds())
        for one in links
        if one.brought_by
    ]
    sums = {"links": len(links), "amount": sum(one.amount_minor for one in links)}
    return {**sums, "median": middle(after)} if after else sums


TIMES = Report(
    name="times",
    title=gettext_lazy("Time to pay"),
    about=gettext_lazy(
        "Of the links that were paid in full in these days, how long it took from the"
        " first sending. Channels are those of the last sending; weekdays those of the"
        " first. Links that nobody paid yet are not in it."
    ),
    by={
        "channel": gettext_lazy("Channel"),
        "weekday": gettext_lazy("Weekday of sending"),
        "step": gettext_lazy("Last reminder before"),
    },
    columns=[
        Column(
            "links", gettext_lazy("Paid links"), measure=PAID_LINKS, unit=Unit.COUNT
        ),
        Column("median", gettext_lazy("Half within"), unit=Unit.TIME, adds_up=False),
        Column(
            "most", gettext_lazy("Nine of ten within"), unit=Unit.TIME, adds_up=False
        ),
    ],
    charted=("links",),
    find=_find_times,
    sources=_times,
)
REMINDED = Report(
    name="reminders",
    title=gettext_lazy("After reminders"),
    about=gettext_lazy(
        "Links that were paid in full in these days, within 7 days after a reminder and"
        " before the next. Some would have been paid without it: this says what came"
        " after reminders, not because of them. Of one reminder for several links, only"
        " the link that it was about is counted."
    ),
    by={"step": gettext_lazy("Step"), "channel": gettext_lazy("Channel")},
    columns=[
        Column("amount", gettext_lazy("Paid"), measure=BROUGHT),
        Column("links", gettext_lazy("Paid links"), measure=BROUGHT, unit=Unit.COUNT),
        Column(
            "median",
            gettext_lazy("Half within, after it"),
            unit=Unit.TIME,
            adds_up=False,
        ),
    ],
    charted=("amount",),
    find=_find_brought,
    sources=_brought,
)
