"""What staff do to a link from its page; each is a POST that answers with the page."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from merchant_portal.lib import clock
from merchant_portal.staff.roles import Right

from ..models import LinkStatus
from ..services import links, manual, pages, replies
from ..services.errors import LinkConflict
from . import doing, editing, formats, panels, typed
from .entry import changeable_or_403, link_or_404, needs, who
from .panels import Panel
from .replies import reply_or_404


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

    return doing.do(request, link, panels.EDIT, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def cancel_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`reason` is shown to the customer; `tell` sends it to them as well."""
    link = changeable_or_403(request, pk)
    panel = Panel(
        {name: request.POST.get(name, "") for name in ("reason", "tell", "version")}
    )

    def act() -> str:
        reason = doing.read("reason", typed.line, panel)
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

    return doing.do(request, link, panels.CANCEL, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def extend_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Open an expired link again until `expires_at`; empty is without end."""
    link = link_or_404(request, pk)
    panel = Panel({"expires_at": request.POST.get("expires_at", "")})

    def act() -> str:
        zone = formats.business_zone()
        until = doing.read("expires_at", lambda text: typed.moment(text, zone), panel)
        if not links.extend(link, expires_at=until, actor=who(request).actor()):
            raise LinkConflict(_("This link is not expired."))
        return _("Open again, under the same address.")

    return doing.do(request, link, panels.EXTEND, panel, act)


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

    return doing.do(request, link, panels.REPLY, panel, act)


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
        amount_minor = doing.read(
            "amount", lambda text: typed.amount_minor(text, link.currency), panel
        )
        paid = manual.record_payment(
            link,
            amount_minor=amount_minor,
            method=panel.values["method"],
            actor=who(request).actor(),
            note=doing.read("note", typed.line, panel),
            occurred_at=_paid_at(panel, formats.business_zone()),
            key=doing.key_of(panel),
            version=typed.version(panel.values["version"]),
            is_more_meant=bool(panel.values["more"]),
        )
        amount = formats.money(paid.amount_minor, paid.currency)
        return _("Payment of %s recorded.") % amount

    return doing.do(request, link, panels.RECORD, panel, act)


def _paid_at(panel: Panel, zone: ZoneInfo) -> datetime | None:
    """Noon of a day gone by, now for today; empty is now."""
    day = doing.read("paid_on", typed.day, panel)
    if day is None:
        return None
    now = clock.now()
    if day == now.astimezone(zone).date():
        return None
    return datetime.combine(day, time(12), tzinfo=zone)
