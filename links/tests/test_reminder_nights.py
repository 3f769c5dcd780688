"""Nights on which clocks change, leap days and ends of months, in twenty zones.

Each promise of the reminders has a control here: the same look at the same year, with
one rule taken away, finds what that rule prevents.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from datetime import timezone as fixed_offset
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Min

from customers.models import Customer
from customers.services import zones
from links.models import (
    Anchor,
    DueState,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
)
from links.services import (
    message_rules,
    quiet,
    reminder_facts,
    reminder_rules,
    reminders,
    reminding,
    sending,
)
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import claims

from .factories import make_customer, make_link

Moment = Callable[[PaymentLink, ReminderStep, ZoneInfo], datetime | None]
YEAR = 2028  # a leap year
ZONES = (
    "Africa/Cairo",  # changes at midnight
    "Africa/Casablanca",  # goes back for Ramadan
    "Africa/Lagos",
    "America/Los_Angeles",
    "America/New_York",
    "America/Nuuk",  # changes on the evening before Europe
    "America/Santiago",  # changes at midnight, in the southern autumn
    "America/Sao_Paulo",
    "America/St_Johns",  # half an hour off
    "Antarctica/Troll",  # changes by two hours
    "Asia/Kathmandu",  # a quarter of an hour off
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe",  # changes by half an hour
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",  # changes at 02:45
    "Pacific/Kiritimati",  # fourteen hours ahead
)


# One moment: a local time of a day, as an instant.


@dataclass(frozen=True)
class Night:
    zone: str
    due_on: date
    days: int
    at: time
    instant: str  # UTC


NIGHTS = {
    "gap, New York": Night(
        "America/New_York", date(2026, 3, 8), 0, time(2, 30), "2026-03-08T07:30"
    ),  # 03:30
    "gap, Berlin": Night(
        "Europe/Berlin", date(2026, 3, 22), 7, time(2, 30), "2026-03-29T01:30"
    ),  # 03:30
    "gap of half an hour": Night(
        "Australia/Lord_Howe", date(2026, 10, 4), 0, time(2, 15), "2026-10-03T15:45"
    ),  # 02:45
    "gap at midnight": Night(
        "Africa/Cairo", date(2026, 4, 24), 0, time(0, 30), "2026-04-23T22:30"
    ),  # 01:30
    "a day that never was": Night(
        "Pacific/Apia", date(2011, 12, 30), 0, time(10), "2011-12-30T20:00"
    ),  # the 31st, 10:00
    "overlap, New York": Night(
        "America/New_York", date(2026, 11, 1), 0, time(1, 30), "2026-11-01T05:30"
    ),  # the first of the two
    "overlap, Berlin": Night(
        "Europe/Berlin", date(2026, 10, 18), 7, time(2, 30), "2026-10-25T00:30"
    ),
    "the morning after": Night(
        "America/New_York", date(2026, 3, 1), 7, time(10), "2026-03-08T14:00"
    ),
    "onto a leap day": Night(
        "Europe/London", date(2028, 2, 28), 1, time(10), "2028-02-29T10:00"
    ),
    "no leap day": Night(
        "Europe/London", date(2027, 2, 28), 1, time(10), "2027-03-01T10:00"
    ),
    "from a leap day": Night(
        "Europe/London", date(2028, 2, 29), 7, time(10), "2028-03-07T10:00"
    ),
    "over a month's end": Night(
        "Europe/Berlin", date(2026, 1, 31), 30, time(10), "2026-03-02T09:00"
    ),
    "over a year's end": Night(
        "Asia/Tokyo", date(2026, 12, 31), 7, time(10), "2027-01-07T01:00"
    ),
    "a rule that ended": Night(
        "Europe/Istanbul", date(2016, 11, 1), 7, time(10), "2016-11-08T07:00"
    ),  # summer time was kept for ever
}


def missed(moment: Moment) -> set[str]:
    """Names of the nights for which `moment` gives another instant."""
    return {
        name
        for name, night in NIGHTS.items()
        if moment(
            PaymentLink(due_on=night.due_on),
            ReminderStep(
                anchor=Anchor.DUE, offset_days=night.days, local_time=night.at
            ),
            ZoneInfo(night.zone),
        )
        != datetime.fromisoformat(night.instant).replace(tzinfo=UTC)
    }


def test_a_local_time_is_the_right_instant_on_every_odd_night() -> None:
    assert missed(reminder_rules.moment) == set()


def test_control_counting_hours_instead_of_days_is_wrong_over_a_change() -> None:
    def by_hours(
        link: PaymentLink, step: ReminderStep, zone: ZoneInfo
    ) -> datetime | None:
        assert link.due_on is not None
        start = datetime.combine(link.due_on, step.local_time, tzinfo=zone)
        return start.astimezone(UTC) + timedelta(days=step.offset_days)

    assert missed(by_hours) == {"the morning after"}


def test_control_a_stored_offset_is_wrong_where_the_clocks_changed() -> None:
    def by_offset(
        link: PaymentLink, step: ReminderStep, zone: ZoneInfo
    ) -> datetime | None:
        assert link.due_on is not None
        new_year = datetime(link.due_on.year, 1, 1, tzinfo=zone)
        kept = fixed_offset(new_year.utcoffset() or timedelta())
        day = link.due_on + timedelta(days=step.offset_days)
        return datetime.combine(day, step.local_time, tzinfo=kept).astimezone(UTC)

    assert missed(by_offset) == {
        "a rule that ended",
        "gap of half an hour",
        "overlap, Berlin",
        "overlap, New York",
        "the morning after",
    }


# A whole leap year: what left, and whether it may have.

STEPS = (
    (Anchor.SENT, 3, time(2, 30)),
    (Anchor.DUE, 0, time(20, 30)),
    (Anchor.DUE, 1, time(6, 0)),  # less than twelve hours after the evening before
    (Anchor.DUE, 7, time(10, 0)),
    (Anchor.DUE, 30, time(23, 15)),
)


def changes(zone: ZoneInfo) -> list[date]:
    """Days of the year in which clocks of the zone change."""
    days = [date(YEAR, 1, 1) + timedelta(days=n) for n in range(366)]
    offsets = [datetime.combine(day, time(12), tzinfo=zone).utcoffset() for day in days]
    return [
        day
        for day, before, after in zip(days[1:], offsets, offsets[1:], strict=False)
        if before != after
    ]


def live_through(zones: tuple[str, ...]) -> list[Message]:
    """Send a link before each odd day of the year; every reminder that left."""
    plan = ReminderPlan.objects.create(name="Nights")
    ReminderStep.objects.bulk_create(
        ReminderStep(plan=plan, anchor=anchor, offset_days=days, local_time=at)
        for anchor, days, at in STEPS
    )
    odd = {date(YEAR, 2, 29), date(YEAR, 12, 31)}
    customers = {
        name: make_customer(
            email=f"ada{number}@example.com",
            phone=f"+1415555{number:04d}",
            time_zone=name,
        )
        for number, name in enumerate(zones)
    }
    sendings = sorted(
        (noon(day - timedelta(days=3), name), day, name)
        for name in zones
        for day in odd.union(changes(ZoneInfo(name)))
    )
    now = datetime(YEAR, 1, 1, tzinfo=UTC)
    for at, due_on, name in sendings:
        now = live(now, at)
        with clock.frozen(at):
            send(customers[name], due_on, plan)
    live(now, datetime(YEAR + 1, 3, 1, tzinfo=UTC))
    return list(
        Message.objects.filter(
            kind="reminder", state=MessageState.SENT, sent_at__isnull=False
        ).order_by("sent_at")
    )


def noon(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def live(start: datetime, until: datetime) -> datetime:
    """Stop at every moment at which something is due; what is claimed leaves."""
    at: datetime | None = start
    while at is not None and at <= until:
        with clock.frozen(at):
            while reminding.enqueue_due():
                pass
            while held := claims.claim(200):
                Message.objects.filter(pk__in=[one.message.pk for one in held]).update(
                    state=MessageState.SENT, sent_at=at
                )
        at = _next_after(at)
    return max(start, until)


def _next_after(at: datetime) -> datetime | None:
    due = [
        ReminderDue.objects.filter(state=DueState.PLANNED, due_at__gt=at),
        Message.objects.filter(state=MessageState.QUEUED, due_at__gt=at),
    ]
    return min(
        (
            first
            for rows in due
            if (first := rows.aggregate(Min("due_at"))["due_at__min"])
        ),
        default=None,
    )


def send(customer: Customer, due_on: date, plan: ReminderPlan) -> PaymentLink:
    link = make_link(customer, due_on=due_on)
    link.reminder_plan = plan
    link.save(update_fields=["reminder_plan"])
    sending.send(link, ["email", "sms"], actor=SYSTEM)
    return link


def broken(sent: list[Message]) -> set[str]:
    """The promises that these reminders break."""
    zones = dict(
        PaymentLink.objects.values_list("public_id", "customer__time_zone").distinct()
    )
    seen: set[tuple[str, str]] = set()
    last: dict[tuple[str, str], datetime] = {}
    found = set()
    for message in sent:
        assert message.sent_at is not None
        _reminder, reference, step, channel = message.dedupe_key.split(":")
        if (f"{reference}:{step}", channel) in seen:
            found.add("twice")
        seen.add((f"{reference}:{step}", channel))
        local = message.sent_at.astimezone(ZoneInfo(zones[reference]))
        if not time(8) <= local.time() < time(21):
            found.add("at night")
        before = last.get((reference, channel))
        if before is not None and message.sent_at - before < timedelta(hours=12):
            found.add("within twelve hours")
        last[reference, channel] = message.sent_at
    return found


@pytest.mark.django_db
def test_a_leap_year_in_twenty_zones_breaks_no_promise() -> None:
    sent = live_through(ZONES)

    assert broken(sent) == set()
    # Of five steps the one on the morning after is left out, on either channel.
    links = PaymentLink.objects.count()
    assert links == 66
    assert len(sent) == links * 4 * 2


@pytest.mark.django_db
def test_control_without_quiet_hours_reminders_leave_at_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quiet, "allowed_at", lambda at, place: at)

    assert broken(live_through(ZONES[:2])) == {"at night"}


@pytest.mark.django_db
def test_control_without_the_gap_two_come_within_twelve_hours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reminder_facts, "_reminded", lambda references, now: {})

    assert broken(live_through(ZONES[:2])) == {"within twelve hours"}


# A country changes its clocks after a reminder was planned.


@pytest.mark.django_db
@pytest.mark.parametrize("at", [time(8), time(20, 30)])
@pytest.mark.parametrize(
    "new_rules", ["Africa/Lagos", "Africa/Nairobi", "Pacific/Pago_Pago"]
)
def test_new_rules_of_a_zone_keep_a_planned_reminder_out_of_the_night(
    monkeypatch: pytest.MonkeyPatch, at: time, new_rules: str
) -> None:
    sent = over_a_change_of_rules(monkeypatch, at, new_rules)

    assert len(sent) == 1
    assert 8 <= sent[0].hour < 21


@pytest.mark.django_db
def test_control_with_the_offset_kept_new_rules_send_into_the_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_old_rules(at: datetime, _place: quiet.Place) -> datetime:
        return allowed_at(at, quiet.Place((ZoneInfo("Africa/Maputo"),)))

    allowed_at = quiet.allowed_at
    monkeypatch.setattr(quiet, "allowed_at", by_old_rules)

    [left] = over_a_change_of_rules(monkeypatch, time(20, 30), "Africa/Nairobi")

    assert (left.hour, left.minute) == (21, 30)


def over_a_change_of_rules(
    monkeypatch: pytest.MonkeyPatch, at: time, new_rules: str
) -> list[datetime]:
    """When the reminder of a link left, on the new local clock."""
    plan = ReminderPlan.objects.create(name="Rules")
    ReminderStep.objects.create(
        plan=plan, anchor=Anchor.DUE, offset_days=0, local_time=at
    )
    start = datetime(YEAR, 6, 1, 12, tzinfo=UTC)
    with clock.frozen(start):
        link = send(make_customer(time_zone="Africa/Maputo"), date(YEAR, 6, 9), plan)
    for module in (zones, reminders, message_rules):
        monkeypatch.setattr(module, "zone_of", lambda *_who: ZoneInfo(new_rules))
    live(start, start + timedelta(days=30))
    rows = Message.objects.filter(reference=link.public_id, kind="reminder")
    assert {row.state for row in rows} == {MessageState.SENT}
    moments = {row.sent_at for row in rows if row.sent_at is not None}
    return [moment.astimezone(ZoneInfo(new_rules)) for moment in moments]
