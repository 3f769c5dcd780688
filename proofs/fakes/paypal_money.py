"""PayPal's amounts: strings with as many decimals as the currency has."""

import re
from decimal import Decimal
from typing import Any

from proofs.fakes.ledger import Json
from proofs.fakes.paypal_errors import PayPalError, missing

WHOLE = frozenset({"HUF", "JPY", "TWD"})
CURRENCIES = WHOLE | frozenset(
    {
        *("AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS"),
        *("INR", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD"),
    }
)
LONGEST_VALUE = 32
# 3.49 % and a fixed fee, in hundredths where the currency has them.
FEE_PER_MYRIAD = 349
FEE_FIXED_MINOR = {0: 40, 2: 49}


def decimals(currency: str) -> int:
    return 0 if currency in WHOLE else 2


def money(minor: int, currency: str) -> Json:
    """`minor` currency units as PayPal writes them, "12.50" or "1250"."""
    value = Decimal(minor).scaleb(-decimals(currency))
    return {"currency_code": currency, "value": f"{value:.{decimals(currency)}f}"}


def minor_units(amount: Json) -> int:
    """The minor units of an amount that this fake has written."""
    return int(Decimal(amount["value"]).scaleb(decimals(amount["currency_code"])))


def parsed(
    given: Any, field: str, *, too_fine: str = "DECIMAL_PRECISION", least: int = 1
) -> tuple[int, str]:
    """Minor units and currency of an amount in a request; `field` is its JSON pointer.

    `too_fine` is the issue where a currency without decimals is given some. Raises
    PayPalError.
    """
    if not isinstance(given, dict):
        raise missing(field)
    for name in ("currency_code", "value"):
        if not isinstance(given.get(name), str):
            raise missing(f"{field}/{name}")
    currency, value = given["currency_code"], given["value"]
    if currency not in CURRENCIES:
        raise PayPalError(422, "INVALID_CURRENCY_CODE", field=f"{field}/currency_code")
    field = f"{field}/value"
    if not re.fullmatch(r"-?\d*\.?\d+", value) or len(value) > LONGEST_VALUE:
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field=field)
    scaled = Decimal(value).scaleb(decimals(currency))
    if currency in WHOLE and "." in value:
        raise PayPalError(422, too_fine, field=field)
    if scaled != int(scaled):
        raise PayPalError(422, "DECIMAL_PRECISION", field=field)
    if scaled < least:
        sign = "CANNOT_BE_NEGATIVE" if least == 0 else "CANNOT_BE_ZERO_OR_NEGATIVE"
        raise PayPalError(422, sign, field=field)
    return int(scaled), currency


def fee_minor(minor: int, currency: str) -> int:
    """PayPal's fee half up; never more than the amount."""
    share = (minor * FEE_PER_MYRIAD + 5000) // 10_000
    return min(minor, share + FEE_FIXED_MINOR[decimals(currency)])
