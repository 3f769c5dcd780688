"""Who is about to do something grave proves anew who they are.

By their second factor, or by their password where they have none; once in five minutes.
What was typed waits, sealed, in the session and is done when they have proved it.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows import reauthentication
from allauth.core.internal.httpkit import serialize_request
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from merchant_portal.lib import sealing

from . import second_factor
from .models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
WAITING = "waits_for_proof"
# Where a suspended request is kept: it may hold keys of a provider, so it is sealed.


def is_fresh(request: HttpRequest) -> bool:
    """Whether they proved it in this session within ACCOUNT_REAUTHENTICATION_TIMEOUT."""
    user = request.user
    if not isinstance(user, User):
        return False
    wanted = "mfa" if second_factor.is_on(user) else "password"
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return any(
        record["method"] == wanted and record["at"] > since
        for record in get_authentication_records(request, user)
    )


def ask(request: HttpRequest, *, back: str = "") -> HttpResponse | None:
    """The way to the page where they prove it; None if they did.

    `back`: the page to go on from, for what is answered by a file; without it a POST is
    done once it is proved. Dialogs go back to the page on which they were opened.
    """
    if is_fresh(request):
        return None
    request.session.pop(WAITING, None)  # nothing that was given up is done later
    if "HX-Request" in request.headers:
        here = urlsplit(request.headers.get("HX-Current-URL", "")).path
        return HttpResponse(headers={"HX-Redirect": _address(request, here)})
    if back:
        messages.info(request, _("After this, please ask for the file once more."))
        return HttpResponseRedirect(_address(request, back))
    if request.method != "POST":
        return HttpResponseRedirect(_address(request, request.get_full_path()))
    request.session[WAITING] = sealing.seal(WAITING, serialize_request(request))
    return HttpResponseRedirect(_address(request, request.path))


def proved(view: View[P]) -> View[P]:
    """Only for who proved it a moment ago; inside of `needs`."""

    @wraps(view)
    def checked(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponse:
        return ask(request) or view(request, *args, **kwargs)

    return checked


def take_up(request: HttpRequest) -> None:
    """Hand what waits to allauth, which does it once this request has proved it."""
    sealed = request.session.pop(WAITING, None)
    if sealed is not None:
        suspended = {"request": sealing.unseal(WAITING, sealed)}
        request.session[reauthentication.STATE_SESSION_KEY] = suspended


def _address(request: HttpRequest, then: str) -> str:
    """Of the first way to prove it that they have."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    page = ways[0]["url"] if ways else reverse("account_reauthenticate")
    return f"{page}?{urlencode({'next': then})}"
