"""What staff do to a link from its page; each is a POST that answers with the page."""

from collections.abc import Callable
from datetime import datetime, time
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from merchant_portal.lib import clock
from merchant_portal.staff.roles import Right

from ..models import LinkStatus, PaymentLink
from ..services import (
    links,
    manual,
    pages,
    recipients,
    replies,
    sending,
    sharing,
    timeline,
)
from ..services.errors import LinkConflict, LinkError
from . import editing, formats, history, panels, typed
from .entry import link_or_404, needs, who
from .link_page import show
from .panels import Panel
from .replies import reply_or_404

T = TypeVar("T")
_NAMES = {"occurred_at": "paid_on"}
# fields of the services that are called otherwise in the forms
NEWS = 3
# lines of the timeline that a refused form shows


@require_POST
@needs(Right.LINKS_WRITE)
def send_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`channels`, `key`: the same key again sends nothing twice."""
    link = link_or_404(request, pk)
    panel = Panel(
        {"key": request.POST.get("key", "")},
        channels=tuple(request.POST.getlist("channels")),
    )

    def act() -> str:
        key = _key(panel)
        sent = sending.send(link, panel.channels, actor=who(request).actor(), key=key)
        return _("Done. The link is on its way.") if sent else _("It was sent already.")

    return do(request, link, panels.SEND, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def share_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep by which `way` it was opened to share; 204 for scripts, which open it
    themselves, else 303 to the app with `text` in it."""
    link = link_or_404(request, pk)
    way, text = request.POST.get("way", ""), request.POST.get("text", "")
    is_script = request.headers.get("Accept") == "application/json"
    remind = request.POST.getlist("remind")
    panel = Panel({"text": text}, channels=tuple(remind))
    try:
        if way in sharing.APPS and not is_script:
            sharing.check_text(link, text)
        sharing.note(link, way, actor=who(request).actor(), remind=remind)
    except LinkError as exc:
        status = 409 if isinstance(exc, LinkConflict) else 422
        if is_script:
            return JsonResponse({"message": exc.message}, status=status)
        panel.errors["form"] = exc.message
        found = link_or_404(request, link.pk)
        return show(request, found, {panels.SHARE: panel}, status=status)
    if is_script:
        return HttpResponse(status=204)
    return _to_app(link, way, text)


def _to_app(link: PaymentLink, way: str, text: str) -> HttpResponse:
    first = link.lines.first()
    words = sharing.words_of(link, first.description if first else "")
    to = sharing.address(way, text, words, recipients.addresses(link))
    if not to:
        return redirect("admin:links_paymentlink_change", link.pk)
    # Our own address says which link this is; the app's servers need not know.
    headers = {"Location": to, "Referrer-Policy": "no-referrer"}
    return HttpResponse(status=303, headers=headers)


@require_POST
@needs(Right.LINKS_WRITE)
def activate_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a draft payable; answers scripts with its address, to be copied."""
    link = link_or_404(request, pk)
    links.activate(link, actor=who(request).actor())
    link.refresh_from_db()
    if request.headers.get("Accept") == "application/json":
        if link.status == LinkStatus.DRAFT:
            return JsonResponse({}, status=409)
        return JsonResponse({"url": pages.url_of(link)})
    messages.success(request, _("The link is live. Copy it below."))
    return redirect("admin:links_paymentlink_change", link.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def edit_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Due date, expiry, note; `version` guards against overwriting a colleague."""
    link = link_or_404(request, pk)
    panel = Panel(
        {
            name: request.POST.get(name, "")
            for name in ("due_on", "expires_at", "note", "version", "providers_shown")
        },
        providers=tuple(request.POST.getlist("providers")),
    )

    def act() -> str:
        editing.save(link, panel, actor=who(request).actor())
        return _("Saved.")

    return do(request, link, panels.EDIT, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def cancel_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`reason` is shown to the customer; `tell` sends it to them as well."""
    link = link_or_404(request, pk)
    panel = Panel(
        {name: request.POST.get(name, "") for name in ("reason", "tell", "version")}
    )

    def act() -> str:
        reason = _typed("reason", typed.line, panel)
        done = links.cancel(
            link,
            actor=who(request).actor(),
            reason=reason,
            tell=bool(panel.values["tell"]),
            version=typed.version(panel.values["version"]),
        )
        if not done:
            raise LinkConflict(_("This link is closed or paid already."))
        return _("Canceled. Nobody can pay it any more.")

    return do(request, link, panels.CANCEL, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def extend_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Open an expired link again until `expires_at`; empty is without end."""
    link = link_or_404(request, pk)
    panel = Panel({"expires_at": request.POST.get("expires_at", "")})

    def act() -> str:
        zone = formats.business_zone()
        until = _typed("expires_at", lambda text: typed.moment(text, zone), panel)
        if not links.extend(link, expires_at=until, actor=who(request).actor()):
            raise LinkConflict(_("This link is not expired."))
        return _("Open again, under the same address.")

    return do(request, link, panels.EXTEND, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def answer_view(request: HttpRequest, pk: int, reply_pk: int) -> HttpResponse:
    """Answer what the customer wrote, or say that it is seen to (`act`: close)."""
    link = link_or_404(request, pk)
    reply = reply_or_404(link, reply_pk)
    panel = Panel({"reply": str(reply.pk), "answer": request.POST.get("answer", "")})

    def act() -> str:
        if request.POST.get("act") == "close":
            replies.close(reply, by=who(request))
            return _("Noted. Reminders go on as planned.")
        replies.answer(reply, panel.values["answer"], by=who(request))
        return _("Done. The answer is on its way.")

    return do(request, link, panels.REPLY, panel, act)


@require_POST
@needs(Right.PAYMENTS_WRITE)
def record_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Money taken by hand; the same `key` again books nothing twice.

    `version` keeps two people from booking the same money.
    """
    link = link_or_404(request, pk)
    panel = Panel(
        {
            name: request.POST.get(name, "")
            for name in (
                "amount",
                "method",
                "paid_on",
                "note",
                "key",
                "version",
                "more",
            )
        }
    )

    def act() -> str:
        amount_minor = _typed(
            "amount", lambda text: typed.amount_minor(text, link.currency), panel
        )
        paid = manual.record_payment(
            link,
            amount_minor=amount_minor,
            method=panel.values["method"],
            actor=who(request).actor(),
            note=_typed("note", typed.line, panel),
            occurred_at=_paid_at(panel, formats.business_zone()),
            key=_key(panel),
            version=typed.version(panel.values["version"]),
            is_more_meant=bool(panel.values["more"]),
        )
        amount = formats.money(paid.amount_minor, paid.currency)
        return _("Payment of %s recorded.") % amount

    return do(request, link, panels.RECORD, panel, act)


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


def _typed(name: str, read: Callable[[str], T], panel: Panel) -> T:
    try:
        return read(panel.values[name])
    except typed.TypedError as exc:
        raise LinkError(str(exc), name) from exc


def _key(panel: Panel) -> str:
    key = panel.values["key"]
    if not typed.KEY.match(key):
        raise LinkError(_("This form is too old. Please try once more."))
    return key


def _paid_at(panel: Panel, zone: ZoneInfo) -> datetime | None:
    """Noon of a day gone by, now for today; empty is now."""
    day = _typed("paid_on", typed.day, panel)
    if day is None:
        return None
    now = clock.now()
    if day == now.astimezone(zone).date():
        return None
    return datetime.combine(day, time(12), tzinfo=zone)
