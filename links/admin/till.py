"""Shifts at the till: the list of them; every other page is a plain view."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import Shift
from ..services import till, till_words
from . import formats, till_acts, till_count, till_page
from .entry import who
from .labels import SHIFT_COLORS

VIEWS = (
    ("open/", "open", till_acts.open_view),
    ("<int:pk>/change/", "change", till_page.page_view),
    ("<int:pk>/take/", "take", till_acts.take_view),
    ("<int:pk>/move/", "move", till_acts.move_view),
    ("<int:pk>/count/", "count", till_count.count_view),
    ("<int:pk>/report.pdf", "pdf", till_page.pdf_view),
)


@admin.register(Shift)
class ShiftAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """Sums of the whole shop: for those who see its reports."""

    view_right: ClassVar[Right] = Right.REPORTS_READ

    list_display = ("begun", "state_shown", "register_shown", "who_opened", "apart")
    list_display_links = ("begun",)
    list_filter = ("state",)
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("opened_by",)
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("=number", "=public_id")
    search_help_text = gettext_lazy("Number of the report, or of the shift")
    actions = None
    list_before_template = "admin/links/shift/about.html"

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shift]:
        return formats.with_zone(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        """The list is Django's; what it would answer for one shift is ours."""
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"links_shift_{name}")
            for route, name, view in VIEWS
        ]
        theirs = [
            pattern
            for pattern in super().get_urls()
            if pattern.name == "links_shift_changelist"
        ]
        return [*theirs, *ours]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = who(request)
        context = {
            "title": _("Till"),
            "own_shift": till.own(user.pk),
            "may_open": user.may(Right.PAYMENTS_WRITE),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    @display(description=gettext_lazy("Shift"))
    def begun(self, shift: Shift) -> str:
        return shift.number or formats.row_moment(shift.opened_at, shift)

    @display(description=gettext_lazy("State"), label=SHIFT_COLORS)
    def state_shown(self, shift: Shift) -> tuple[str, str]:
        return shift.state, str(shift.get_state_display())

    @display(description=gettext_lazy("Till"))
    def register_shown(self, shift: Shift) -> SafeString:
        return format_html("<bdi>{}</bdi>", shift.register)

    @display(description=gettext_lazy("By"))
    def who_opened(self, shift: Shift) -> SafeString:
        return format_html(
            '<bdi>{}</bdi> <span class="mp-muted mp-nowrap">{}</span>',
            str(shift.opened_by),
            formats.row_moment(shift.opened_at, shift),
        )

    @display(description=gettext_lazy("Over or short"))
    def apart(self, shift: Shift) -> str:
        """From what was kept at the close: no query a row."""
        rows = (shift.figures or {}).get("cash", [])
        said = [till_words.apart(row["over"], row["currency"]) for row in rows]
        return ", ".join(dict.fromkeys(said)) or formats.NOTHING
