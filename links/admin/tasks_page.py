"""What people are asked to do: the list of it, and the card on a link's page."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.lib import clock
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import LinkStatus, PaymentLink, StaffTask
from ..services import reviewing
from . import formats
from .entry import who
from .needs_person import needs_person

SHOWN = 20
# of one link; what is open comes first


def visible_to(user: User, rows: QuerySet[StaffTask]) -> QuerySet[StaffTask]:
    """All of them, or only those about the reader's own links."""
    if user.may(Right.LINKS_ALL):
        return rows
    return rows.filter(link__created_by=user)


def rows_of(link: PaymentLink, zone: ZoneInfo) -> dict[str, Any]:
    """What is to do about a link, for its page; two queries."""
    newest = (F("done_at").desc(nulls_first=True), "-id")
    found = link.tasks.select_related("assigned_to", "done_by").order_by(*newest)
    rows = [
        {
            "pk": task.pk,
            "text": task.text,
            "kind": task.get_kind_display(),
            "is_open": task.done_at is None,
            "for": task.assigned_to_id,
            "for_name": str(task.assigned_to or ""),
            "due": formats.day(task.due_at.astimezone(zone).date()),
            "due_on": task.due_at.astimezone(zone).date().isoformat(),
            "done": formats.moment(task.done_at, zone) if task.done_at else "",
            "done_by": str(task.done_by or ""),
        }
        for task in found[:SHOWN]
    ]
    people = list(User.objects.filter(is_active=True).order_by("email"))
    is_open = any(row["is_open"] for row in rows)
    return {"tasks": rows, "has_open_task": is_open, "people": people}


@admin.register(StaffTask)
class StaffTaskAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """A list; everything else happens on the page of the link."""

    view_right: ClassVar[Right] = Right.LINKS_READ

    list_display = ("what", "of_link", "for_whom", "due", "state")
    list_display_links = None
    list_filter = ("kind", needs_person(reviewing.tasks))
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("link__customer", "assigned_to")
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("=link__number",)
    search_help_text = gettext_lazy("Number of the link")
    actions = None

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffTask]:
        rows: QuerySet[StaffTask] = formats.with_zone(super().get_queryset(request))
        is_late = ExpressionWrapper(Q(due_at__lt=clock.now()), BooleanField())
        return visible_to(who(request), rows).annotate(is_late=is_late)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        task = self.get_object(request, object_id)
        if task is None:
            raise Http404
        return redirect(_address(task))

    @display(description=gettext_lazy("Task"))
    def what(self, task: StaffTask) -> SafeString:
        return format_html('<a class="mp-link" href="{}">{}</a>', _address(task), task)

    @display(description=gettext_lazy("Payment link"))
    def of_link(self, task: StaffTask) -> SafeString:
        customer = task.link.customer
        return format_html(
            "{} <bdi>{}</bdi>", task.link.number, customer.name if customer else ""
        )

    @display(description=gettext_lazy("For"))
    def for_whom(self, task: StaffTask) -> str:
        return str(task.assigned_to or gettext_lazy("anybody"))

    @display(description=gettext_lazy("Due"))
    def due(self, task: StaffTask) -> str:
        return formats.row_moment(task.due_at, task)

    @display(
        description=gettext_lazy("State"),
        label={"late": "danger", "open": "warning", "done": "success"},
    )
    def state(self, task: StaffTask) -> tuple[str, Any]:
        if task.done_at is not None:
            return "done", gettext_lazy("Done")
        if task.link.status not in (LinkStatus.ACTIVE, LinkStatus.EXPIRED):
            return "", task.link.get_status_display()
        if getattr(task, "is_late", False):
            return "late", gettext_lazy("To do now")
        return "open", gettext_lazy("To do")


def _address(task: StaffTask) -> str:
    page = reverse("admin:links_paymentlink_change", args=[task.link_id])
    return f"{page}#tasks"
