"""Adding a task, ticking it off, or giving it to somebody, from the page of its link."""

from datetime import datetime, time

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import StaffTask
from ..services import tasks_for_staff
from ..services.errors import LinkError
from . import doing, formats, panels, typed
from .entry import bounded, link_or_404, needs, who
from .panels import Panel

DUE_AT = time(9)


@require_POST
@needs(Right.LINKS_WRITE)
def task_view(request: HttpRequest, pk: int, task_pk: int) -> HttpResponse:
    """`act`: done, or change with `for` and `due_on`."""
    link = link_or_404(request, pk)
    task = link.tasks.filter(pk=bounded(task_pk)).first()
    if task is None:
        raise Http404
    panel = Panel({name: request.POST.get(name, "") for name in ("for", "due_on")})

    def act() -> str:
        if request.POST.get("act") == "done":
            tasks_for_staff.done(task, by=who(request))
            return _("Done.")
        _change(task, panel, by=who(request))
        return _("Saved.")

    return doing.do(request, link, panels.TASK, panel, act)


@require_POST
@needs(Right.LINKS_WRITE)
def add_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`text`, `for`, `due_on`, `key`: the same key again adds nothing."""
    link = link_or_404(request, pk)
    names = ("text", "for", "due_on", "key")
    panel = Panel({name: request.POST.get(name, "") for name in names})

    def act() -> str:
        if not typed.KEY.match(panel.values["key"]):
            raise LinkError(_("This form is too old. Please start again."), "form")
        try:
            text = typed.line(panel.values["text"])
        except typed.TypedError as exc:
            raise LinkError(str(exc), "text") from exc
        tasks_for_staff.add(
            link,
            text=text,
            assigned_to=_person(panel.values["for"]),
            due_at=_due_at(panel),
            key=panel.values["key"],
            by=who(request),
        )
        return _("Saved.")

    return doing.do(request, link, panels.NEW_TASK, panel, act)


def _change(task: StaffTask, panel: Panel, *, by: User) -> None:
    tasks_for_staff.change(
        task,
        assigned_to=_person(panel.values["for"]),
        due_at=_due_at(panel),
        by=by,
    )


def _due_at(panel: Panel) -> datetime:
    """In the morning of the day that was typed."""
    try:
        day = typed.day(panel.values["due_on"])
    except typed.TypedError as exc:
        raise LinkError(str(exc), "due_on") from exc
    if day is None:
        raise LinkError(_("Say by which day."), "due_on")
    return datetime.combine(day, DUE_AT, tzinfo=formats.business_zone())


def _person(key: str) -> User | None:
    if not key:
        return None
    if not key.isascii() or not key.isdecimal():
        raise Http404
    return User.objects.filter(pk=bounded(int(key)), is_active=True).first()
