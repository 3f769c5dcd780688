from zoneinfo import ZoneInfo

import pytest

from customers.models import Customer
from customers.services import zones
from merchant_portal.business.models import Business

BUSINESS = Business(time_zone="Europe/Paris")
GERMAN, BRITISH, AMERICAN = "+4915123456789", "+447400123456", "+14155550100"


def names(phone: str = "", **known: str) -> set[str]:
    found = zones.candidates(Customer(**known), phone, BUSINESS)
    assert len(found) == len(set(found))
    return {zone.key for zone in found}


def test_a_zone_that_is_known_is_the_only_one() -> None:
    assert names(AMERICAN, country="DE", time_zone="Asia/Tokyo") == {"Asia/Tokyo"}


@pytest.mark.parametrize(
    ("country", "phone", "expected"),
    [
        ("GB", "", {"Europe/London"}),
        ("", BRITISH, {"Europe/London"}),
        ("GB", BRITISH, {"Europe/London"}),
        ("JP", BRITISH, {"Asia/Tokyo", "Europe/London"}),
        ("DE", GERMAN, {"Europe/Berlin", "Europe/Busingen"}),
    ],
)
def test_all_of_the_country_and_of_the_number(
    country: str, phone: str, expected: set[str]
) -> None:
    assert names(phone, country=country) == expected


def test_a_number_of_a_wide_country_may_be_anywhere_in_it() -> None:
    found = names(AMERICAN)

    assert {"America/New_York", "America/Los_Angeles", "Pacific/Honolulu"} <= found


@pytest.mark.parametrize("country", ["", "XX"])
def test_who_is_nowhere_is_where_the_business_is(country: str) -> None:
    assert names(country=country) == {"Europe/Paris"}
    assert zones.candidates(None, "", BUSINESS) == (ZoneInfo("Europe/Paris"),)
