"""What customers wrote by SMS or WhatsApp, for whoever sees to it."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from customers.models import ContactKind, ContactPoint
from merchant_portal.lib.text import cut
from merchant_portal.staff.admin.rights import (
    RightsMixin,
    address_of,
    may,
    user_of,
    with_mask,
)
from merchant_portal.staff.roles import Right

from ..models import InboundMessage
from ..services import inbound, replies

GLANCE = 90
_MEANINGS = {
    replies.STOP: gettext_lazy("Wants no messages"),
    replies.START: gettext_lazy("Wants messages again"),
    replies.HELP: gettext_lazy("Asked for help"),
}


class NeedsPersonFilter(admin.SimpleListFilter):
    title = gettext_lazy("needs a person")
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("person", gettext_lazy("Needs a person"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[InboundMessage]
    ) -> QuerySet[InboundMessage]:
        return queryset.filter(closed_at=None) if self.value() else queryset


@admin.register(InboundMessage)
class InboundMessageAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """For who may see everybody's links: nobody knows yet whose this is."""

    view_right = Right.MESSAGES_READ

    list_display = ("words", "sender", "channel", "state", "at")
    list_filter = (NeedsPersonFilter, "channel")
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("=address",)
    search_help_text = gettext_lazy("Phone number, as +14155550100")
    fields: ClassVar[tuple[str, ...]] = ()
    actions = None
    change_form_template = "notifications/admin/text.html"

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/links.css"]}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.view_right) and may(request, Right.LINKS_ALL)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundMessage]:
        return with_mask(request, super().get_queryset(request))

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """No number is found out by trying."""
        return self.search_fields if may(request, Right.CUSTOMERS_CONTACT) else ()

    @display(description=gettext_lazy("From"))
    def sender(self, row: InboundMessage) -> str:
        return address_of(row, row.address)

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<int:pk>/close/",
            self.admin_site.admin_view(self.close_view),
            name="notifications_inboundmessage_close",
        )
        return [own, *super().get_urls()]

    @display(description=gettext_lazy("Words"))
    def words(self, row: InboundMessage) -> SafeString:
        return format_html("<bdi>{}</bdi>", cut(row.text, GLANCE) or "\N{EN DASH}")

    @display(
        description=gettext_lazy("State"),
        label={"open": "warning", "link": "success", "told": "info", "closed": ""},
    )
    def state(self, row: InboundMessage) -> tuple[str, Any]:
        return state_of(row)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is not None:
            extra_context = {**(extra_context or {}), **_page(request, row)}
        return super().change_view(  # type: ignore[no-any-return]
            request, object_id, form_url, extra_context
        )

    def close_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request) or not may(request, Right.LINKS_WRITE):
            return HttpResponse(status=403)
        row = InboundMessage.objects.filter(pk=pk).first()
        if row is None:
            raise Http404
        if inbound.close(row, by=user_of(request)):
            messages.success(request, _("Noted as seen to."))
        else:
            messages.warning(request, _("Somebody has seen to this in the meantime."))
        return redirect("admin:notifications_inboundmessage_changelist")


def state_of(row: InboundMessage) -> tuple[str, Any]:
    """A key for its colour, and words."""
    if row.is_open:
        return "open", gettext_lazy("Waits for a person")
    if row.reference:
        return "link", gettext_lazy("With its link")
    if row.meaning in _MEANINGS:
        return "told", _MEANINGS[row.meaning]
    return "closed", gettext_lazy("Seen to")


def _page(request: HttpRequest, row: InboundMessage) -> dict[str, Any]:
    points = ContactPoint.objects.filter(value=row.address, kind=ContactKind.PHONE)
    found = points.filter(customer__erased_at=None).select_related("customer")
    return {
        "title": _("Text from %s") % address_of(row, row.address),
        "sender": address_of(row, row.address),
        "row": row,
        "state_words": state_of(row)[1],
        "customers": [point.customer for point in found[:10]],
        "may_close": row.is_open and may(request, Right.LINKS_WRITE),
    }
