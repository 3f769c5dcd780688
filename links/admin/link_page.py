"""The page of one link: how it stands, what happened, and everything one may do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from merchant_portal.staff.roles import Right

from ..models import PaymentLink
from ..services import sharing
from . import details, standing
from .entry import frame, link_or_404, needs, who
from .panels import Panels

TEMPLATE = "admin/links/paymentlink/page.html"
LIVE_TEMPLATE = "admin/links/paymentlink/live.html"


@require_safe
@needs(Right.LINKS_READ)
def page_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`?act=recall` opens that form."""
    return show(request, link_or_404(request, pk), {})


@require_GET
@needs(Right.LINKS_READ)
def live_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The parts that change by themselves; 204 while nothing is new."""
    context = standing.context(link_or_404(request, pk), who(request))
    if request.GET.get("seen") == context["digest"]:
        return HttpResponse(status=204)
    return render(request, LIVE_TEMPLATE, {**context, "is_update": True})


def show(
    request: HttpRequest, link: PaymentLink, panels: Panels, status: int = 200
) -> HttpResponse:
    """The page with these forms open; what was typed in them is kept."""
    user = who(request)
    context = standing.context(link, user)
    context |= details.context(link, user, panels, context["zone"])
    opened = context["panels"].get(request.GET.get("act", ""))
    if opened is not None:
        opened.is_open = True
    title = str(link) if link.number else _("Draft payment link")
    response = render(
        request, TEMPLATE, frame(request, title, **context), status=status
    )
    # Chromium holds form-action against where the form that shares leads in the end.
    vars(response)["_csp_update"] = {"form-action": sharing.TARGETS}
    return response
