"""The papers of a link: when there is one, what it says, and how it goes with a mail."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from customers.services.customers import zone_of
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from notifications.channels.base import Attachment
from notifications.kinds import Files
from notifications.models import Message

from ..documents import invoice as invoices
from ..models import LineItem, LinkStatus, PaymentLink
from . import asking, pages, verifying

CONTENT_TYPE = "application/pdf"


def has_invoice(link: PaymentLink) -> bool:
    """What many may pay, or whose amount is still the customer's to say, is an offer
    and no invoice; a draft or a canceled link asks for nothing."""
    return (
        not link.is_reusable
        and not asking.is_choosing(link)
        and link.number is not None
        and link.status not in {LinkStatus.DRAFT, LinkStatus.CANCELED}
    )


def invoice(
    link: PaymentLink,
    lines: Sequence[LineItem],
    business: Business,
    language: str,
    *,
    is_payable: bool,
) -> bytes:
    """The PDF of a link that has one, with its customer at hand; no query unless the
    shop has a logo. `is_payable`: whether it says how to pay."""
    zone = zone_of(None, business)
    begun = link.activated_at or link.created_at
    found = invoices.Invoice(
        link=link,
        lines=lines,
        business=business,
        customer_name=link.customer.name if link.customer else "",
        issued_on=_day(begun, zone),
        paid_on=_day(link.paid_at, zone) if link.paid_at else None,
        asked=asking.due_now(link) if is_payable else None,
        url=pages.url_of(link),
        check_code=verifying.code_of(link),
        check_url=verifying.page_url(),
    )
    return invoices.pdf(found, language, begun)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def filename(link: PaymentLink) -> str:
    return f"{link.number}.pdf"


def attachments(messages: Sequence[Message]) -> Mapping[int, Files]:
    """Message pk → what makes its files, for those that carry any; three queries.

    Made one by one when its turn comes: each takes some milliseconds, all of a batch
    longer than a claim is fresh.
    """
    business = business_services.kept()
    if not business.attaches_invoice:
        return {}
    links = {
        link.public_id: link
        for link in PaymentLink.objects.filter(
            public_id__in={message.reference for message in messages}
        ).select_related("customer")
        if has_invoice(link)
    }
    lines = _lines_of(links.values())
    files: dict[int, Files] = {}
    for message in messages:
        link = links.get(message.reference)
        if link is not None:
            files[message.pk] = partial(
                _invoice_file, link, lines[link.pk], business, message.language
            )
    return files


def _lines_of(links: Iterable[PaymentLink]) -> dict[int, list[LineItem]]:
    found: dict[int, list[LineItem]] = {link.pk: [] for link in links}
    for line in LineItem.objects.filter(link__in=found).order_by("link", "position"):
        found[line.link_id].append(line)
    return found


def _invoice_file(
    link: PaymentLink, lines: Sequence[LineItem], business: Business, language: str
) -> Sequence[Attachment]:
    is_payable = link.status == LinkStatus.ACTIVE
    content = invoice(link, lines, business, language, is_payable=is_payable)
    return (Attachment(filename(link), content, CONTENT_TYPE),)
