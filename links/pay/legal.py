"""Imprint, terms and privacy notice of the shop, as words on a page of their own."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from merchant_portal.business import legal
from merchant_portal.business import services as business_services

from . import responses
from .responses import public


@public
@require_safe
def text(request: HttpRequest, name: str) -> HttpResponse:
    business = business_services.kept()
    words = legal.text_of(business, name)
    if not words:
        return responses.not_found(request)
    language = responses.language_of(request, "", business)
    context = {"name": name, "words": words}
    return responses.page(
        "pay/legal.html", context, language=language, business=business
    )
