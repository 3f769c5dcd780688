"""Noting that a link was opened to share, and the way to the app without a script."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from merchant_portal.staff.roles import Right

from ..models import PaymentLink
from ..services import recipients, sharing
from ..services.errors import LinkConflict, LinkError
from . import panels
from .entry import link_or_404, needs, who
from .link_page import show
from .panels import Panel


@require_POST
@needs(Right.LINKS_WRITE)
def share_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep by which `way` it was opened to share; 204 for scripts, which open it
    themselves, else 303 to the app with `text` in it."""
    link = link_or_404(request, pk)
    way, text = request.POST.get("way", ""), request.POST.get("text", "")
    is_script = request.headers.get("Accept") == "application/json"
    remind = request.POST.getlist("remind")
    panel = Panel({"text": text}, channels=tuple(remind))
    try:
        if way in sharing.APPS and not is_script:
            sharing.check_text(link, text)
        sharing.note(link, way, actor=who(request).actor(), remind=remind)
    except LinkError as exc:
        status = 409 if isinstance(exc, LinkConflict) else 422
        if is_script:
            return JsonResponse({"message": exc.message}, status=status)
        panel.errors["form"] = exc.message
        found = link_or_404(request, link.pk)
        return show(request, found, {panels.SHARE: panel}, status=status)
    if is_script:
        return HttpResponse(status=204)
    return _to_app(link, way, text)


def _to_app(link: PaymentLink, way: str, text: str) -> HttpResponse:
    first = link.lines.first()
    words = sharing.words_of(link, first.description if first else "")
    to = sharing.address(way, text, words, recipients.addresses(link))
    if not to:
        return redirect("admin:links_paymentlink_change", link.pk)
    # Our own address says which link this is; the app's servers need not know.
    headers = {"Location": to, "Referrer-Policy": "no-referrer"}
    return HttpResponse(status=303, headers=headers)
