"""The public pages of a link: look, start to pay, come back.

GET and HEAD change nothing and count nothing as "opened": scanners, previews and staff
fetch these pages too.
"""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from merchant_portal.business import services as business_services
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import PAYER, SYSTEM

from ..models import Checkout
from ..providers.registry import PROVIDERS
from ..services import accounts, asking, checkouts, pages
from ..services.errors import LinkError
from ..services.pages import Page
from . import choosing, presenting, responses
from .responses import public

OWN_FIELD = "from"
# what only the buttons of the page send along
CHECKOUTS_A_MINUTE, SHARED_A_MINUTE = 10, 120
# Of one link; nobody chooses that often, and each may cost a call to a provider. At a
# reusable link many people choose.
REFRESH_SECONDS, REFRESHES = 3, 20
# A minute of looking by itself; then the page says what to do.
LOOKS_BEFORE_DECLINED = 2
# Each asks the provider; only then is a failed payment the last word.


@public
@require_safe
def show(request: HttpRequest, token: str) -> HttpResponse:
    page = pages.find_by_token(token)
    if page is None:
        return responses.not_found(request)
    return _link_page(request, page, typed=request.GET.dict())


@csrf_exempt  # takes no authority from a cookie: whoever has the address may pay
@public
def start(request: HttpRequest, token: str, provider: str) -> HttpResponse:
    """303 to the provider's page, for programs that say they are some back to the
    link's. 409 or 503 with the other ways to pay if it cannot
    be opened; 422 for a choice that the link does not leave; 410 or 200 if there is
    nothing to pay any more."""
    page = pages.find_by_token(token)
    if page is None or provider not in PROVIDERS:
        return responses.not_found(request)
    if (answer := responses.unless_pressed(request, _address(page))) is not None:
        return answer
    if not page.is_payable:
        return _link_page(request, page, typed={})
    minute_ago = clock.now() - timedelta(minutes=1)
    recent = Checkout.objects.filter(link=page.link, created_at__gt=minute_ago)
    most = SHARED_A_MINUTE if page.link.is_reusable else CHECKOUTS_A_MINUTE
    if recent.count() >= most:
        return responses.too_many(request)
    typed: dict[str, str] = {}
    choice = asking.NOTHING_CHOSEN
    try:
        if choosing.has_choices(page.link):
            typed = request.POST.dict()
            choice = choosing.read(page.link, typed)
        # The page's buttons say so; a program that only knows the address does not.
        actor = PAYER if request.POST.get(OWN_FIELD) else SYSTEM
        url = checkouts.start(page.link.pk, provider, choice, actor=actor)
    except checkouts.ProviderDown:
        return _failed(request, token, provider, typed, status=503)
    except checkouts.CheckoutRefused:
        return _failed(request, token, provider, typed, status=409)
    except LinkError as exc:
        return _link_page(request, page, typed=typed, refused=exc, status=422)
    return responses.redirect(url)


@public
@require_safe
def returned(request: HttpRequest, token: str, checkout_id: str) -> HttpResponse:
    """What is known after a visit to the provider's page; believes nothing in the
    address but which checkout it was."""
    page = pages.find_by_token(token)
    if page is None:
        return responses.not_found(request)
    checkout = presenting.found_checkout(page, checkout_id)
    if checkout is None:
        return responses.not_found(request)
    looks = looks_of(request)
    outcome = presenting.outcome_of(
        page, checkout, has_asked=looks >= LOOKS_BEFORE_DECLINED
    )
    is_waiting = outcome in ("checking", "processing")
    # Declined, too: a slow answer is then there when the customer reloads or goes back.
    if (is_waiting or outcome == "declined") and request.method == "GET":
        queue.nudge("links.tasks.settle_checkout", checkout.pk)
    goes_on = is_waiting and looks < REFRESHES
    business = business_services.kept()
    language = presenting.language_for(request, page, business)
    context = presenting.link_context(page, business, language) | {
        "outcome": outcome,
        "goes_on": goes_on,
        "address": _address(page),
        "received": presenting.received_of(page, checkout, language),
        "surplus": presenting.surplus_of(page, checkout, language),
        "receipt_path": presenting.receipt_of(checkout, _token(page))
        if outcome in ("paid", "received")
        else "",
    }
    response = responses.page(
        "pay/returned.html", context, language=language, business=business
    )
    if goes_on:
        again = reverse("pay_returned", args=[_token(page), checkout_id])
        response["Refresh"] = f"{REFRESH_SECONDS}; url={again}?n={looks + 1}"
    return response


def _link_page(
    request: HttpRequest,
    page: Page,
    *,
    typed: dict[str, str],
    refused: LinkError | None = None,
    problem: str = "",
    without: str = "",
    status: int = 0,
) -> HttpResponse:
    """The page of a link as it stands; `typed` and `refused`: what the payer chose and
    why it cannot be; `without`: the provider just tried in vain."""
    business = business_services.kept()
    language = presenting.language_for(request, page, business)
    offers = accounts.offered(page.link, page.read_at) if page.is_payable else []
    if without:
        # The others first; what failed may work again in a moment.
        offers.sort(key=lambda offer: offer.slug == without)
    context = (
        presenting.link_context(page, business, language)
        | presenting.offers_context(offers)
        | presenting.papers_context(page, _token(page), language)
        | {"problem": problem, "token": _token(page), "address": _address(page)}
    )
    if page.is_payable:
        with translation.override(language):
            context["choice"] = choosing.of(page, typed, language, refused)
    return responses.page(
        "pay/link.html",
        context,
        language=language,
        business=business,
        status=status or presenting.status_code(page),
        hosts=presenting.form_hosts(offers),
    )


def _failed(
    request: HttpRequest, token: str, provider: str, typed: dict[str, str], status: int
) -> HttpResponse:
    """The page as it stands now, with what went wrong on top if it can still be paid."""
    page = pages.find_by_token(token)
    if page is None:
        return responses.not_found(request)
    if not page.is_payable:
        return _link_page(request, page, typed={})
    problem = "down" if status == 503 else "refused"
    return _link_page(
        request, page, typed=typed, problem=problem, without=provider, status=status
    )


def _token(page: Page) -> str:
    return pages.token_of(page.link)


def _address(page: Page) -> str:
    return reverse("pay_link", args=[_token(page)])


def looks_of(request: HttpRequest) -> int:
    """How often the page has looked by itself."""
    given = request.GET.get("n", "0")
    return int(given) if given.isdecimal() and len(given) <= 3 else REFRESHES
