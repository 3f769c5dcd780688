"""What can be had of a link beside its page: its papers, and its address as a code."""

from collections.abc import Callable
from functools import partial

import structlog
import typst
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from merchant_portal.business import services as business_services

from ..documents import qr
from ..services import pages, papers, receipts
from ..services.pages import Page
from . import responses
from .presenting import language_for
from .responses import public

log = structlog.get_logger(__name__)


@public
@require_safe
def invoice(request: HttpRequest, token: str) -> HttpResponse:
    """The PDF as it stands now; 404 where the link has no invoice."""
    page = pages.find_by_token(token)
    if page is None or not papers.has_invoice(page.link):
        return responses.not_found(request)
    draw = partial(papers.invoice, is_payable=page.is_payable)
    return _pdf(request, page, draw, papers.filename(page.link))


@public
@require_safe
def receipt(request: HttpRequest, token: str, payment_id: str) -> HttpResponse:
    """The PDF for money that came; 404 for any other payment."""
    page = pages.find_by_token(token)
    payment = page and receipts.find_payment(page.link, payment_id)
    if not page or not payment:
        return responses.not_found(request)
    draw = partial(receipts.receipt, payment)
    return _pdf(request, page, draw, receipts.receipt_name(payment))


@public
@require_safe
def credit_note(request: HttpRequest, token: str, refund_id: str) -> HttpResponse:
    """The PDF for money that went back; 404 for any other refund."""
    page = pages.find_by_token(token)
    refund = page and receipts.find_refund(page.link, refund_id)
    if not page or not refund:
        return responses.not_found(request)
    draw = partial(receipts.credit_note, refund)
    return _pdf(request, page, draw, receipts.credit_note_name(refund))


def _pdf(
    request: HttpRequest, page: Page, draw: Callable[..., bytes], name: str
) -> HttpResponse:
    """`draw` takes the link, its lines, the business and the reader's language."""
    business = business_services.kept()
    language = language_for(request, page, business)
    try:
        content = draw(page.link, page.lines, business, language)
    except typst.TypstError as exc:
        problem = exc.message[:200]
        log.error("paper_not_drawn", link=page.link.public_id, problem=problem)
        return responses.notice(request, "unavailable", status=503)
    response = HttpResponse(content, content_type=papers.CONTENT_TYPE)
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["Content-Language"] = language
    return responses.secured(response)


@public
@require_safe
def code(request: HttpRequest, token: str) -> HttpResponse:
    """The address of the page as a QR code in SVG."""
    page = pages.find_by_token(token)
    if page is None:
        return responses.not_found(request)
    drawn = qr.svg(pages.url_of(page.link))
    response = HttpResponse(drawn, content_type="image/svg+xml")
    return responses.secured(response)


@public
@require_safe
def transfer_code(request: HttpRequest, token: str) -> HttpResponse:
    """What a banking app fills in; 404 where nothing can be transferred."""
    page = pages.find_by_token(token)
    business = business_services.kept()
    transfer = page and papers.transfer_of(page, business)
    if not transfer:
        return responses.not_found(request)
    drawn = qr.transfer_svg(transfer)
    response = HttpResponse(drawn, content_type="image/svg+xml")
    return responses.secured(response)
