"""What people type into the forms, read strictly; the messages are for people."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from merchant_portal.lib import text
from merchant_portal.lib.money import MoneyError, parse_amount

_VERSION = re.compile(r"\A[0-9]{1,9}\Z")
_QUANTITY = re.compile(r"\A([0-9]{1,7})(?:\.([0-9]{1,3}))?\Z")
_PERCENT = re.compile(r"\A([0-9]{1,3})(?:\.([0-9]{1,2}))?\Z")
_NOTHING = re.compile(r"\A0{1,9}(?:\.0{1,3})?\Z")
_DAY = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?\Z")
KEY = re.compile(r"\A[A-Za-z0-9_-]{16,64}\Z")
# what a form's hidden key may look like


class TypedError(ValueError):
    """It cannot be read as typed; the text says why, with an example."""


def amount_minor(value: str, currency: str) -> int:
    """`12.50` in minor units of a currency that is known to be one."""
    try:
        return parse_amount(value, currency).amount_minor
    except MoneyError as exc:
        raise TypedError(str(exc)) from exc


def cash_minor(value: str, currency: str) -> int:
    """As `amount_minor`, for cash in a drawer: it may be nothing, if that is said."""
    return 0 if _NOTHING.match(value.strip(" ")) else amount_minor(value, currency)


def quantity_milli(value: str) -> int:
    """`1.5` in thousandths; empty is one."""
    stripped = value.strip(" ")
    if not stripped:
        return 1000
    match = _QUANTITY.match(stripped)
    if match is None:
        raise TypedError(_("Write the quantity with digits and a point, like 1.5."))
    milli = int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0"))
    if milli == 0:
        raise TypedError(_("The quantity must be more than zero."))
    if milli > 1_000_000_000:
        raise TypedError(_("The quantity must be at most 1,000,000."))
    return milli


def pieces(value: str) -> int:
    """`5` whole pieces; empty is none."""
    stripped = value.strip(" ")
    if not stripped:
        return 0
    if stripped.isascii() and stripped.isdecimal() and len(stripped) <= 7:
        return int(stripped)
    raise TypedError(_("Write a whole number, like 5."))


def basis_points(value: str) -> int:
    """`19.5` percent in basis points, at most 100 percent; empty is none."""
    stripped = value.strip(" ")
    if not stripped:
        return 0
    match = _PERCENT.match(stripped)
    if match is None:
        raise TypedError(_("Write the percentage with digits and a point, like 19.5."))
    points = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if points > 10_000:
        raise TypedError(_("A percentage is at most 100."))
    return points


def day(value: str) -> date | None:
    """`2026-12-31`; empty is none."""
    stripped = value.strip(" ")
    if not stripped:
        return None
    try:
        if _DAY.match(stripped):
            return date.fromisoformat(stripped)
    except ValueError:
        pass  # the 31st of February: refused below like any other nonsense
    raise TypedError(_("Write the date as year-month-day, like 2026-12-31."))


def moment(value: str, zone: ZoneInfo) -> datetime | None:
    """`2026-12-31T18:00` of that zone, as UTC; empty is none."""
    stripped = value.strip(" ")
    if not stripped:
        return None
    try:
        if _MOMENT.match(stripped):
            local = datetime.fromisoformat(stripped).replace(tzinfo=zone)
            return local.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # no such moment: refused below like any other nonsense
    raise TypedError(_("Write date and time, like 2026-12-31 18:00."))


def version(value: str) -> int:
    """The version of a link in a form's hidden field; 0, which no link has, for others."""
    return int(value) if _VERSION.match(value) else 0


def line(value: str) -> str:
    """One line of plain words that holds no card number."""
    return _without_card(text.clean_line, value)


def block(value: str) -> str:
    """Several lines of plain words that hold no card number."""
    return _without_card(text.clean_block, value)


def has_card_number(value: str) -> bool:
    return text.looks_like_card_number(value)


def card_refusal() -> str:
    return _("This looks like a card number. Never write card numbers down here.")


def _without_card(clean: Callable[[str], str], value: str) -> str:
    if has_card_number(value):
        raise TypedError(card_refusal())
    try:
        return clean(value)
    except text.TextError as exc:
        raise TypedError(str(exc)) from exc
