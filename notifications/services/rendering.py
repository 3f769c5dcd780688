"""A message as people will see it, made from files with holes and values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings

from merchant_portal.business.models import Business

from ..models import ChannelName
from . import placeholders
from .layouts import layout
from .sms_parts import SmsCount, plain, sms_parts

__all__ = [
    "Rendered",
    "SmsCount",
    "common_values",
    "fill_links",
    "greeting",
    "render",
    "sender",
    "sms_parts",
]

MAX_SUBJECT_LENGTH = 300  # width of the column
COMMON = frozenset(
    {
        "business_name",
        "business_address",
        "business_contact",
        "brand_color",
        "brand_ink",
    }
)
_LINE_SEPARATORS = re.compile("[\u0085\u2028\u2029]+")
_HELLO = {"en": "Hello", "de": "Guten Tag", "fr": "Bonjour"}
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """`text` always; `subject` and `html` for e-mail only.

    Holds `{link_url}` and `{unsubscribe_url}` until `fill_links`.
    """

    text: str
    subject: str = ""
    html: str = ""


def render(
    kind: str, channel: str, language: str, values: Mapping[str, str]
) -> Rendered:
    """Fill the template of that kind; pure but for reading files once.

    `values`: plain text, formatted for people, with the common ones of
    `common_values`. Raises PlaceholderError when one is missing.
    """
    found = layout(kind, channel, language)
    text = _BLANK_LINES.sub("\n\n", placeholders.fill(found.text, values)).strip()
    if channel == ChannelName.SMS:
        return Rendered(text=plain(text))
    subject = placeholders.fill(found.subject, values)
    return Rendered(
        text=text,
        subject=_LINE_SEPARATORS.sub(" ", subject)[:MAX_SUBJECT_LENGTH],
        html=placeholders.fill(found.html, values, as_html=True),
    )


def fill_links(rendered: Rendered, urls: Mapping[str, str]) -> Rendered:
    """The message with its secret addresses in; never store the result."""
    return Rendered(
        text=placeholders.fill_late(rendered.text, urls),
        subject=placeholders.fill_late(rendered.subject, urls),
        html=placeholders.fill_late(rendered.html, urls, as_html=True),
    )


def common_values() -> dict[str, str]:
    """What every message may say about the merchant."""
    business = Business.objects.current()
    address = ", ".join(line for line in business.address.splitlines() if line.strip())
    contact = " · ".join(part for part in (business.email, business.phone) if part)
    return {
        "business_name": business.name,
        "business_address": address,
        "business_contact": contact,
        "brand_color": business.brand_color,
        "brand_ink": ink_on(business.brand_color),
    }


def ink_on(color: str) -> str:
    """Black or white, whichever reads better on `color` (`#rrggbb`)."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    # WCAG: contrast to white and to black are equal at this luminance
    return "#ffffff" if luminance < 0.179 else "#000000"


def greeting(name: str, language: str) -> str:
    """`Hello Ada`, or `Hello` to nobody in particular; without a comma."""
    hello = _HELLO.get(language.partition("-")[0], _HELLO["en"])
    return f"{hello} {name}".strip()


def sender(business_name: str) -> str:
    """The From of our mails: the merchant's name, always at our own address."""
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return formataddr((business_name, address))
