"""Whether a message is really from us: the short code in it, and what it stands for.

The code is the beginning of the hash that we keep of a link's token, so it needs no
column, leads to no page, and changes with the address ("replace link").
"""

import re
import unicodedata
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from merchant_portal.lib import clock, signing
from merchant_portal.staff.services.tries import Limit

from ..models import LinkStatus, Payment, PaymentLink, PaymentState
from .pages import Page

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Crockford's 32: without I, L, O and U, which people misread
LENGTH, BITS, HASH_BITS = 10, 50, 256
# Among ten million links one guess in a hundred million finds one, and about one pair
# in twenty such shops shares a code: there the newer link is shown.
HALF = LENGTH // 2
SAMPLE = "00000-00000"
# of a link that does not exist yet
LIMIT = Limit("verify", 30, timedelta(minutes=15))
# codes that one network may try; many phones share one
LONGEST = 300
_ALIKE = str.maketrans("OIL", "011")
_GLUE = re.compile(r"[\s\-\u2010-\u2015\u2212.]+")
_NOTHING = ("", "")


def code_of(link: PaymentLink) -> str:
    """As it is printed: two groups of five."""
    if not link.token_sha256:
        return SAMPLE
    number = int(link.token_sha256, 16) >> (HASH_BITS - BITS)
    signs = [ALPHABET[(number >> shift) & 31] for shift in range(BITS - 5, -1, -5)]
    return "".join([*signs[:HALF], "-", *signs[HALF:]])


def page_url() -> str:
    """Where a code is looked up."""
    return f"{settings.PUBLIC_URL}/verify/"


def find(typed: str) -> Page | None:
    """What a code, or the whole address of a payment page of ours, stands for.

    None for whatever is wrong with it; each of those costs the same one query.
    """
    first, last = _hashes(typed.strip()[:LONGEST])
    processing = Payment.objects.filter(
        link=OuterRef("pk"), state=PaymentState.PROCESSING
    )
    link = (
        PaymentLink.objects.filter(token_sha256__gte=first, token_sha256__lte=last)
        .exclude(status=LinkStatus.DRAFT)
        .annotate(is_processing=Exists(processing))
        .order_by("-id")
        .first()
    )
    if link is None:
        return None
    return Page(
        link=link,
        lines=(),
        is_processing=link.is_processing,  # type: ignore[attr-defined]
        read_at=clock.now(),
    )


def _hashes(typed: str) -> tuple[str, str]:
    """The least and the largest hash that fit; of two empty ones none does."""
    address = f"{settings.PUBLIC_URL}/p/"
    if typed.startswith(address):
        token = signing.clean_token(typed.removeprefix(address).partition("/")[0])
        return (signing.token_sha256(token),) * 2 if token else _NOTHING
    text = unicodedata.normalize("NFKC", typed).upper()
    signs = _GLUE.sub("", text).translate(_ALIKE)
    if len(signs) != LENGTH or not set(signs) <= set(ALPHABET):
        return _NOTHING
    number = 0
    for sign in signs:
        number = number << 5 | ALPHABET.index(sign)
    first = number << (HASH_BITS - BITS)
    return f"{first:064x}", f"{first | (1 << (HASH_BITS - BITS)) - 1:064x}"
