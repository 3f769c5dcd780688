"""The page behind `{unsubscribe_url}` and the List-Unsubscribe header."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from merchant_portal.business.models import Business
from merchant_portal.lib import machines

from ..services import unsubscribing


@csrf_exempt  # RFC 8058: mail programs post without a cookie; the token is the proof
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks and changes nothing, because scanners follow links; POST does it
    where it holds what only our page, or RFC 8058, puts in."""
    message = unsubscribing.message_of(token)
    if message is None:
        raise Http404
    is_meant = request.method == "POST" and _is_meant(request)
    if is_meant:
        unsubscribing.unsubscribe(message)
    with override(message.language):
        response = render(
            request,
            "notifications/unsubscribe.html",
            {
                "business": Business.objects.current(),
                "is_done": is_meant,
                "language": message.language,
            },
        )
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _is_meant(request: HttpRequest) -> bool:
    """The button of the page by a person, or one click as RFC 8058 words it, which mail
    programs post for them; not the empty form of a scanner."""
    if request.POST.get("List-Unsubscribe") == "One-Click":
        return True
    return bool(request.POST.get("stop")) and not machines.is_machine(request.headers)
