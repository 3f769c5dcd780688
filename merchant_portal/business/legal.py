"""Imprint, terms and privacy notice: which there are, and where they can be read."""

from typing import Final

from django.conf import settings
from django.urls import reverse

from merchant_portal.lib.text import cut

from .models import Business

TEXTS: Final = ("imprint", "terms", "privacy")
MAX_LINE = 400  # characters of an imprint in a mail


def _url_of(business: Business, name: str) -> str:
    """An imprint is always words of ours."""
    urls = {"terms": business.terms_url, "privacy": business.privacy_url}
    return urls.get(name, "")


def text_of(business: Business, name: str) -> str:
    """The words for a page of ours; empty where there are none, or they are elsewhere."""
    if name not in TEXTS or _url_of(business, name):
        return ""
    text: str = getattr(business, name)
    return text


def address(business: Business, name: str) -> str:
    """Where one can be read; empty where the business has none."""
    if elsewhere := _url_of(business, name):
        return elsewhere
    if not text_of(business, name):
        return ""
    return f"{settings.PUBLIC_URL}{reverse('legal', args=[name])}"


def line(business: Business) -> str:
    """All of it on one line, for the foot of a mail: the imprint, and where the rest is."""
    rows = [row.strip() for row in business.imprint.splitlines() if row.strip()]
    imprint = cut(" · ".join(rows), MAX_LINE)
    elsewhere = [address(business, name) for name in TEXTS[1:]]
    return " · ".join(part for part in (imprint, *elsewhere) if part)


def links(business: Business) -> list[tuple[str, str]]:
    """Name and path or address of each that there is."""
    found = ((name, address(business, name)) for name in TEXTS)
    ours = settings.PUBLIC_URL
    return [(name, url.removeprefix(ours)) for name, url in found if url]
