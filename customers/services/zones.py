"""Where on the clock a customer may be, when nobody has said it."""

from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from babel.core import get_global

from merchant_portal.business.models import Business

from ..models import Customer
from .customers import zone_of


def candidates(
    customer: Customer | None, phone: str, business: Business | None = None
) -> tuple[ZoneInfo, ...]:
    """Every zone in which they may be: their own alone where it is known.

    Else all zones of their country and of their number's; else the business's.
    `phone`: E.164 or empty. Never empty; each name once.
    """
    if customer is None or customer.time_zone:
        return (zone_of(customer, business),)
    found = _of_country(customer.country) + _of_country(_country_of(phone))
    return tuple(dict.fromkeys(found)) or (zone_of(customer, business),)


def countries(
    customer: Customer | None, phone: str, business: Business
) -> tuple[str, ...]:
    """ISO 3166-1 codes of where they may be: their own, their number's; else the
    business's."""
    said = customer.country if customer is not None else ""
    found = dict.fromkeys(code for code in (said, _country_of(phone)) if code)
    return tuple(found) or (business.country,)


@cache
def _of_country(code: str) -> tuple[ZoneInfo, ...]:
    """Zones of an ISO 3166-1 country by the Unicode data; none for an unknown one."""
    known = available_timezones()
    names: list[str] = get_global("territory_zones").get(code, [])
    return tuple(ZoneInfo(name) for name in names if name in known)


@lru_cache(maxsize=4096)
def _country_of(phone: str) -> str:
    """The country that gave out the number; where its owner is, may be another."""
    if not phone:
        return ""
    return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""
