"""Sending from a link's page: now with some seconds to undo, later, or back again."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.staff.roles import Right

from ..models import PaymentLink, PlannedSend, PlanState
from ..services import later, recalling, sending
from ..services.errors import LinkConflict
from . import doing, formats, panels, typed, when
from .entry import bounded, link_or_404, needs, who
from .panels import Panel


def go(
    request: HttpRequest,
    link: PaymentLink,
    channels: Sequence[str],
    *,
    at: datetime | None,
    key: str,
) -> str:
    """Send it, or plan that; what to tell. The same `key` again does nothing."""
    actor = who(request).actor()
    if at is not None:
        return _tell_planned(
            request, link, later.plan(link, channels, at=at, actor=actor, key=key)
        )
    seconds = Business.objects.current().undo_seconds
    if not seconds:
        sent = sending.send(link, channels, actor=actor, key=key)
        return _("Done. The link is on its way.") if sent else _("It was sent already.")
    row = later.plan_undoable(link, channels, seconds=seconds, actor=actor, key=key)
    if row.state != PlanState.WAITING:
        return _("It was sent already.")
    return ngettext(
        "It leaves in %d second. Until then you can take it back.",
        "It leaves in %d seconds. Until then you can take it back.",
        seconds,
    ) % (seconds)


def _tell_planned(request: HttpRequest, link: PaymentLink, row: PlannedSend) -> str:
    if later.is_at_night(link, row.due_at):
        messages.warning(
            request,
            _(
                "That is outside 08:00–21:00 where the customer may be. It leaves all"  # noqa: RUF001 - from, to
                " the same, because you said so; change the time below if you did not"
                " mean it."
            ),
        )
    zone = zone_of(link.customer)
    return _("Planned. It leaves on %s, their time.") % formats.weekday_moment(
        row.due_at, zone
    )


@require_POST
@needs(Right.LINKS_WRITE)
def send_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`channels`, `when`, `send_at`, `key`: the same key again sends nothing twice."""
    link = link_or_404(request, pk)
    panel = Panel(
        {
            "key": request.POST.get("key", ""),
            "when": request.POST.get("when", when.NOW),
            "send_at": request.POST.get("send_at", ""),
        },
        channels=tuple(request.POST.getlist("channels")),
    )

    def act() -> str:
        key = doing.key_of(panel)
        at = when.read(panel.values, link.customer)
        return go(request, link, panel.channels, at=at, key=key)

    return doing.do(request, link, panels.SEND, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def planned_view(request: HttpRequest, pk: int, plan_pk: int) -> HttpResponse:
    """Let a planned send leave at another moment, or take it back (`act`: undo)."""
    link = link_or_404(request, pk)
    row = link.planned_sends.filter(pk=bounded(plan_pk)).first()
    if row is None:
        raise Http404
    panel = Panel({"plan": str(row.pk), "send_at": request.POST.get("send_at", "")})

    def act() -> str:
        actor = who(request).actor()
        if request.POST.get("act") != "undo":
            at = when.typed_moment(panel.values["send_at"], link.customer)
            later.move(row, at=at, actor=actor)
            row.refresh_from_db()
            return _tell_planned(request, link, row)
        if later.take_back(row, actor=actor):
            return _("It was taken back; nothing was sent.")
        row.refresh_from_db()
        if row.state == PlanState.TAKEN_BACK:
            return _("It was taken back already; nothing was sent.")
        raise LinkConflict(
            _("It has left already. You can still recall the link.")
            if row.state == PlanState.GONE
            else _("It will not leave any more: the timeline says why.")
        )

    return doing.do(request, link, panels.PLANNED, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
@needs(Right.LINKS_CHANGE_SENT)
def recall_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw a link that was sent; `reason` stands on its page, `tell` writes it."""
    link = link_or_404(request, pk)
    panel = Panel(
        {name: request.POST.get(name, "") for name in ("reason", "tell", "version")}
    )

    def act() -> str:
        done = recalling.recall(
            link,
            actor=who(request).actor(),
            reason=doing.read("reason", typed.line, panel),
            tell=bool(panel.values["tell"]),
            version=typed.version(panel.values["version"]),
        )
        if not done:
            raise LinkConflict(_("This link is closed or paid already."))
        return _("Recalled. Whoever opens the link reads that it was withdrawn.")

    return doing.do(request, link, panels.RECALL, panel, act)
