"""Imports of links: the list of them, and the acts on one."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
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
from merchant_portal.staff.roles import Right

from ..models import ImportState, LinkImport, PaymentLink
from ..services import imports
from ..services.errors import LinkConflict, LinkError
from . import bulk, formats, import_form, import_pages, typed
from .entry import needs, who


@require_POST
@needs(Right.LINKS_WRITE)
def set_up_view(request: HttpRequest, pk: int) -> HttpResponse:
    """What the columns are; then every row is checked. Or read the text otherwise."""
    job = import_pages.job_or_404(request, pk)
    setup = import_form.posted(request.POST)
    try:
        if request.POST.get("act") == "read":
            imports.read_as(
                job,
                request.POST.get("encoding", ""),
                request.POST.get("separator", ""),
            )
        else:
            imports.set_up(job, setup)
    except LinkError as exc:
        status = 409 if isinstance(exc, LinkConflict) else 422
        return import_pages.show(
            request, job, wants_columns=True, setup=setup, refused=exc, status=status
        )
    return redirect("admin:links_linkimport_change", job.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def start_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the links, all or of the good rows; the same click twice starts it once."""
    job = import_pages.job_or_404(request, pk)
    try:
        imports.start(
            job,
            good_only=request.POST.get("rows") == "good",
            again=bool(request.POST.get("again")),
            version=typed.version(request.POST.get("version", "")),
            actor=who(request).actor(),
        )
    except LinkError as exc:
        job.refresh_from_db()
        status = 409 if isinstance(exc, LinkConflict) else 422
        return import_pages.show(request, job, refused=exc, status=status)
    return redirect("admin:links_linkimport_change", job.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def stop_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Make no links of it, and drop the file."""
    job = import_pages.job_or_404(request, pk)
    if not imports.stop(job, actor=who(request).actor()):
        messages.warning(request, _("Its links were made already."))
    return redirect("admin:links_linkimport_change", job.pk)


@require_POST
@needs(Right.LINKS_WRITE)
def send_view(request: HttpRequest, pk: int) -> HttpResponse:
    """A sending to all links of it, which shows what it would do before it starts."""
    job = import_pages.job_or_404(request, pk)
    if job.state != ImportState.DONE:
        return redirect("admin:links_linkimport_change", job.pk)
    mine = PaymentLink.objects.visible_to(who(request)).filter(imported_in=job)
    return bulk.prepare(request, mine)


VIEWS = (
    ("add/", "add", import_pages.add_view),
    ("<int:pk>/change/", "change", import_pages.page_view),
    ("<int:pk>/live/", "live", import_pages.live_view),
    ("<int:pk>/mistakes.csv", "mistakes", import_pages.problems_view),
    ("<int:pk>/results.csv", "results", import_pages.results_view),
    ("<int:pk>/columns/", "columns", set_up_view),
    ("<int:pk>/start/", "start", start_view),
    ("<int:pk>/stop/", "stop", stop_view),
    ("<int:pk>/send/", "send", send_view),
)


@admin.register(LinkImport)
class LinkImportAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """A list; every other page of an import is a plain view."""

    view_right: ClassVar[Right] = Right.LINKS_READ
    add_right = Right.LINKS_WRITE

    list_display = ("begun", "state_shown", "size", "made", "by")
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkImport]:
        jobs: QuerySet[LinkImport] = super().get_queryset(request)
        visible: QuerySet[LinkImport] = jobs.visible_to(who(request))  # type: ignore[attr-defined]
        return formats.with_zone(visible)

    def get_urls(self) -> list[URLPattern]:
        """The list is Django's; what it would answer for one import is ours."""
        ours = [
            path(
                route,
                self.admin_site.admin_view(view),
                name=f"links_linkimport_{name}",
            )
            for route, name, view in VIEWS
        ]
        theirs = [
            pattern
            for pattern in super().get_urls()
            if pattern.name == "links_linkimport_changelist"
        ]
        return [*theirs, *ours]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": _("Imports of links"), **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    @display(description=gettext_lazy("File"))
    def begun(self, job: LinkImport) -> SafeString:
        return format_html(
            '<a class="mp-link" href="{}"><bdi>{}</bdi></a><br><span class="mp-nowrap">{}</span>',
            reverse("admin:links_linkimport_change", args=[job.pk]),
            job.file_name or job.public_id,
            formats.row_moment(job.created_at, job),
        )

    @display(description=gettext_lazy("State"), label=import_pages.STATE_COLORS)
    def state_shown(self, job: LinkImport) -> tuple[str, Any]:
        return job.state, job.get_state_display()

    @display(description=gettext_lazy("Rows"))
    def size(self, job: LinkImport) -> int | str:
        return job.size or formats.NOTHING

    @display(description=gettext_lazy("Links"))
    def made(self, job: LinkImport) -> int | str:
        return job.made or formats.NOTHING

    @display(description=gettext_lazy("By"))
    def by(self, job: LinkImport) -> SafeString:
        return format_html("<bdi>{}</bdi>", str(job.created_by))
