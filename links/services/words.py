"""What people write about a link: plain words that fit, and never a card number.

It goes to customers, so web addresses are taken out: the only one that a customer gets
from us is ours.
"""

from django.utils.translation import gettext as _

from merchant_portal.lib import text

from .errors import LinkError


def clean_line(value: str, field: str, *, max_length: int) -> str:
    """One line for a column of `max_length` code points; LinkError names `field`."""
    try:
        cleaned = text.clean_line(value, max_length=max_length)
    except text.TextError as exc:
        raise LinkError(str(exc), field) from exc
    refuse_card_number(cleaned, field)
    return text.without_urls(cleaned)


def clean_block(value: str, field: str) -> str:
    """Several lines; LinkError names `field`."""
    try:
        cleaned = text.clean_block(value)
    except text.TextError as exc:
        raise LinkError(str(exc), field) from exc
    refuse_card_number(cleaned, field)
    return text.without_urls(cleaned)


def refuse_card_number(value: str, field: str) -> None:
    """Raise LinkError for what looks like one; it is kept and logged nowhere."""
    if text.looks_like_card_number(value):
        raise LinkError(
            _("This looks like a card number. Never write card numbers down here."),
            field,
        )
