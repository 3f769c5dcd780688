"""What stands around every public page of a shop: made once, not for each visitor."""

from dataclasses import dataclass
from functools import lru_cache

from django.template.loader import render_to_string
from django.utils import translation

from merchant_portal.business import legal
from merchant_portal.business.models import Business
from merchant_portal.business.services import logo_url

from .theme import DEFAULT_COLOR

SHOWN = (
    "name",
    "legal_name",
    "address",
    "tax_id",
    "email",
    "phone",
    "brand_color",
    "logo_sha256",
    "logo_type",
    "imprint",
    "terms_url",
    "terms",
    "privacy_url",
    "privacy",
)
MOST_FRAMES = 64
# A shop has one for each language; a change of its name or colour makes new ones.


@dataclass(frozen=True, slots=True)
class Frame:
    """HTML of the shop in one language. `top` and `bottom` are empty without a shop."""

    direction: str
    head: str
    top: str = ""
    bottom: str = ""


def frame_of(business: Business | None, language: str) -> Frame:
    """The frame of a shop as its row says now; `language` is the active one."""
    if business is None:
        return _frame(language, None)
    return _frame(language, tuple(getattr(business, name) for name in SHOWN))


@lru_cache(MOST_FRAMES)
def _frame(language: str, shown: tuple[str, ...] | None) -> Frame:
    business = (
        None if shown is None else Business(**dict(zip(SHOWN, shown, strict=True)))
    )
    color = (business.brand_color if business else DEFAULT_COLOR).lower()
    with translation.override(language):
        direction = "rtl" if translation.get_language_bidi() else "ltr"
        head = render_to_string("pay/_head.html", {"color": color.removeprefix("#")})
        if business is None:
            return Frame(direction, head)
        context = {
            "business": business,
            "logo_url": logo_url(business),
            "legal": legal.links(business),
        }
        return Frame(
            direction,
            head,
            render_to_string("pay/_top.html", context),
            render_to_string("pay/_bottom.html", context),
        )
