"""Money: an integer of minor units and an ISO 4217 code; text only at the edges."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency

from .languages import locale_of

_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN"
    " BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP"
    " GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD"
    " KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN"
    " NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG"
    " SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH"
    " USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
}
MAX_MINOR = 99_999_999_999
# Nine digits before the decimal point and two after; no provider takes more.
_AMOUNT = re.compile(r"\A([0-9]{1,9})(?:\.([0-9]{1,3}))?\Z")


class MoneyError(ValueError):
    """An amount or currency that cannot be taken as written; the text says why."""


@dataclass(frozen=True, slots=True)
class Money:
    """`amount_minor` in minor units of `currency`, an upper-case ISO 4217 code."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise MoneyError("An amount is a whole number of minor units.")
        if self.currency not in EXPONENTS:
            raise MoneyError(f"{self.currency!r} is not a currency.")

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise MoneyError(f"{self.currency} and {other.currency} do not add up.")
        return Money(self.amount_minor + other.amount_minor, self.currency)

    @property
    def decimal(self) -> Decimal:
        """In major units, with all decimals of the currency."""
        return Decimal(self.amount_minor).scaleb(-EXPONENTS[self.currency])

    def format(self, language: str = "en") -> str:
        """As people write it in that language, for example `12,50 €`."""
        return _formatted(self, locale_of(language or "en"))


@lru_cache(maxsize=2048)  # a shop's amounts recur, and babel takes long for each
def _formatted(money: Money, locale: str) -> str:
    text = format_currency(money.decimal, money.currency, locale=locale)
    # CLDR wants a space between a code and a digit (CHF 12.50); babel leaves it out.
    return re.sub("(?<=[A-Z])(?=[0-9])", "\N{NO-BREAK SPACE}", text)


def parse_currency(text: str) -> str:
    """An upper-case code from what a person or machine wrote."""
    code = text.strip().upper()
    # Of other letters some become ours in capitals: the dotless i is an I then.
    if code not in EXPONENTS or not text.isascii():
        raise MoneyError(f"{text.strip()[:20]!r} is not a currency. Example: EUR")
    return code


def parse_amount(text: str, currency: str) -> Money:
    """A positive amount in major units, such as `12.50`, in ASCII digits.

    Refuses zero, signs, exponents, separators of thousands, other digits, more
    decimals than the currency has, and more than MAX_MINOR.
    """
    exponent = EXPONENTS[parse_currency(currency)]
    example = (
        "1250" if exponent == 0 else "1250." + "50"[:exponent].ljust(exponent, "0")
    )
    match = _AMOUNT.match(text.strip(" "))
    if match is None:
        raise MoneyError(f"Write the amount with digits and a point, like {example}.")
    whole, fraction = match[1], match[2] or ""
    if len(fraction) > exponent:
        raise MoneyError(
            f"{currency} has {exponent} decimals. Example: {example}"
            if exponent
            else f"{currency} has no decimals. Example: {example}"
        )
    return positive(int(whole + fraction.ljust(exponent, "0")), currency)


def positive(amount_minor: int, currency: str) -> Money:
    """Money above zero and within MAX_MINOR, or MoneyError."""
    if type(amount_minor) is not int or amount_minor <= 0:
        raise MoneyError("The amount must be more than zero.")
    if amount_minor > MAX_MINOR:
        raise MoneyError("The amount is too large.")
    return Money(amount_minor, parse_currency(currency))
