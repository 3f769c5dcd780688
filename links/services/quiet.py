"""When a reminder may reach somebody: by day, and not on the days they rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from customers.models import Customer
from customers.services import zones
from merchant_portal.business.models import Business

EARLIEST, LATEST = wall_time(8), wall_time(21)
# quiet hours: reminders leave between these local times
WITHIN = timedelta(days=2)
# Zones up to 13 hours apart share a moment of the day; those of Antarctica do not.
WITHIN_RESTS = timedelta(days=16)
# The longest run of days off that a country has, and a weekend at each end.
SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody may be: every zone that is possible, and whose days off count.

    `countries`: ISO 3166-1. Without one no holiday is known and a weekend is Saturday
    and Sunday.
    """

    zones: tuple[ZoneInfo, ...]
    countries: tuple[str, ...] = ()
    rests_on_weekends: bool = False
    rests_on_holidays: bool = False

    @property
    def has_rests(self) -> bool:
        return self.rests_on_weekends or self.rests_on_holidays


def place_of(customer: Customer | None, phone: str, business: Business) -> Place:
    """`phone`: E.164 or empty."""
    has_rests = business.rests_on_weekends or business.rests_on_holidays
    return Place(
        zones.candidates(customer, phone, business),
        zones.countries(customer, phone, business) if has_rests else (),
        business.rests_on_weekends,
        business.rests_on_holidays,
    )


def allowed_at(at: datetime, place: Place) -> datetime:
    """`at`, or the next moment, UTC, at which a reminder may leave in each zone.

    Where no moment suits all of them, the first zone decides alone.
    """
    moment = _awake_in_all(at, place, place.zones)
    if moment is None:
        moment = _awake_in_all(at, place, place.zones[:1])
    return at if moment is None else moment


def _awake_in_all(
    at: datetime, place: Place, zones: Sequence[ZoneInfo]
) -> datetime | None:
    within = WITHIN_RESTS if place.has_rests else WITHIN
    moment = at
    while moment - at <= within:
        later = max(_awake(moment, zone, place) for zone in zones)
        if later == moment:
            return moment
        moment = later
    return None


def _awake(at: datetime, zone: ZoneInfo, place: Place) -> datetime:
    local = at.astimezone(zone)
    clock_time = local.time()
    if clock_time >= LATEST or (place.has_rests and is_rest(local.date(), place)):
        return next_morning(at, zone)
    if clock_time >= EARLIEST:
        return at
    return datetime.combine(local.date(), EARLIEST, tzinfo=zone).astimezone(UTC)


def next_morning(at: datetime, zone: ZoneInfo) -> datetime:
    """When reminders may leave again on the day after `at` in that zone."""
    day = at.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, EARLIEST, tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=4096)
def is_rest(day: date, place: Place) -> bool:
    """Whether that day is one on which this place is left alone."""
    calendars = [_calendar(code) for code in place.countries]
    known = [calendar for calendar in calendars if calendar is not None]
    if place.rests_on_holidays and any(day in calendar for calendar in known):
        return True
    if not place.rests_on_weekends:
        return False
    if not known:
        return day.weekday() in (SATURDAY, SUNDAY)
    return any(day.weekday() in calendar.weekend for calendar in known)


@lru_cache(maxsize=64)
def _calendar(code: str) -> holidays.HolidayBase | None:
    """A country's public holidays; None where the library knows none."""
    try:
        return holidays.country_holidays(code)
    except NotImplementedError:
        return None
