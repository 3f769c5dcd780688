"""Customers in twenty zones, and by hand, when each of them may be reminded.

Written from calendars, not from the libraries that the product asks.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

YEAR = 2027
GERMAN = frozenset(
    date(YEAR, month, day)
    for month, day in (
        (1, 1),
        (3, 26),
        (3, 29),
        (5, 1),
        (5, 6),
        (5, 17),
        (10, 3),
        (12, 25),
        (12, 26),
    )
)
AMERICAN = frozenset(
    date(YEAR, month, day)
    for month, day in (
        (1, 1),
        (1, 18),
        (5, 31),
        (7, 4),
        (9, 6),
        (11, 11),
        (11, 25),
        (12, 25),
    )
)
WESTERN, ARAB = frozenset({5, 6}), frozenset({4, 5})


@dataclass(frozen=True)
class Person:
    """`zones`: everywhere they may be; `zone`: what the shop was told, or nothing."""

    zones: tuple[str, ...]
    zone: str = ""
    country: str = ""
    phone: str = ""
    weekend: frozenset[int] = WESTERN
    holidays: frozenset[date] = frozenset()

    def may_be_reminded(self, at: datetime, *, rests: bool) -> bool:
        for name in self.zones:
            local = at.astimezone(ZoneInfo(name))
            if not time(8) <= local.time() < time(21):
                return False
            day = local.date()
            if rests and (day.weekday() in self.weekend or day in self.holidays):
                return False
        return True


def _at(name: str, country: str, phone: str = "", **more: object) -> Person:
    return Person((name,), name, country, phone, **more)  # type: ignore[arg-type]


PEOPLE = (
    _at("Europe/Berlin", "DE", "+4930901820", holidays=GERMAN),
    _at("America/New_York", "US", "+12125550100", holidays=AMERICAN),
    _at("America/Los_Angeles", "US", "+14155550100", holidays=AMERICAN),
    _at("Africa/Cairo", "EG", weekend=ARAB),  # changes at midnight
    _at("Africa/Casablanca", "MA"),  # goes back for Ramadan
    _at("Africa/Lagos", "NG"),
    _at("America/Nuuk", "GL"),
    _at("America/Santiago", "CL"),
    _at("America/Sao_Paulo", "BR"),
    _at("America/St_Johns", "CA"),
    _at("Asia/Kathmandu", "", "", weekend=WESTERN),
    _at("Asia/Kolkata", "IN", weekend=frozenset({6})),
    _at("Asia/Tokyo", "JP"),
    _at("Australia/Lord_Howe", "AU"),  # changes by half an hour
    _at("Australia/Sydney", "AU"),
    _at("Europe/London", "GB", "+442079460000"),
    _at("Pacific/Chatham", "NZ"),
    _at("Pacific/Kiritimati", "KI"),  # fourteen hours ahead
    # Nobody said where: every zone of the country counts, and of the number's.
    Person(("Europe/Lisbon", "Atlantic/Madeira", "Atlantic/Azores"), country="PT"),
    Person(("Europe/London",), phone="+442079460001"),
)
