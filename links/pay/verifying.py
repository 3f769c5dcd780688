"""Whether a message is really from the shop: for whoever doubts it, without login.

A wrong code gets one answer, whatever is wrong with it, and a right one nothing about
the customer and no way to the page. Only how often one network asked is kept.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from merchant_portal.business import services as business_services
from merchant_portal.lib.limits import client_network
from merchant_portal.staff.services import tries

from ..models import PaymentLink
from ..services import verifying
from ..services.pages import Page
from . import presenting, responses
from .responses import public

END = 4
# signs of the number that are shown, to be held against the message
FOUND, UNKNOWN, TOO_MANY = "found", "unknown", "too_many"
STATUS = {FOUND: 200, UNKNOWN: 404, TOO_MANY: 429}


@csrf_exempt  # takes no authority from a cookie: whoever has a code may ask about it
@public
def verify(request: HttpRequest) -> HttpResponse:
    """The form; 404 for a code that we never gave, 429 for too many of them."""
    if request.method in ("GET", "HEAD"):
        return _answer(request, "")
    if request.method != "POST":
        return responses.secured(HttpResponseNotAllowed(["GET", "HEAD", "POST"]))
    if not responses.is_person(request):
        return _answer(request, "")
    try:
        tries.take((verifying.LIMIT, client_network(request.META)))
    except tries.TooManyTries:
        response = _answer(request, TOO_MANY)
        response["Retry-After"] = str(int(verifying.LIMIT.window.total_seconds()))
        return response
    page = verifying.find(request.POST.get("code", ""))
    return _answer(request, FOUND if page else UNKNOWN, page)


def _answer(
    request: HttpRequest, outcome: str, page: Page | None = None
) -> HttpResponse:
    business = business_services.kept()
    # The browser's and not the customer's: whose code it is, is nobody's business.
    language = responses.language_of(request, "", business)
    context: dict[str, Any] = {
        "outcome": outcome,
        "typed": request.POST.get("code", "")[: verifying.LONGEST],
        "longest": verifying.LONGEST,
        "example": "7KQF2-M9TXC",
        "host": urlsplit(settings.PUBLIC_URL).netloc,
    }
    if page is not None:
        with translation.override(language):
            context |= {
                "state": presenting.state_of(page),
                "amount": _amount(page.link, language),
                "end": str(page.link.number)[-END:],
                "is_part_paid": presenting.is_part_paid(page.link),
            }
    return responses.page(
        "pay/verify.html",
        context,
        language=language,
        business=business,
        status=STATUS.get(outcome, 200),
    )


def _amount(link: PaymentLink, language: str) -> str:
    if not link.amount_minor:
        return _("an amount of your choice")
    return link.amount.format(language)
