"""A message as people will see it, made from files with holes and values."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from functools import lru_cache

from django.conf import settings

from merchant_portal.business import legal
from merchant_portal.business import services as business_services
from merchant_portal.lib import signing
from merchant_portal.lib.colors import ink_on
from merchant_portal.lib.text import cut, graphemes

from ..models import ChannelName
from . import placeholders
from .layouts import COMMON, Layout
from .sms_parts import SmsCount, cheapest, plain, sms_parts
from .wording import SHIPPED, Wording

__all__ = [
    "COMMON",
    "Rendered",
    "SmsCount",
    "Unwritable",
    "common_values",
    "fill_links",
    "greeting",
    "render",
    "sender",
    "sms_parts",
]

MAX_SUBJECT_LENGTH, MAX_SENDER_LENGTH = 300, 320  # widths of the columns
MAX_SMS_PARTS = 3
SMS_ROOM = (0, 200, 60, 40, 24, 12, 6)
# characters for each of WORDS, tried one after the other; 0 leaves them as they are
WORDS = frozenset(
    {"greeting", "customer_name", "business_name", "description", "cancel_reason"}
)
_SYMBOLS = frozenset({"So", "Sk", "Cf", "Me"})
_LINE_SEPARATORS = re.compile("[\u0085\u2028\u2029]+")
_HELLO = {
    "en": ("Hello", "Hello {}"),
    "ar": ("مرحبًا", "مرحبًا {}"),
    "da": ("Hej", "Hej {}"),
    "de": ("Guten Tag", "Guten Tag {}"),
    "es": ("Hola", "Hola {}"),
    "fr": ("Bonjour", "Bonjour {}"),
    "he": ("שלום", "שלום {}"),
    "hi": ("नमस्ते", "नमस्ते {} जी"),
    "it": ("Buongiorno", "Buongiorno {}"),
    "ja": ("お客様", "{} 様"),
    "nl": ("Hallo", "Hallo {}"),
    "pl": ("Dzień dobry", "Dzień dobry"),  # a name would have to be declined
    "pt": ("Olá", "Olá {}"),
    "sv": ("Hej", "Hej {}"),
    "tr": ("Merhaba", "Merhaba {}"),
    "zh": ("您好", "{}\N{FULLWIDTH COMMA}您好"),
}
# to nobody in particular, and to somebody
_FOLDED = frozenset({"es", "pl", "pt", "tr"})
# Whose readers know SMS without the accents that would more than double the price.
_BLANK_LINES = re.compile(r"\n{3,}")


class Unwritable(ValueError):
    """A message that cannot go as it is; the text tells staff why and what to do."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """`text` always; `subject` and `html` for e-mail only.

    Holds `{link_url}` and `{unsubscribe_url}` until `fill_links`.
    """

    text: str
    subject: str = ""
    html: str = ""


def render(
    kind: str,
    channel: str,
    language: str,
    values: Mapping[str, str],
    wording: Wording = SHIPPED,
) -> Rendered:
    """Fill the words of that kind; pure but for reading each of them once.

    `values`: plain text, formatted for people, with the common ones of
    `common_values`. Raises PlaceholderError when one is missing.
    """
    found = wording.layout(kind, channel, language)
    return render_layout(found, channel, language, values)


def render_layout(
    found: Layout, channel: str, language: str, values: Mapping[str, str]
) -> Rendered:
    """Fill these very words. Raises PlaceholderError when a value is missing."""
    if channel == ChannelName.SMS:
        return Rendered(text=_short(found.text, values, language))
    if channel == ChannelName.WHATSAPP:
        return Rendered(text=placeholders.fill(found.text, values).strip())
    text = _BLANK_LINES.sub("\n\n", placeholders.fill(found.text, values)).strip()
    subject = placeholders.fill(found.subject, values)
    return Rendered(
        text=text,
        subject=_LINE_SEPARATORS.sub(" ", subject)[:MAX_SUBJECT_LENGTH],
        html=placeholders.fill(found.html, values, as_html=True),
    )


def sms_of(text: str, language: str, values: Mapping[str, str]) -> str:
    """What these words become, with an address as long as a real one."""
    filled = _short(placeholders.compile_text(text), values, language)
    return placeholders.fill_late(
        filled, dict.fromkeys(placeholders.LATE, sample_url())
    )


def sample_url() -> str:
    """An address that is as long as a real one, and leads nowhere."""
    return f"{settings.PUBLIC_URL}/p/{'0' * signing.TOKEN_LENGTH}/"


def _short(parts: placeholders.Parts, values: Mapping[str, str], language: str) -> str:
    """The text of an SMS in at most MAX_SMS_PARTS, where shorter words can do that.

    Names and descriptions lose their emoji first, which cost the most and say the
    least, then their ends. Amounts, days and our address stay whole.
    """
    address = dict.fromkeys(placeholders.LATE, sample_url())
    text = ""
    for room in SMS_ROOM:
        words = {
            name: cut(_without_symbols(values[name]), room)
            for name in WORDS & values.keys()
            if room
        }
        text = plain(placeholders.fill(parts, {**values, **words})).strip()
        if language.partition("-")[0] in _FOLDED:
            text = cheapest(text)
        if sms_parts(placeholders.fill_late(text, address)).parts <= MAX_SMS_PARTS:
            break
    return text


def _without_symbols(value: str) -> str:
    kept = (c for c in value if unicodedata.category(c) not in _SYMBOLS)
    return " ".join("".join(kept).split())


def fill_links(rendered: Rendered, urls: Mapping[str, str]) -> Rendered:
    """The message with its secret addresses in; never store the result."""
    return Rendered(
        text=placeholders.fill_late(rendered.text, urls),
        subject=placeholders.fill_late(rendered.subject, urls),
        html=placeholders.fill_late(rendered.html, urls, as_html=True),
    )


def common_values() -> dict[str, str]:
    """What every message may say about the merchant, and `sender_name`, whom it is
    from."""
    business = business_services.kept()
    address = ", ".join(line for line in business.address.splitlines() if line.strip())
    logo = business_services.logo_url(business)
    contact = " · ".join(part for part in (business.email, business.phone) if part)
    return {
        "business_name": business.name,
        "sender_name": business.sender_name or business.name,
        "business_address": address,
        "business_contact": contact,
        "business_legal": legal.line(business),
        "brand_color": business.brand_color,
        "brand_ink": ink_on(business.brand_color),
        "logo_url": f"{settings.PUBLIC_URL}{logo}" if logo else "",
    }


def greeting(name: str, language: str) -> str:
    """`Hello Ada`, or `Hello` to nobody in particular; without a comma."""
    plain_hello, hello = _HELLO.get(language.partition("-")[0], _HELLO["en"])
    return hello.replace("{}", name) if name else plain_hello


def sender(name: str) -> str:
    """The From of our mails: the merchant's name, always at our own address.

    A name that is too long once encoded is cut.
    """
    return _sender(name, settings.DEFAULT_FROM_EMAIL)


@lru_cache(maxsize=8)
def _sender(business_name: str, ours: str) -> str:
    _name, address = parseaddr(ours)
    name = list(graphemes(business_name))
    while name and len(formataddr(("".join(name), address))) > MAX_SENDER_LENGTH:
        name.pop()
    return formataddr(("".join(name), address))
