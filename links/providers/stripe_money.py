"""How Stripe counts money; data, so that a change of theirs is one line of ours.

Source: docs.stripe.com/currencies, read in November 2026.
"""

from merchant_portal.lib.money import EXPONENTS, Money, MoneyError

from .base import ProviderRejected

_SUPPORTED = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BWP BYN"
    " BZD CAD CDF CHF CLP CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP"
    " GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD JOD JPY KES KGS KHR"
    " KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK"
    " MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD"
    " RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TND TOP TRY TTD TWD TZS"
    " UAH UGX USD UYU UZS VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW"
)
SUPPORTED = frozenset(_SUPPORTED.split())
# Where Stripe's number of decimals is not that of ISO 4217: ISK and UGX lost theirs
# after Stripe had begun to count in hundredths, the ariary is counted whole.
OTHER_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}
# Currencies of three decimals are charged in tens of the smallest unit.
LAST_DIGIT_ZERO = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
MAX_AMOUNT = 99_999_999
# Eight digits in Stripe's units; a few currencies take more, none takes less.
_MINIMA = (
    "AED 200 AUD 50 BRL 50 CAD 50 CHF 50 CZK 1500 DKK 250 EUR 50 GBP 30 HKD 400"
    " HUF 17500 INR 50 JPY 50 MXN 1000 MYR 200 NOK 300 NZD 50 PLN 200 RON 200 SEK 300"
    " SGD 50 THB 1000 USD 50"
)
MINIMUM_MINOR = {
    code: int(minor)
    for code, minor in zip(_MINIMA.split()[::2], _MINIMA.split()[1::2], strict=True)
}


def _factors(currency: str) -> tuple[int, int]:
    """(multiply by, divide by) on the way from our minor units to Stripe's."""
    ours = EXPONENTS[currency]
    difference = OTHER_EXPONENTS.get(currency, ours) - ours
    return 10 ** max(difference, 0), 10 ** max(-difference, 0)


MAXIMUM_MINOR = {
    code: MAX_AMOUNT * down // up
    for code in SUPPORTED
    for up, down in (_factors(code),)
}
STEP_MINOR = {
    **{code: _factors(code)[1] for code in OTHER_EXPONENTS},
    **dict.fromkeys(LAST_DIGIT_ZERO, 10),
}


def to_stripe(amount: Money) -> int:
    """The amount in Stripe's units; ProviderRejected if Stripe cannot say it."""
    currency, minor = amount.currency, amount.amount_minor
    if currency not in SUPPORTED:
        raise ProviderRejected(f"Stripe does not take {currency}.")
    up, down = _factors(currency)
    if minor % STEP_MINOR.get(currency, 1):
        raise ProviderRejected(
            f"Stripe cannot charge {amount.decimal} {currency}: the last decimals"
            " must be zero in this currency."
        )
    units = minor // down * up
    if not 0 < units <= MAX_AMOUNT:
        raise ProviderRejected(f"Stripe cannot charge {amount.decimal} {currency}.")
    return units


def from_stripe(units: object, currency: str) -> Money:
    """Our money from Stripe's units and lower-case code.

    Only a fee can hold a fraction of our smallest unit; it is rounded half up.
    Raises ProviderRejected for what is no amount or no currency we know.
    """
    code = currency.upper()
    if type(units) is not int or code not in EXPONENTS:
        raise ProviderRejected(f"Stripe names an amount that is none: {code[:8]!r}.")
    up, down = _factors(code)
    try:
        return Money((units * down + up // 2) // up, code)
    except MoneyError as exc:
        raise ProviderRejected(str(exc)) from exc
