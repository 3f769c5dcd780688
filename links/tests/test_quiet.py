"""Days off: reminders wait for the next day that is none, wherever somebody may be."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from links.services import quiet
from merchant_portal.business.models import Business

from .factories import make_customer

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
CAIRO = ZoneInfo("Africa/Cairo")


def at(zone: ZoneInfo, *when: int) -> datetime:
    return datetime(*when, tzinfo=zone)  # type: ignore[arg-type,misc]


def place(*countries: str, zones: tuple[ZoneInfo, ...] = (BERLIN,)) -> quiet.Place:
    return quiet.Place(zones, countries, rests_on_weekends=True, rests_on_holidays=True)


@pytest.mark.parametrize(
    ("where", "asked", "allowed"),
    [
        # Friday evening → Monday
        (place("DE"), at(BERLIN, 2027, 1, 8, 21), at(BERLIN, 2027, 1, 11, 8)),
        # Friday noon is as good as any
        (place("DE"), at(BERLIN, 2027, 1, 8, 12), at(BERLIN, 2027, 1, 8, 12)),
        # Good Friday to Easter Monday
        (place("DE"), at(BERLIN, 2027, 3, 26, 10), at(BERLIN, 2027, 3, 30, 8)),
        # a holiday on one of two countries' calendars counts
        (place("FR", "DE"), at(BERLIN, 2027, 7, 14, 10), at(BERLIN, 2027, 7, 15, 8)),
        # Friday and Saturday in Egypt, not Sunday
        (
            place("EG", zones=(CAIRO,)),
            at(CAIRO, 2027, 1, 8, 12),
            at(CAIRO, 2027, 1, 10, 8),
        ),
        # a country that the library does not know: Saturday and Sunday
        (place("XX"), at(BERLIN, 2027, 1, 9, 12), at(BERLIN, 2027, 1, 11, 8)),
    ],
)
def test_what_comes_due_on_a_day_off_waits(
    where: quiet.Place, asked: datetime, allowed: datetime
) -> None:
    assert quiet.allowed_at(asked, where) == allowed.astimezone(UTC)


def test_a_moment_that_suits_every_zone_is_found_over_a_long_weekend() -> None:
    both = place("DE", "US", zones=(BERLIN, NEW_YORK))

    found = quiet.allowed_at(at(BERLIN, 2027, 5, 28, 21, 30), both)

    # Monday the 31st is a holiday in the United States
    assert found == at(NEW_YORK, 2027, 6, 1, 8).astimezone(UTC)


def test_nothing_rests_unless_the_business_wants_it() -> None:
    saturday = at(BERLIN, 2027, 1, 9, 12)

    assert quiet.allowed_at(saturday, quiet.Place((BERLIN,), ("DE",))) == saturday


@pytest.mark.django_db
def test_the_customers_country_counts_before_the_businesss() -> None:
    business = Business.objects.current()
    business.rests_on_holidays, business.country = True, "US"
    customer = make_customer(phone="+4930901820", time_zone="Europe/Berlin")

    of_number = quiet.place_of(customer, "+4930901820", business)
    of_business = quiet.place_of(customer, "", business)

    assert (of_number.countries, of_business.countries) == (("DE",), ("US",))
