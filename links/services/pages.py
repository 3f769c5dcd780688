"""The public address of a link: making it and finding the link behind it."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from merchant_portal.lib import clock, rows, signing

from ..models import LineItem, LinkStatus, Payment, PaymentLink, PaymentState


@dataclass(frozen=True, slots=True)
class Page:
    """What the public page shows: the link, its lines, and how it stands now."""

    link: PaymentLink
    lines: tuple[LineItem, ...]
    is_processing: bool
    read_at: datetime

    @property
    def status(self) -> str:
        """The link's status as the customer must see it, swept already or not."""
        if self.link.status == LinkStatus.ACTIVE and self.link.is_past_expiry(
            self.read_at
        ):
            return LinkStatus.EXPIRED
        return self.link.status

    @property
    def is_payable(self) -> bool:
        if self.link.is_reusable:
            return self.status == LinkStatus.ACTIVE  # others' money is not this one's
        return self.status == LinkStatus.ACTIVE and not self.is_processing


def token_of(link: PaymentLink) -> str:
    return _token(link.public_id, link.generation, link.token_key_version)


def url_of(link: PaymentLink) -> str:
    """The address to hand to the customer; never stored, never logged."""
    return _url(token_of(link))


def urls_of(links: QuerySet[PaymentLink]) -> dict[str, str]:
    """public id → address, of many without reading more of them than that."""
    rows = links.values_list("public_id", "generation", "token_key_version")
    return {row[0]: _url(_token(*row)) for row in rows}


def _token(public_id: str, generation: int, key_version: str) -> str:
    return signing.link_token(public_id, generation, key_version).token


def _url(token: str) -> str:
    return f"{settings.PUBLIC_URL}/p/{token}/"


def _lines_by_digest() -> QuerySet[LineItem]:
    """The lines bring their link, its customer and the time with them."""
    processing = Payment.objects.filter(
        link=OuterRef("link_id"), state=PaymentState.PROCESSING
    )
    return (
        LineItem.objects.filter(link__token_sha256=rows.Given("digest"))
        .exclude(link__status=LinkStatus.DRAFT)
        .select_related("link__customer")
        .annotate(is_processing=Exists(processing), read_at=Now())
        .order_by("position")
    )


_LINES_BY_DIGEST = rows.Prepared(_lines_by_digest)


def find_by_token(raw: str) -> Page | None:
    """What stands behind an address as it was typed; None for drafts and unknowns."""
    # What can be no token is looked for as well: an answer takes the same time.
    token = signing.clean_token(raw) or ""
    lines = _LINES_BY_DIGEST.fetch(digest=signing.token_sha256(token))
    if not lines:
        return None
    first = lines[0]
    return Page(
        link=first.link,
        lines=tuple(lines),
        is_processing=first.is_processing,  # type: ignore[attr-defined]
        read_at=clock.business_time(first.read_at),  # type: ignore[attr-defined]
    )
