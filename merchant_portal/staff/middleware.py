"""How long a session lasts, whose clock it shows, and that it has a second factor."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import logout
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib import limits

from . import second_factor as factor
from .services import sessions

GetResponse = Callable[[HttpRequest], HttpResponse]

STARTED, SEEN = "started_at", "seen_at"
# A page a minute costs one write, not one a request.


def session_limits(get_response: GetResponse) -> GetResponse:
    """End a session 12 hours after sign-in, and 30 minutes after the last act.

    Pages that refresh themselves (HTMX) are not acts.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if _knows_sessions(request) and request.user.is_authenticated:
            _keep_or_end(request)
        return get_response(request)

    return middleware


def _keep_or_end(request: HttpRequest) -> None:
    session = request.session
    now = timezone.now().timestamp()
    started = session.setdefault(STARTED, now)
    seen = session.setdefault(SEEN, now)
    if (
        now - started > settings.SESSION_COOKIE_AGE
        or now - seen > settings.SESSION_IDLE_SECONDS
    ):
        logout(request)
    elif (
        now - seen > sessions.NOTED_EVERY_SECONDS
        and "HX-Request" not in request.headers
    ):
        session[SEEN] = now
        if session.session_key:
            address = str(limits.client_address(request.META) or "")
            sessions.saw(session.session_key, address)


def second_factor(get_response: GetResponse) -> GetResponse:
    """Send whoever has no second factor to set it up before any page of the admin."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if _is_back_office(request) and factor.is_missing(request.user):
            return HttpResponseRedirect(reverse("mfa_activate_totp"))
        return get_response(request)

    return middleware


def no_nul(get_response: GetResponse) -> GetResponse:
    """Refuse NUL in a query of the back-office: PostgreSQL takes it for an error."""

    def middleware(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query and _is_back_office(request):
            return HttpResponseBadRequest(_("This address cannot be read."))
        return get_response(request)

    return middleware


def business_time(get_response: GetResponse) -> GetResponse:
    """Show times of the back-office in the business's zone."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not _is_back_office(request) or not request.user.is_authenticated:
            return get_response(request)
        with timezone.override(ZoneInfo(Business.objects.current().time_zone)):
            return get_response(request)

    return middleware


def _knows_sessions(request: HttpRequest) -> bool:
    """Public pages and webhooks neither read nor prolong anybody's session."""
    return request.path.startswith((reverse("admin:index"), "/accounts/", "/api/"))


def _is_back_office(request: HttpRequest) -> bool:
    if not request.path.startswith(reverse("admin:index")):
        return False
    # without these, one could neither leave nor read the form's own texts
    return request.path not in {reverse("admin:logout"), reverse("admin:jsi18n")}
