"""How every public page is answered: language, headers, limits, and plain errors.

No session is touched and no cookie set. Templates get no request, so that no context
processor can look at one.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.utils import translation

from merchant_portal.business.models import Business
from merchant_portal.lib import database, machines
from merchant_portal.lib.limits import RateLimit, client_network

from . import framing

log = structlog.get_logger(__name__)
reads = RateLimit(0)  # how many is asked of the settings at each request
alarms = RateLimit(1)  # of one network; whoever guesses must not fill the disk


def public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Limit a network's requests, and say "later" when there is no database."""

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        network = client_network(request.META)
        if reads.exceeded(network, limit=settings.PAY_PAGE_LIMIT_PER_MINUTE):
            if not alarms.exceeded(network):
                log.warning("pay_page_limit_reached")
            return too_many(request)
        try:
            return view(request, **kwargs)
        except Error as exc:
            if not database.is_passing(exc):
                raise
            log.error("pay_page_without_database", problem=type(exc).__name__)
            response = notice(request, "unavailable", status=503)
            response["Retry-After"] = "60"
            return response

    return guarded


def page(
    template: str,
    context: dict[str, Any],
    *,
    language: str,
    business: Business | None = None,
    status: int = 200,
    hosts: Iterable[str] = (),
) -> HttpResponse:
    """A page in that language with the headers of all public pages.

    `hosts`: origins to which a form on it may lead in the end.
    """
    with translation.override(language):
        context = {
            **context,
            "language": language,
            "business": business,
            "frame": framing.frame_of(business, language),
        }
        text = render_to_string(template, context)
    response = HttpResponse(text, status=status)
    response["Content-Language"] = language
    return secured(response, hosts)


def secured(response: HttpResponse, hosts: Iterable[str] = ()) -> HttpResponse:
    """Put the headers of public pages on an answer."""
    # Chromium holds form-action against the redirect that answers the form too, and
    # the page may be open under another name than PUBLIC_URL.
    targets = ["'self'", origin(settings.PUBLIC_URL), *hosts]
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        f" frame-ancestors 'none'; form-action {' '.join(dict.fromkeys(targets))}"
    )
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def redirect(url: str) -> HttpResponse:
    """303: whatever was posted, the answer is fetched."""
    return secured(HttpResponse(status=303, headers={"Location": url}))


def notice(request: HttpRequest, kind: str, *, status: int) -> HttpResponse:
    """A page that says one thing and knows of no link."""
    return page(
        "pay/notice.html", {"kind": kind}, language=language_of(request), status=status
    )


def not_found(request: HttpRequest) -> HttpResponse:
    """The same for drafts, unknown and malformed addresses."""
    return notice(request, "not_found", status=404)


def too_many(request: HttpRequest) -> HttpResponse:
    response = notice(request, "too_many", status=429)
    response["Retry-After"] = "60"
    return response


def is_person(request: HttpRequest) -> bool:
    """Whether a form that came may be a person's: no program that says it is one, and
    from no page of somebody else's."""
    headers = request.headers
    return not (machines.is_machine(headers) or machines.is_from_elsewhere(headers))


def unless_pressed(request: HttpRequest, address: str) -> HttpResponse | None:
    """The answer to whoever does not press a button of the page at `address`; None to
    whoever may."""
    if request.method in ("GET", "HEAD"):
        return redirect(address)
    if request.method != "POST":
        return secured(HttpResponseNotAllowed(["GET", "HEAD", "POST"]))
    return None if is_person(request) else redirect(address)


def language_of(
    request: HttpRequest, preferred: str = "", business: Business | None = None
) -> str:
    """The customer's own if we speak it, else the browser's, else the merchant's."""
    candidates = [preferred]
    if business is not None and not request.headers.get("Accept-Language"):
        candidates.append(business.language)
    for candidate in filter(None, candidates):
        try:
            return translation.get_supported_language_variant(candidate)
        except LookupError:
            continue
    return translation.get_language_from_request(request)


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
