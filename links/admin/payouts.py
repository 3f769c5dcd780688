"""Payouts: what providers sent to the merchant's bank, to read."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.provider_keys import KEY_SETS
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import Payout
from ..providers.registry import PROVIDERS, get_provider
from . import formats
from .labels import PAYOUT_COLORS
from .report_filter import FromReportMixin, behind


class ProviderFilter(admin.SimpleListFilter):
    title = gettext_lazy("provider")
    parameter_name = "provider"

    def lookups(
        self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]"
    ) -> list[tuple[str, Any]]:
        known = ((slug, get_provider(slug)) for slug in PROVIDERS)
        return [(slug, one.title) for slug, one in known if one.capabilities.payouts]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Payout]
    ) -> QuerySet[Payout]:
        slug = self.value()
        return queryset.filter(account__slug=slug) if slug else queryset


@admin.register(Payout)
class PayoutAdmin(RightsMixin, FromReportMixin, ModelAdmin):  # type: ignore[misc]
    """Sums of the whole account: for those who see its reports."""

    view_right: ClassVar[Right] = Right.REPORTS_READ

    list_display = ("begun", "state_label", "amount_shown", "provider", "arrives")
    list_display_links = ("begun",)
    list_filter = ("state", ProviderFilter, behind(Payout))
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("account",)
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-created_at", "-id")
    sortable_by = ()
    search_fields = ("=public_id", "=provider_payout_id")
    search_help_text = gettext_lazy("Payout's number, here or at the provider")
    actions = None
    fields = (
        "public_id",
        "state_shown",
        "amount_shown",
        "provider",
        "begun",
        "arrives",
        "provider_payout_id",
    )
    readonly_fields = ("state_shown", "amount_shown", "provider", "begun", "arrives")

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payout]:
        return formats.with_zone(super().get_queryset(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        known = [get_provider(slug) for slug in KEY_SETS]
        silent = [one.title for one in known if not one.capabilities.payouts]
        context = {**(extra_context or {}), "silent_providers": silent}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    @display(description=gettext_lazy("Sent on"))
    def begun(self, payout: Payout) -> str:
        return formats.row_moment(payout.created_at, payout)

    @display(description=gettext_lazy("State"), label=PAYOUT_COLORS)
    def state_label(self, payout: Payout) -> tuple[str, str]:
        return payout.state, payout.get_state_display()

    @display(description=gettext_lazy("State"))
    def state_shown(self, payout: Payout) -> str:
        return str(payout.get_state_display())

    @display(description=gettext_lazy("Amount"))
    def amount_shown(self, payout: Payout) -> SafeString:
        return format_html(
            '<span class="mp-figure">{}</span>',
            formats.money(payout.amount_minor, payout.currency),
        )

    @display(description=gettext_lazy("Provider"))
    def provider(self, payout: Payout) -> str:
        slug = payout.account.slug
        return str(get_provider(slug).title) if slug in PROVIDERS else slug

    @display(description=gettext_lazy("Expected at the bank"))
    def arrives(self, payout: Payout) -> str:
        return formats.day(payout.arrives_on) if payout.arrives_on else formats.NOTHING
