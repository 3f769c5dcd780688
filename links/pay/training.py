"""The rehearsal provider's hosted page. No money moves."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from ..models import Checkout
from ..providers import training
from ..services import accounts, requests
from . import responses
from .responses import public


@csrf_exempt  # takes no authority from a cookie: whoever has the address may answer
@public
@require_http_methods(["GET", "HEAD", "POST"])
def hosted(request: HttpRequest, checkout_id: str) -> HttpResponse:
    """A form whose buttons are the outcomes; 303 back to the shop once answered."""
    session = training.find_session(checkout_id)
    checkout = (
        Checkout.objects.select_related("link__customer")
        .filter(public_id=checkout_id)
        .first()
    )
    if session is None or checkout is None or not accounts.is_training_offered():
        return responses.not_found(request)
    page = urlsplit(requests.page_of(checkout, checkout.link)).path
    back = f"{page}return/{checkout.public_id}/"
    if request.method == "POST" and responses.is_person(request):
        outcome = request.POST.get("outcome", "")
        if outcome not in training.OUTCOMES:
            return responses.notice(request, "bad_request", status=400)
        training.answer(session, outcome)
        return responses.redirect(back)
    business = Business.objects.defer("logo").first() or Business()
    customer = checkout.link.customer
    language = responses.language_of(
        request, customer.language if customer else "", business
    )
    is_open = training.is_open(session, clock.now())
    amount = Money(session.amount_minor, session.currency)
    return responses.page(
        "pay/training.html",
        {
            "session": session,
            "amount": amount.format(language),
            "is_open": is_open,
            "back": back,
        },
        language=language,
        business=business,
        status=200 if is_open else 410,
    )
