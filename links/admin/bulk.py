"""Sendings to many: the list of them, what one will do, how it goes, what came of it."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import BulkSend, PaymentLink
from ..services import bulk
from ..services.errors import LinkError
from . import bulk_pages, formats
from .bulk_words import STATE_COLORS
from .entry import needs, who

ACTS: dict[str, Callable[..., None]] = {
    "pause": bulk.pause,
    "resume": bulk.resume,
    "stop": bulk.stop,
}


def prepare(request: HttpRequest, chosen: QuerySet[PaymentLink]) -> HttpResponse:
    """A job for these links, and the page that says what it would do."""
    try:
        made = bulk.draft(chosen, by=who(request))
    except LinkError as exc:
        messages.warning(request, exc.message)
        return redirect("admin:links_paymentlink_changelist")
    return redirect("admin:links_bulksend_change", made.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def start_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`way`: how; the same click twice starts it once."""
    job = bulk_pages.job_or_404(request, pk)
    try:
        bulk.start(job, way=request.POST.get("way", ""), actor=who(request).actor())
    except LinkError as exc:
        messages.warning(request, exc.message)
    return redirect("admin:links_bulksend_change", job.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def act_view(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Pause, resume or stop it."""
    job = bulk_pages.job_or_404(request, pk)
    if act not in ACTS:
        raise Http404
    try:
        ACTS[act](job, actor=who(request).actor())
    except LinkError as exc:
        messages.warning(request, exc.message)
    return redirect("admin:links_bulksend_change", job.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def again_view(request: HttpRequest, pk: int) -> HttpResponse:
    """A new job for those whose message failed; nothing leaves before it is started."""
    job = bulk_pages.job_or_404(request, pk)
    try:
        made = bulk.draft_again(job, by=who(request))
    except LinkError:
        messages.info(request, _("Nothing of it failed."))
        return redirect("admin:links_bulksend_change", job.pk)
    return redirect("admin:links_bulksend_change", made.pk)


VIEWS = (
    ("<int:pk>/change/", "change", bulk_pages.page_view),
    ("<int:pk>/live/", "live", bulk_pages.live_view),
    ("<int:pk>/results.csv", "csv", bulk_pages.csv_view),
    ("<int:pk>/results.xlsx", "xlsx", bulk_pages.xlsx_view),
    ("<int:pk>/start/", "start", start_view),
    ("<int:pk>/again/", "again", again_view),
    ("<int:pk>/<slug:act>/", "act", act_view),
)


@admin.register(BulkSend)
class BulkSendAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """A list; every other page of a job is a plain view."""

    view_right: ClassVar[Right] = Right.LINKS_READ

    list_display = ("begun", "state_shown", "size", "way_shown", "by")
    list_display_links = None
    list_filter = ("state",)
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("created_by",)
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    actions = None

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkSend]:
        jobs: QuerySet[BulkSend] = super().get_queryset(request)
        visible: QuerySet[BulkSend] = jobs.visible_to(who(request))  # type: ignore[attr-defined]
        return formats.with_zone(visible)

    def get_urls(self) -> list[URLPattern]:
        """The list is Django's; what it would answer for one job is ours."""
        ours = [
            path(
                route,
                self.admin_site.admin_view(view),
                name=f"links_bulksend_{name}",
            )
            for route, name, view in VIEWS
        ]
        theirs = [
            pattern
            for pattern in super().get_urls()
            if pattern.name == "links_bulksend_changelist"
        ]
        return [*theirs, *ours]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": _("Sendings to many"), **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    @display(description=gettext_lazy("Begun"))
    def begun(self, job: BulkSend) -> SafeString:
        return format_html(
            '<a class="mp-link mp-nowrap" href="{}">{}</a>',
            reverse("admin:links_bulksend_change", args=[job.pk]),
            formats.row_moment(job.started_at or job.created_at, job),
        )

    @display(description=gettext_lazy("State"), label=STATE_COLORS)
    def state_shown(self, job: BulkSend) -> tuple[str, Any]:
        return job.state, job.get_state_display()

    @display(description=gettext_lazy("Links"))
    def size(self, job: BulkSend) -> int:
        return job.size

    @display(description=gettext_lazy("How"))
    def way_shown(self, job: BulkSend) -> str:
        return job.get_way_display()

    @display(description=gettext_lazy("By"))
    def by(self, job: BulkSend) -> SafeString:
        person: User = job.created_by
        return format_html("<bdi>{}</bdi>", str(person))
