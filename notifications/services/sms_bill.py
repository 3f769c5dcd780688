"""What a text costs as SMS, what makes it dearer, and how to say it for less."""

import unicodedata
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from merchant_portal.lib.money import Money

from .sms_parts import MOST_PARTS, SmsCount, instead_of, sms_parts

MOST_SIGNS = 4
# named; whoever sees four of them knows what to look for


@dataclass(frozen=True, slots=True)
class Sign:
    """A character that forces UCS-2. `name`: where it cannot be seen; `instead`: what
    says the same in GSM-7; `goes`: it can simply be left out."""

    character: str
    name: str
    instead: str
    goes: bool


@dataclass(frozen=True, slots=True)
class Bill:
    """`cost`: of all parts as people write it, blank where no price is set; `cheaper`:
    the count of the suggestion, where it has fewer parts; `most_parts`: the bound."""

    count: SmsCount
    cost: str
    signs: tuple[Sign, ...]
    cheaper: SmsCount | None
    most_parts: int = MOST_PARTS


def of(text: str) -> Bill:
    count = sms_parts(text)
    better = sms_parts(count.suggestion) if count.suggestion else None
    saves = better is not None and better.parts < count.parts
    return Bill(
        count=count,
        cost=cost_of(count.parts),
        signs=_signs(count),
        cheaper=better if saves else None,
    )


def _signs(count: SmsCount) -> tuple[Sign, ...]:
    """Those for which there is something else to write; else the first, to name it."""
    every = [_sign(character) for character in count.forced_by]
    mendable = [sign for sign in every if sign.instead or sign.goes]
    return tuple((mendable or every[:1])[:MOST_SIGNS])


def _sign(character: str) -> Sign:
    instead = instead_of(character)
    is_seen = character.isprintable() and unicodedata.category(character)[0] in "LNPS"
    name = "" if is_seen else unicodedata.name(character, f"U+{ord(character):04X}")
    if instead and instead.isspace():
        instead = _("a plain space")
    return Sign(character, name.lower(), instead or "", goes=instead == "")


def cost_of(parts: int) -> str:
    """What the carrier takes for so many parts, rounded up; blank where nobody said."""
    price: Decimal | None = settings.SMS_PRICE_MINOR
    if price is None:
        return ""
    minor = int((price * parts).to_integral_value(ROUND_CEILING))
    return Money(minor, settings.SMS_PRICE_CURRENCY).format(get_language() or "en")
