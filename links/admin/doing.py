"""Doing one thing to a link from its page: the answer is the page, with what was typed
where it was refused."""

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ..models import PaymentLink
from ..services import timeline
from ..services.errors import LinkConflict, LinkError
from . import formats, history, typed
from .entry import link_or_404
from .link_page import show
from .panels import Panel

T = TypeVar("T")
_NAMES = {"occurred_at": "paid_on"}
# fields of the services that are called otherwise in the forms
NEWS = 3
# lines of the timeline that a refused form shows


def do(
    request: HttpRequest,
    link: PaymentLink,
    name: str,
    panel: Panel,
    act: Callable[[], str],
) -> HttpResponse:
    """Do it and show the link again; a refusal keeps what was typed, beside its field."""
    try:
        messages.success(request, act())
    except LinkConflict as exc:
        panel.errors["form"], status = exc.message, 409
        _tell_news(link, panel)
    except LinkError as exc:
        field = _NAMES.get(exc.field, exc.field)
        known = field in panel.values or field in ("channels", "providers")
        panel.errors[field if known else "form"], status = exc.message, 422
    else:
        return redirect("admin:links_paymentlink_change", link.pk)
    panel.is_open = True
    return show(request, link_or_404(request, link.pk), {name: panel}, status=status)


def _tell_news(link: PaymentLink, panel: Panel) -> None:
    """Say what happened meanwhile: doing it again is then a decision, no accident."""
    fresh = PaymentLink.objects.get(pk=link.pk)
    newest = timeline.acts(fresh, NEWS)
    panel.news = history.lines(newest, formats.business_zone())
    if "version" in panel.values:
        panel.values["version"] = str(fresh.version)


def read(name: str, read: Callable[[str], T], panel: Panel) -> T:
    try:
        return read(panel.values[name])
    except typed.TypedError as exc:
        raise LinkError(str(exc), name) from exc


def key_of(panel: Panel) -> str:
    key = panel.values["key"]
    if not typed.KEY.match(key):
        raise LinkError(_("This form is too old. Please try once more."))
    return key
