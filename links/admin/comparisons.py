"""Comparisons with providers: reports that a bookkeeper reads, and what to do about them."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import Comparison, ComparisonState, ProviderAccount
from ..providers.registry import PROVIDERS
from ..services import comparisons, reviewing
from ..services.errors import LinkError
from . import comparison_report, formats
from .entry import bounded, needs, who
from .labels import COMPARISON_COLORS
from .needs_person import needs_person


@require_POST
@needs(Right.AUDIT_READ)
@needs(Right.PAYMENTS_RESOLVE)
def compare_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Compare this account now, and show how it goes."""
    account = ProviderAccount.objects.filter(pk=bounded(pk)).first()
    if account is None or account.slug not in PROVIDERS or account.slug == "manual":
        raise Http404
    try:
        asked = comparisons.ask(account, actor=who(request).actor())
    except LinkError as exc:
        messages.error(request, exc.message)
        return redirect("admin:links_provideraccount_change", account.pk)
    return redirect("admin:links_comparison_change", asked.pk)


@require_POST
@needs(Right.AUDIT_READ)
@needs(Right.PAYMENTS_RESOLVE)
def reviewed_view(request: HttpRequest, pk: int) -> HttpResponse:
    """A person saw to what is left; `reason` says what came of it."""
    comparison = Comparison.objects.filter(pk=bounded(pk)).first()
    if comparison is None:
        raise Http404
    try:
        done = comparisons.deal_with(
            comparison,
            reason=request.POST.get("reason", ""),
            actor=who(request).actor(),
        )
    except LinkError as exc:
        messages.error(request, exc.message)
    else:
        if done:
            messages.success(request, _("Marked as dealt with."))
    return redirect("admin:links_comparison_change", comparison.pk)


def to_do() -> list[tuple[str, str]]:
    """What reports left for a person, in words, and where; one query."""
    found = reviewing.comparisons().aggregate(
        left=Sum("open_count"),
        failed=Count("id", filter=Q(state=ComparisonState.FAILED)),
        first=Min("id"),
        reports=Count("id"),
    )
    url = reverse("admin:links_comparison_changelist") + "?needs=person"
    if found["reports"] == 1:
        url = reverse("admin:links_comparison_change", args=[found["first"]])
    said = []
    if left := found["left"] or 0:
        words = ngettext(
            "%d difference between our books and a provider's",
            "%d differences between our books and a provider's",
            left,
        )
        said.append((words % left, url))
    if failed := found["failed"]:
        words = ngettext(
            "%d comparison that came to no end",
            "%d comparisons that came to no end",
            failed,
        )
        said.append((words % failed, url))
    return said


@admin.register(Comparison)
class ComparisonAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.AUDIT_READ

    list_display = ("begun", "account_shown", "state_label", "seen", "outcome")
    list_display_links = ("begun",)
    list_filter = ("state", needs_person(reviewing.comparisons))
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    list_before_template = "admin/links/comparison/about.html"
    change_form_outer_before_template = "admin/links/comparison/report.html"

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Comparison]:
        rows = (
            super()
            .get_queryset(request)
            .select_related("account", "asked_by", "reviewed_by")
        )
        return formats.with_zone(rows)

    def get_fields(
        self, request: HttpRequest, obj: Comparison | None = None
    ) -> list[Any]:
        """None: the report says all of it in words."""
        return []

    def get_urls(self) -> list[URLPattern]:
        reviewed = path(
            "<int:pk>/reviewed/",
            self.admin_site.admin_view(reviewed_view),
            name="links_comparison_reviewed",
        )
        return [reviewed, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        comparison = self.get_object(request, object_id)
        if comparison is None:
            raise Http404
        context = {
            "report": comparison_report.of(comparison),
            "may_act": who(request).may(Right.PAYMENTS_RESOLVE),
            **(extra_context or {}),
        }
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, context
        )
        return answer

    @display(description=gettext_lazy("Begun"))
    def begun(self, comparison: Comparison) -> str:
        at = comparison.started_at or comparison.asked_at
        return formats.row_moment(at, comparison)

    @display(description=gettext_lazy("Provider"))
    def account_shown(self, comparison: Comparison) -> str:
        return comparison_report.title_of(comparison.account)

    @display(description=gettext_lazy("State"), label=COMPARISON_COLORS)
    def state_label(self, comparison: Comparison) -> tuple[str, str]:
        return comparison.state, comparison.get_state_display()

    @display(description=gettext_lazy("Payments looked at"))
    def seen(self, comparison: Comparison) -> str:
        if comparison.state != ComparisonState.DONE:
            return formats.NOTHING
        return str(comparison.seen_count)

    @display(description=gettext_lazy("What came of it"))
    def outcome(self, comparison: Comparison) -> str:
        if comparison.state != ComparisonState.DONE:
            return comparison.problem or formats.NOTHING
        said = []
        if left := comparison.open_count:
            said.append(
                ngettext("%d difference left", "%d differences left", left) % left
            )
            if comparison.reviewed_at is not None:
                said.append(_("dealt with"))
        if booked := comparison.booked_count:
            said.append(_("%d booked by it") % booked)
        return ", ".join(said) or _("The books agree.")
