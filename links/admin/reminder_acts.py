"""Leaving a link or a customer alone for a while, and the plan they are on."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from customers.admin import panels as customer_panels
from customers.models import Customer
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import CustomerPlan, ReminderPlan
from ..services import pausing, planning
from ..services.errors import LinkConflict, LinkError
from . import doing, formats, panels, reminder_form, typed
from .entry import bounded, link_or_404, needs, who
from .panels import Panel

GOES_ON_AT = time(8)


@require_POST
@needs(Right.LINKS_WRITE)
def pause_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`reason`, `until`: no reminders for this link before that day."""
    link = link_or_404(request, pk)
    panel = _typed(request)

    def act() -> str:
        until = _until(panel, formats.business_zone())
        pausing.pause(link, reason=panel.values["reason"], until=until, by=who(request))
        return _("No reminders until %s.") % formats.day(until.date())

    return doing.do(request, link, panels.PAUSE, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def resume_view(request: HttpRequest, pk: int) -> HttpResponse:
    link = link_or_404(request, pk)

    def act() -> str:
        pausing.resume(link, by=who(request))
        return _("Reminders go on, in half a day at the earliest.")

    return doing.do(request, link, panels.PAUSE, Panel(), act)


@require_POST
@needs(Right.LINKS_WRITE)
def plan_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`plan`: its key; empty is the customer's or the default."""
    link = link_or_404(request, pk)

    def act() -> str:
        planning.use_for_link(link, _plan(request), by=who(request))
        return _("Saved. Steps that were taken before are not taken again.")

    return doing.do(request, link, panels.PAUSE, Panel(), act)


@require_POST
@needs(Right.LINKS_ALL)
@needs(Right.LINKS_WRITE)
def customer_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`act`: pause, resume or plan, for all links of a customer."""
    customer = Customer.objects.filter(pk=bounded(pk)).first()
    if customer is None:
        raise Http404
    panel = _typed(request)
    try:
        _do_for(customer, request.POST.get("act", ""), panel, request)
    except LinkError as exc:
        messages.error(request, exc.message)
    except LinkConflict as exc:
        messages.warning(request, exc.message)
    return redirect("admin:customers_customer_change", customer.pk)


def _do_for(customer: Customer, act: str, panel: Panel, request: HttpRequest) -> None:
    by = who(request)
    match act:
        case "pause":
            until = _until(panel, formats.business_zone())
            pausing.pause(customer, reason=panel.values["reason"], until=until, by=by)
            said = _("No reminders until %s.") % formats.day(until.date())
        case "resume":
            pausing.resume(customer, by=by)
            said = _("Reminders go on, in half a day at the earliest.")
        case "plan":
            planning.use_for_customer(customer, _plan(request), by=by)
            said = _("Saved. Steps that were taken before are not taken again.")
        case _:
            raise Http404
    messages.success(request, said)


def _typed(request: HttpRequest) -> Panel:
    return Panel({name: request.POST.get(name, "") for name in ("reason", "until")})


def _until(panel: Panel, zone: ZoneInfo) -> datetime:
    """The morning of the day on which reminders may go on."""
    try:
        day = typed.day(panel.values["until"])
    except typed.TypedError as exc:
        raise LinkError(str(exc), "until") from exc
    if day is None:
        raise LinkError(_("Say on which day they may go on."), "until")
    return datetime.combine(day, GOES_ON_AT, tzinfo=zone)


def _plan(request: HttpRequest) -> ReminderPlan | None:
    key = request.POST.get("plan", "")
    if not key:
        return None
    if not key.isascii() or not key.isdecimal():
        raise Http404
    plan = ReminderPlan.objects.filter(pk=bounded(int(key))).first()
    if plan is None:
        raise LinkError(_("There is no such plan any more."), "form")
    return plan


@customer_panels.register
def reminders_of(request: HttpRequest, customer: Customer) -> SafeString:
    """The plan of a customer's links, and whether they are left alone."""
    user: User = who(request)
    if not (user.may(Right.LINKS_READ) and user.may(Right.LINKS_ALL)):
        return SafeString("")
    zone = formats.business_zone()
    chosen = CustomerPlan.objects.filter(customer=customer).first()
    return render_to_string(
        "admin/links/customer_reminders.html",
        {
            "customer": customer,
            "plans": list(ReminderPlan.objects.order_by("name")),
            "plan_id": chosen.plan_id if chosen else None,
            "pause": reminder_form.pause_of(customer, zone),
            "may_write": user.may(Right.LINKS_WRITE),
        },
        request,
    )
