"""Closed days: the list, a day that is about to be closed, and its report."""

from datetime import date
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_safe,
)
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.lib import clock
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import DayClose
from ..reports.base import EARLIEST, LATEST
from ..services import till_days, till_papers, till_words, totals
from ..services.errors import LinkError
from . import formats, typed
from .entry import bounded, frame, needs, who
from .till_page import file


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.REPORTS_READ)
def close_view(request: HttpRequest) -> HttpResponse:
    """`day`: which; the page says what would be in its report, the POST closes it."""
    user = who(request)
    may_close = user.may(Right.PAYMENTS_WRITE)
    if request.method == "POST" and not may_close:
        raise PermissionDenied
    text = (request.POST if request.method == "POST" else request.GET).get("day", "")
    day, problem, status = till_days.next_day(), "", 200
    try:
        day = _read(text) or day
        if request.method == "POST":
            made = till_days.close(day, user=user)
            messages.success(request, _("Closed. The report is signed and numbered."))
            return redirect("admin:links_dayclose_change", made.pk)
    except LinkError as exc:
        problem, status = exc.message, 409 if exc.field != "day" else 422
    except typed.TypedError as exc:
        problem, status = str(exc), 422
    return _page(request, day, text, problem, status, may_close)


def _page(
    request: HttpRequest,
    day: date,
    text: str,
    problem: str,
    status: int,
    may_close: bool,
) -> HttpResponse:
    seen, last = till_days.outlook(day), till_days.last_closed()
    is_closed = last is not None and day <= last
    is_early = day > totals.business_day(clock.now())
    zone = formats.business_zone()
    context: dict[str, Any] = {
        "day": day,
        "day_shown": formats.day(day),
        "typed_day": text or day.isoformat(),
        "problem": problem,
        "is_closed": is_closed,
        "last_shown": formats.day(last) if last else "",
        "tables": [] if is_closed else till_words.of_day(till_days.figures_of(seen)),
        "open_shifts": [
            (shift, formats.moment(shift.opened_at, zone)) for shift in seen.open
        ],
        "may_close": may_close and not is_closed and not is_early and not seen.open,
    }
    return render(
        request,
        "admin/links/dayclose/close.html",
        frame(request, _("Close a day"), **context),
        status=status,
    )


def _read(text: str) -> date | None:
    day = typed.day(text)
    if day is not None and not EARLIEST <= day <= LATEST:
        raise typed.TypedError(_("Choose days from 2000 to 2199."))
    return day


def _made_or_404(pk: int) -> DayClose:
    found = DayClose.objects.select_related("closed_by").filter(pk=bounded(pk)).first()
    if found is None:
        raise Http404
    return found


@require_safe
@needs(Right.REPORTS_READ)
def page_view(request: HttpRequest, pk: int) -> HttpResponse:
    made = _made_or_404(pk)
    context = {
        "made": made,
        "day_shown": formats.day(made.day),
        "closed": formats.moment(made.closed_at, formats.business_zone()),
        "tables": till_words.of_day(made.figures or {}),
        "signature": till_papers.signature(made),
        "problems": till_days.problems(made),
    }
    return render(
        request,
        "admin/links/dayclose/page.html",
        frame(request, str(made.number), **context),
    )


@require_GET
@needs(Right.REPORTS_READ)
def pdf_view(request: HttpRequest, pk: int) -> HttpResponse:
    made = _made_or_404(pk)
    return file(till_papers.of_day(made), f"{made.number}.pdf")


VIEWS = (
    ("close/", "close", close_view),
    ("<int:pk>/change/", "change", page_view),
    ("<int:pk>/report.pdf", "pdf", pdf_view),
)


@admin.register(DayClose)
class DayCloseAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.REPORTS_READ

    list_display = ("number_shown", "day_shown", "by", "shift_count")
    list_display_links = ("number_shown",)
    list_fullwidth = True
    list_select_related = ("closed_by",)
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    list_before_template = "admin/links/dayclose/about.html"

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[DayClose]:
        return formats.with_zone(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(route, self.admin_site.admin_view(view), name=f"links_dayclose_{name}")
            for route, name, view in VIEWS
        ]
        theirs = [
            pattern
            for pattern in super().get_urls()
            if pattern.name == "links_dayclose_changelist"
        ]
        return [*theirs, *ours]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": _("Closed days"), **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[no-any-return]

    @display(description=gettext_lazy("Number"))
    def number_shown(self, made: DayClose) -> str:
        return made.number or formats.NOTHING

    @display(description=gettext_lazy("Day"))
    def day_shown(self, made: DayClose) -> str:
        return formats.day(made.day)

    @display(description=gettext_lazy("Closed by"))
    def by(self, made: DayClose) -> SafeString:
        return format_html(
            '<bdi>{}</bdi> <span class="mp-muted mp-nowrap">{}</span>',
            str(made.closed_by),
            formats.row_moment(made.closed_at, made),
        )

    @display(description=gettext_lazy("Shifts"))
    def shift_count(self, made: DayClose) -> int:
        return len((made.figures or {}).get("shifts", []))
