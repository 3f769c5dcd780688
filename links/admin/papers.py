"""The address of a link as a code to print, to show or to put on a page."""

import structlog
import typst
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from merchant_portal.business import services as business_services
from merchant_portal.staff.roles import Right

from ..documents import qr
from ..models import LinkStatus, PaymentLink
from ..services import pages, papers, receipts
from .entry import link_or_404, needs

log = structlog.get_logger(__name__)


@require_safe
@needs(Right.LINKS_READ)
def code_view(request: HttpRequest, pk: int) -> HttpResponse:
    link = _opened(request, pk)
    return _file(qr.svg(pages.url_of(link)), link, ".svg", "image/svg+xml")


@require_safe
@needs(Right.LINKS_READ)
def code_png_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`?size=`: of `qr.PNG_SCALES`."""
    link = _opened(request, pk)
    size = request.GET.get("size", "")
    drawn = qr.png(pages.url_of(link), size if size in qr.PNG_SCALES else "medium")
    suffix = f"-{size}.png" if size in qr.PNG_SCALES else ".png"
    return _file(drawn, link, suffix, "image/png")


@require_safe
@needs(Right.LINKS_READ)
@needs(Right.CUSTOMERS_CONTACT)
def letter_view(request: HttpRequest, pk: int) -> HttpResponse:
    """A reminder for the post. Nothing is kept of it: whether it is mailed, who knows."""
    link = _opened(request, pk)
    if not receipts.has_letter(link):
        raise Http404
    business = business_services.kept()
    try:
        content = receipts.letter(link, list(link.lines.all()), business)
    except typst.TypstError as exc:
        problem = exc.message[:200]
        log.error("paper_not_drawn", link=link.public_id, problem=problem)
        messages.error(request, _("The letter could not be drawn. Try again later."))
        return redirect("admin:links_paymentlink_change", link.pk)
    return _file(content, link, ".letter.pdf", papers.CONTENT_TYPE)


def _opened(request: HttpRequest, pk: int) -> PaymentLink:
    """A draft has no page to lead to."""
    link = link_or_404(request, pk)
    if link.status == LinkStatus.DRAFT:
        raise Http404
    return link


def _file(
    content: str | bytes, link: PaymentLink, suffix: str, kind: str
) -> HttpResponse:
    """Shown where an <img> asks for it, and saved by a name of its own."""
    response = HttpResponse(content, content_type=kind)
    name = f"{link.number}{suffix}"
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
