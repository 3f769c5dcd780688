"""Days, rates and quantities as a reader of that language writes them.

A shop's recur, and babel takes long for each.
"""

from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from merchant_portal.lib.languages import locale_of

KEPT = 1024


@lru_cache(KEPT)
def day(value: date, language: str) -> str:
    return format_date(value, "long", locale=locale_of(language))


@lru_cache(KEPT)
def short_day(value: date, language: str) -> str:
    """For a column of many."""
    return format_date(value, "medium", locale=locale_of(language))


@lru_cache(KEPT)
def percent(basis_points: int, language: str) -> str:
    return format_percent(
        Decimal(basis_points) / 10_000,
        locale=locale_of(language),
        decimal_quantization=False,
    )


@lru_cache(KEPT)
def quantity(milli: int, language: str) -> str:
    return format_decimal(Decimal(milli) / 1000, locale=locale_of(language))
