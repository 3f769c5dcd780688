"""Languages, currencies, countries and time zones that a screen may offer."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from django.conf import settings

from merchant_portal.lib.money import EXPONENTS

_NOT_COUNTRIES = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"}
# Two letters in the Unicode data, but no place where a customer lives.


def languages() -> list[tuple[str, str]]:
    """Code and name of every language that the product speaks."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


@cache
def countries(language: str = "en") -> list[tuple[str, str]]:
    """ISO 3166-1 code and name in that language, by name."""
    names = _locale(language).territories
    return sorted(
        (
            (code, name)
            for code, name in names.items()
            if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
        ),
        key=lambda choice: choice[1],
    )


@cache
def currencies(language: str = "en") -> list[tuple[str, str]]:
    """ISO 4217 code, and code with name in that language, by code."""
    names = _locale(language).currencies
    return [
        (code, f"{code} \u2013 {names.get(code, code)}") for code in sorted(EXPONENTS)
    ]


@cache
def time_zones() -> list[tuple[str, str]]:
    """Names of the zone database that are places, and UTC."""
    return [
        (name, name.replace("_", " "))
        for name in sorted(available_timezones())
        if name == "UTC" or ("/" in name and not name.startswith(("Etc/", "SystemV/")))
    ]


def is_language(code: str) -> bool:
    return code in dict(settings.LANGUAGES)


def is_country(code: str) -> bool:
    return code in dict(countries())


def is_time_zone(name: str) -> bool:
    return name in dict(time_zones())


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale("en")
