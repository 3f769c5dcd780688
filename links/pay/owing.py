"""The page for all that a customer owes: look, pay it in one go, come back.

As the page of a link: GET and HEAD change nothing, and coming back proves nothing.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from babel.dates import format_date
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from merchant_portal.business import services as business_services
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import PAYER, SYSTEM
from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import Money

from ..models import Checkout, PaymentLink
from ..providers.registry import PROVIDERS
from ..services import asking, checkouts, joining, owed, pages
from ..services.accounts import Offer
from ..services.owed import Owed
from . import presenting, responses
from .responses import public
from .views import (
    CHECKOUTS_A_MINUTE,
    LOOKS_BEFORE_DECLINED,
    OWN_FIELD,
    REFRESH_SECONDS,
    REFRESHES,
    looks_of,
)


@public
@require_safe
def show(request: HttpRequest, token: str) -> HttpResponse:
    page = owed.find_by_token(token)
    if page is None:
        return responses.not_found(request)
    return _page(request, page, chosen=request.GET.getlist("link")[: owed.MOST])


@public
@require_safe
def elsewhere(request: HttpRequest, token: str, rest: str) -> HttpResponse:
    """What a link's page has beside it, such as `reply/`, leads here to all of them."""
    page = owed.find_by_token(token)
    return responses.not_found(request) if page is None else _to(page)


@csrf_exempt  # takes no authority from a cookie: whoever has the address may pay
@public
def start(request: HttpRequest, token: str, provider: str) -> HttpResponse:
    """303 to the provider's page for the posted links, as the button of one link; 422
    where none was chosen, 409 or 503 with what is left if it cannot be opened."""
    page = owed.find_by_token(token)
    if page is None or provider not in PROVIDERS:
        return responses.not_found(request)
    if (answer := responses.unless_pressed(request, _address(page))) is not None:
        return answer
    numbers = request.POST.getlist("link")[: owed.MOST]
    if not numbers:
        return _page(request, page, problem="none", status=422)
    minute_ago = clock.now() - timedelta(minutes=1)
    recent = Checkout.objects.filter(
        link__customer=page.customer, created_at__gt=minute_ago
    )
    if recent.count() >= CHECKOUTS_A_MINUTE:
        return responses.too_many(request)
    actor = PAYER if request.POST.get(OWN_FIELD) else SYSTEM
    try:
        url = joining.start(page.customer.pk, numbers, provider, actor=actor)
    except checkouts.ProviderDown:
        return _again(request, token, "down", provider, numbers, status=503)
    except checkouts.CheckoutRefused:
        return _again(request, token, "refused", provider, numbers, status=409)
    return responses.redirect(url)


@public
@require_safe
def returned(request: HttpRequest, token: str, checkout_id: str) -> HttpResponse:
    """What is known of a payment for several links; believes nothing in the address but
    which checkout it was."""
    customer = owed.customer_of(token)
    checkout = (
        Checkout.objects.filter(
            public_id=checkout_id, is_joint=True, link__customer=customer
        )
        .select_related("link")
        .first()
        if customer is not None
        else None
    )
    if customer is None or checkout is None:
        return responses.not_found(request)
    looks = looks_of(request)
    outcome = presenting.outcome_alone(
        checkout, has_asked=looks >= LOOKS_BEFORE_DECLINED
    )
    is_waiting = outcome in ("checking", "processing")
    if (is_waiting or outcome == "declined") and request.method == "GET":
        queue.nudge("links.tasks.settle_checkout", checkout.pk)
    goes_on = is_waiting and looks < REFRESHES
    business = business_services.kept()
    language = responses.language_of(request, customer.language, business)
    own_token = owed.token_of(customer.pk)
    context = {
        "outcome": outcome,
        "goes_on": goes_on,
        "address": reverse("owed", args=[own_token]),
        "received": checkout.amount.format(language),
        "link": checkout.link,
    }
    response = responses.page(
        "pay/returned.html", context, language=language, business=business
    )
    if goes_on:
        again = reverse("owed_returned", args=[own_token, checkout_id])
        response["Refresh"] = f"{REFRESH_SECONDS}; url={again}?n={looks + 1}"
    return response


def _again(
    request: HttpRequest,
    token: str,
    problem: str,
    without: str,
    chosen: Collection[str],
    *,
    status: int,
) -> HttpResponse:
    """The page as it stands now, with what went wrong on top."""
    page = owed.find_by_token(token)
    if page is None:
        return responses.not_found(request)
    return _page(
        request, page, problem=problem, without=without, chosen=chosen, status=status
    )


def _page(
    request: HttpRequest,
    page: Owed,
    *,
    problem: str = "",
    without: str = "",
    chosen: Collection[str] = (),
    status: int = 200,
) -> HttpResponse:
    """The page as it stands; `without`: the provider just tried in vain; `chosen`:
    numbers of what is ticked, else all that cannot wait."""
    business = business_services.kept()
    language = responses.language_of(request, page.customer.language, business)
    sums = []
    offers: list[Offer] = []
    for currency, links in page.by_currency.items():
        picked = _picked(page, links, chosen)
        ways = joining.offered(picked, page.read_at)
        # The others first; what failed may work again in a moment.
        ways.sort(key=lambda offer: offer.slug == without)
        offers += ways
        total = sum(asking.due_now(link).amount_minor for link in picked)
        sums.append(
            {
                "total": Money(total, currency).format(language),
                "rows": _rows(page, links, language, picked),
                "count": len(links),
                **presenting.offers_context(ways),
            }
        )
    under_way = [link for link in page.links if link.pk in page.processing]
    context = {
        "sums": sums,
        "under_way": _rows(page, under_way, language),
        "address": _address(page),
        "token": owed.token_of(page.customer.pk),
        "problem": problem,
        "offers": offers,
        "is_training": any(offer.slug == "training" for offer in offers),
    }
    return responses.page(
        "pay/owed.html",
        context,
        language=language,
        business=business,
        status=status,
        hosts=presenting.form_hosts(offers),
    )


def _picked(
    page: Owed, links: Sequence[PaymentLink], chosen: Collection[str]
) -> list[PaymentLink]:
    """What of one currency is ticked: as chosen, else what cannot wait, else all."""
    picked = [link for link in links if link.number in chosen]
    now_due = [link for link in links if link.pk not in page.waiting]
    return picked or now_due or list(links)


def _rows(
    page: Owed,
    links: Sequence[PaymentLink],
    language: str,
    picked: Collection[PaymentLink] = (),
) -> list[dict[str, Any]]:
    return [
        {
            "is_picked": link in picked,
            "number": link.number,
            "url": reverse("pay_link", args=[pages.token_of(link)]),
            "description": page.descriptions[link.pk],
            "asked": asking.due_now(link).format(language),
            "due_on": link.due_on
            and format_date(link.due_on, "medium", locale=locale_of(language)),
        }
        for link in links
    ]


def _to(page: Owed) -> HttpResponse:
    return responses.redirect(_address(page))


def _address(page: Owed) -> str:
    return reverse("owed", args=[owed.token_of(page.customer.pk)])
