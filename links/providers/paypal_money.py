"""What PayPal charges, and how it writes amounts. Source: developer.paypal.com,
"Currency codes"; amounts are text, in three currencies without decimals."""

import re
from decimal import Decimal

from merchant_portal.lib.money import EXPONENTS, Money

from .base import ProviderRejected, ProviderUnavailable
from .parsing import Json, text

# BRL, CNY, INR and MYR are for accounts of those countries alone.
_CURRENCIES = (
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS INR JPY MXN MYR NOK NZD PHP PLN"
    " SEK SGD THB TWD USD"
)
CURRENCIES = frozenset(_CURRENCIES.split())
WHOLE = frozenset({"HUF", "JPY", "TWD"})
STEP_MINOR = {code: 10 ** EXPONENTS[code] for code in WHOLE}
_VALUE = re.compile(r"\A[0-9]{1,15}(\.[0-9]{1,3})?\Z")


def to_paypal(amount: Money) -> dict[str, str]:
    """`{"currency_code": "EUR", "value": "12.50"}`; ProviderRejected for what PayPal
    cannot say."""
    if amount.currency not in CURRENCIES:
        raise ProviderRejected(f"PayPal does not take {amount.currency}.")
    if amount.amount_minor % STEP_MINOR.get(amount.currency, 1):
        raise ProviderRejected(f"PayPal takes whole {amount.currency} only.")
    value = amount.decimal
    if amount.currency in WHOLE:
        value = value.quantize(Decimal(1))
    return {"currency_code": amount.currency, "value": str(value)}


def money(found: Json) -> Money:
    """An amount as PayPal writes it; ProviderUnavailable if it is none."""
    code, value = text(found, "currency_code"), text(found, "value")
    if code in EXPONENTS and _VALUE.match(value):
        units = Decimal(value).scaleb(EXPONENTS[code])
        if units == int(units):
            return Money(int(units), code)
    raise ProviderUnavailable(f"PayPal names an amount that is none: {code[:8]!r}.")
