"""What the public pages say about a link, formatted for people."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date
from django.db.models import Min, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from merchant_portal.business.models import Business
from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import Money

from ..documents import parts
from ..models import (
    Checkout,
    CheckoutState,
    LinkStatus,
    PaymentLink,
    PaymentState,
    Refund,
)
from ..providers.registry import get_provider
from ..services import asking, papers, receipts
from ..services.accounts import Offer
from ..services.pages import Page
from . import responses

GONE = (LinkStatus.EXPIRED, LinkStatus.CANCELED, LinkStatus.EXHAUSTED)


def language_for(request: HttpRequest, page: Page, business: Business) -> str:
    """The customer's, else the browser's, else the shop's."""
    customer = page.link.customer
    return responses.language_of(
        request, customer.language if customer else "", business
    )


def status_code(page: Page) -> int:
    return 410 if page.status in GONE else 200


def state_of(page: Page) -> str:
    """The word by which the template chooses what to say."""
    if page.status == LinkStatus.ACTIVE:
        return "open" if page.is_payable else "processing"
    if page.link.is_withdrawn:
        return "withdrawn"
    if page.status == LinkStatus.CANCELED and _is_replaced(page.link):
        return "replaced"
    return page.status


def _is_replaced(link: PaymentLink) -> bool:
    """Whether the customer has a corrected link instead."""
    fresh = PaymentLink.objects.filter(replaces=link)
    return fresh.exclude(status=LinkStatus.DRAFT).exists()


def link_context(page: Page, business: Business, language: str) -> dict[str, Any]:
    """Everything that a page about this link prints, but the ways to pay."""
    link = page.link
    today = local_date(page.read_at, business)

    def formatted(minor: int) -> "SimpleLazyObject[str]":
        """Written when it is printed, which few amounts of a page are."""
        return SimpleLazyObject(lambda: Money(minor, link.currency).format(language))

    return {
        "page": page,
        "link": link,
        "state": state_of(page),
        "amount": formatted(link.amount_minor),
        "balance": formatted(link.balance.amount_minor),
        "paid": formatted(link.amount_paid_minor + _tips_of(link)),
        "is_part_paid": is_part_paid(link),
        "is_deposit": bool(asking.deposit_left(link)),
        "asked": formatted(asking.due_now(link).amount_minor),
        "tax": formatted(link.tax_minor),
        "has_invoice": papers.has_invoice(link),
        "transfer": _transfer(page, business),
        "lines": [
            (line.description, formatted(line.total_minor)) for line in page.lines
        ],
        "due_on": link.due_on
        and format_date(link.due_on, "long", locale=locale_of(language)),
        "is_overdue": link.due_on is not None and link.due_on < today,
        "paid_on": link.paid_at
        and format_date(
            local_date(link.paid_at, business), "long", locale=locale_of(language)
        ),
    }


def is_part_paid(link: PaymentLink) -> bool:
    return not link.is_reusable and 0 < link.amount_paid_minor < link.amount_minor


def _transfer(page: Page, business: Business) -> dict[str, Any] | None:
    if not papers.is_transferable(page, business):
        return None
    asked, number = asking.due_now(page.link), str(page.link.number)
    return {
        "rows": SimpleLazyObject(lambda: parts.transfer_rows(business, asked, number)),
        "has_code": papers.transfer_of(page, business) is not None,
    }


def _tips_of(link: PaymentLink) -> int:
    """What was given on top of a paid link; no query where no tip was asked."""
    if not link.tips_bp or link.status != LinkStatus.PAID:
        return 0
    given = link.payments.filter(state=PaymentState.SUCCEEDED)
    return given.aggregate(total=Sum("tip_minor"))["total"] or 0


def papers_context(page: Page, token: str, language: str) -> dict[str, Any]:
    """The receipts and credit notes of a link that money came for; no query before."""
    if page.link.is_reusable or not page.link.amount_paid_minor:
        return {}
    paid = receipts.of_link(page.link)
    return {
        "receipts": [
            (
                reverse("pay_receipt", args=[token, payment.public_id]),
                payment.amount.format(language) if len(paid) > 1 else "",
            )
            for payment in paid
        ],
        "credit_notes": [
            (reverse("pay_credit_note", args=[token, refund.public_id]), refund.number)
            for payment in paid
            for refund in payment.noted  # type: ignore[attr-defined]
        ],
    }


def receipt_of(checkout: Checkout, token: str) -> str:
    """Path of the receipt for what a checkout of `found_checkout` brought; empty
    without money."""
    public_id: str | None = checkout.paid_by  # type: ignore[attr-defined]
    return reverse("pay_receipt", args=[token, public_id]) if public_id else ""


def offers_context(offers: list[Offer]) -> dict[str, Any]:
    return {
        "offers": offers,
        "only": offers[0] if len(offers) == 1 else None,
        "is_training": any(offer.slug == "training" for offer in offers),
    }


def form_hosts(offers: list[Offer]) -> list[str]:
    """Where the buttons of these offers lead in the end."""
    return [
        host
        for offer in offers
        for host in get_provider(offer.slug).capabilities.form_action_hosts
    ]


def outcome_of(page: Page, checkout: Checkout, *, has_asked: bool) -> str:
    """How a visit to the provider's page stands, by what is booked here and nothing
    else: paid, received, processing, closed, declined or checking.

    `has_asked`: whether the provider had its time to answer since this visit began.
    """
    if page.status == LinkStatus.PAID:
        return "paid"
    if checkout.is_shared:
        return outcome_alone(checkout, has_asked=has_asked)
    if checkout.state == CheckoutState.COMPLETED:
        return "received"
    if page.is_processing:
        return "processing"
    return _outcome_unpaid(checkout, has_asked=has_asked)


def outcome_alone(checkout: Checkout, *, has_asked: bool) -> str:
    """The same of a checkout that is one visitor's own, by what it brought itself."""
    if checkout.state == CheckoutState.COMPLETED:
        return "paid"
    if checkout.payments.filter(state=PaymentState.PROCESSING).exists():
        return "processing"
    return _outcome_unpaid(checkout, has_asked=has_asked)


def _outcome_unpaid(checkout: Checkout, *, has_asked: bool) -> str:
    if checkout.state == CheckoutState.EXPIRED:
        return "closed"
    if checkout.state == CheckoutState.FAILED:
        return "declined"
    # An open checkout takes another try after a failed one, so a failure that is
    # booked already may be older than the try from which the customer comes back.
    if has_asked and checkout.payments.filter(state=PaymentState.FAILED).exists():
        return "declined"
    return "checking"


def received_of(page: Page, checkout: Checkout, language: str) -> str:
    """What this visitor is thanked for: of a reusable link their own money alone."""
    is_own = checkout.is_shared or checkout.tip_minor
    if is_own and checkout.state == CheckoutState.COMPLETED:
        return checkout.amount.format(language)
    return page.link.amount_paid.format(language)


def surplus_of(page: Page, checkout: Checkout, language: str) -> str:
    """What a checkout of `found_checkout` brought too much, as people write it; empty
    if nothing."""
    surplus: int | None = checkout.surplus_minor  # type: ignore[attr-defined]
    # Only money in the link's own currency can be surplus.
    return Money(surplus, page.link.currency).format(language) if surplus else ""


def found_checkout(page: Page, public_id: str) -> Checkout | None:
    """The link's checkout of that id, with what it brought too much and a payment that
    brought it: one query, as the page looks again and again."""
    # Once something was given back, or people decided that nothing will be, nobody is
    # told any more that it will.
    is_promised = Q(payments__refunded_minor=0) & Q(
        ~Refund.kept_surplus("payments__pk")
    )
    too_much = Sum("payments__surplus_minor", filter=is_promised)
    paid = Min("payments__public_id", filter=Q(payments__state=PaymentState.SUCCEEDED))
    own = page.link.checkouts.annotate(surplus_minor=too_much, paid_by=paid)
    return own.filter(public_id=public_id).first()


def local_date(at: datetime, business: Business) -> date:
    """The day by the merchant's clock."""
    try:
        zone = ZoneInfo(business.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return at.astimezone(zone).date()
