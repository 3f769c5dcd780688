"""E-mail addresses and phone numbers in their one canonical form, or a refusal.

Django's own check lets through hosts without a dot, address literals, invisible
characters and local parts of any length; none of them can be written to.
"""

import re
import unicodedata
from functools import lru_cache

import idna
import phonenumbers
from django.conf import settings
from django.utils.translation import gettext as _
from phonenumbers import NumberParseException, PhoneNumberType

MAX_EMAIL, MAX_LOCAL, MAX_DOMAIN = 254, 64, 253
# RFC 5321 §4.5.3.1 and its erratum 1690
MAX_TYPED = 320
# Longest text that is looked at; bounds the work on hostile input.
_LOCAL = re.compile(
    r"\A[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z"
)
_TOP_LEVEL = re.compile(r"\A(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})\Z")
_TYPES = {
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    # A landline may be kept to call; a carrier answers an SMS to it with a final no.
    PhoneNumberType.FIXED_LINE,
}
# Premium, shared-cost, pager and satellite numbers earn money for who planted them.


class ContactError(ValueError):
    """An address or number that cannot be used; the message is for people."""


def parse_email(text: str) -> str:
    """One bare address: lower case, domain in punycode, at most 254 characters."""
    address = text.strip(" ")
    if len(address) > MAX_TYPED:
        raise ContactError(_("This e-mail address is too long."))
    if any(unicodedata.category(character)[0] in "CZ" for character in address):
        raise ContactError(
            _("This e-mail address holds a space or an invisible character.")
        )
    if any(mark in address for mark in ',;<>"()') or address.count("@") > 1:
        raise ContactError(_("Write one bare e-mail address, like ana@example.com."))
    local, at, domain = address.partition("@")
    if not at or not local or not domain:
        raise ContactError(_("Write an e-mail address, like ana@example.com."))
    local = _local(local.lower())
    address = f"{local}@{_domain(domain)}"
    if len(address) > MAX_EMAIL:
        raise ContactError(_("This e-mail address is too long."))
    return address


def parse_phone(text: str, region: str = "") -> str:
    """The number in E.164, like +14155550100.

    `region`: ISO 3166-1 country of a number written without its country code.
    """
    typed = text.strip()
    if len(typed) > 64 or "\x00" in typed:
        raise ContactError(_("Write a phone number, like +1 415 555 0100."))
    try:
        number = phonenumbers.parse(typed, region or None)
    except NumberParseException as exc:
        if exc.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            raise ContactError(
                _("Write the country code too, like +44…, or choose the country.")
            ) from exc
        raise ContactError(_("Write a phone number, like +1 415 555 0100.")) from exc
    if number.extension:
        raise ContactError(_("Leave the extension out: it cannot get messages."))
    place = phonenumbers.region_code_for_number(number)
    if place is None or not phonenumbers.is_valid_number_for_region(number, place):
        raise ContactError(_("There is no such phone number. Check the digits."))
    is_place = len(place) == 2 and place.isalpha()
    if not is_place or phonenumbers.number_type(number) not in _TYPES:
        raise ContactError(
            _("Numbers of this kind are not used: only mobile and ordinary ones.")
        )
    if settings.SMS_COUNTRIES and place not in settings.SMS_COUNTRIES:
        raise ContactError(_("Numbers of this country are not used here."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _local(local: str) -> str:
    if not local.isascii():
        raise ContactError(
            _("Accents before the @ do not arrive everywhere. Use another address.")
        )
    if len(local) > MAX_LOCAL or not _LOCAL.match(local):
        raise ContactError(_("The part before the @ is not one of an e-mail address."))
    return local


def _domain(domain: str) -> str:
    encoded = _encoded(domain)
    if encoded is None:
        raise ContactError(_("The part after the @ is not the name of a mail domain."))
    return encoded


@lru_cache(maxsize=1024)  # many customers share few of them
def _encoded(domain: str) -> str | None:
    """In punycode; None where it is no name of a mail domain."""
    try:
        encoded = idna.encode(domain, uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        return None
    labels = encoded.split(".")
    is_name = (
        len(encoded) <= MAX_DOMAIN
        and len(labels) >= 2
        and all(labels)
        and _TOP_LEVEL.match(labels[-1])
    )
    return encoded if is_name else None
