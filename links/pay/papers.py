"""What can be had of a link beside its page: the invoice, and its address as a code."""

import structlog
import typst
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from merchant_portal.business import services as business_services

from ..documents import qr
from ..services import pages, papers
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
    business = business_services.kept()
    language = language_for(request, page, business)
    try:
        content = papers.invoice(
            page.link, page.lines, business, language, is_payable=page.is_payable
        )
    except typst.TypstError as exc:
        problem = exc.message[:200]
        log.error("invoice_not_drawn", link=page.link.public_id, problem=problem)
        return responses.notice(request, "unavailable", status=503)
    response = HttpResponse(content, content_type=papers.CONTENT_TYPE)
    name = papers.filename(page.link)
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
