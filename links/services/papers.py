"""The papers of a link: when there is one, what it says, and how it goes with a mail."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from customers.services.customers import zone_of
from merchant_portal.business import legal
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from notifications.channels.base import Attachment
from notifications.kinds import Files
from notifications.models import Message

from ..documents import invoice as invoices
from ..documents import parts
from ..documents.parts import Check, Legal, Party
from ..documents.qr import Transfer
from ..models import LineItem, LinkStatus, PaymentLink
from . import asking, e_invoices, pages, verifying
from .pages import Page

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


def is_transferable(page: Page, business: Business) -> bool:
    """Whether the money may come by bank transfer as well: there is an account, and one
    customer owes a known sum."""
    return bool(business.iban) and page.is_payable and has_invoice(page.link)


def transfer_of(page: Page, business: Business) -> Transfer | None:
    """For a banking app; None where a code cannot say it."""
    if not is_transferable(page, business):
        return None
    link = page.link
    return parts.transfer_of(business, asking.due_now(link), str(link.number))


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
    found = facts_of(link, lines, business, is_payable=is_payable)
    at = link.activated_at or link.created_at
    return invoices.pdf(found, language, at, e_invoice=e_invoices.xml_of(found))


def why_no_e_invoice(
    link: PaymentLink, lines: Sequence[LineItem], business: Business
) -> str:
    """For staff; empty where there is one, or none is wanted."""
    if not business.factur_x or not has_invoice(link):
        return ""
    return e_invoices.problem(facts_of(link, lines, business, is_payable=True))


def facts_of(
    link: PaymentLink,
    lines: Sequence[LineItem],
    business: Business,
    *,
    is_payable: bool,
) -> invoices.Invoice:
    """What the invoice of a link says."""
    zone = zone_of(None, business)
    begun = link.activated_at or link.created_at
    return invoices.Invoice(
        link=link,
        lines=lines,
        business=business,
        customer=party_of(link),
        issued_on=_day(begun, zone),
        paid_on=_day(link.paid_at, zone) if link.paid_at else None,
        asked=asking.due_now(link) if is_payable else None,
        url=pages.url_of(link),
        check=Check(verifying.code_of(link), verifying.page_url()),
        legal=legal_of(business),
    )


def party_of(link: PaymentLink) -> Party:
    customer = link.customer
    if customer is None:
        return Party()
    return Party(customer.name, customer.address, customer.tax_id, customer.country)


def legal_of(business: Business) -> Legal:
    """A page of ours where the business gives words and no address."""
    return Legal(legal.address(business, "terms"), legal.address(business, "privacy"))


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
    lines = lines_of(links.values())
    files: dict[int, Files] = {}
    for message in messages:
        link = links.get(message.reference)
        if link is not None:
            files[message.pk] = partial(
                _invoice_file, link, lines[link.pk], business, message.language
            )
    return files


def lines_of(links: Iterable[PaymentLink]) -> dict[int, list[LineItem]]:
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
