"""Webhooks as they came, and another try for those that were given up."""

from typing import ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.staff.admin.rights import RightsMixin, with_mask
from merchant_portal.staff.roles import Right

from ..models import WebhookEvent
from ..services import reviewing
from . import formats
from .entry import bounded, needs, who
from .labels import EVENT_COLORS


@require_POST
@needs(Right.BUSINESS_WRITE)
def again_view(request: HttpRequest, pk: int) -> HttpResponse:
    event = WebhookEvent.objects.filter(pk=bounded(pk)).first()
    if event is None:
        raise Http404
    if reviewing.try_again(event, actor=who(request).actor()):
        messages.success(request, _("It is being worked on again."))
    else:
        messages.info(
            request, _("It is being worked on already; there is nothing to do.")
        )
    return redirect("admin:links_webhookevent_change", event.pk)


@admin.register(WebhookEvent)
class WebhookEventAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.AUDIT_READ

    list_display = ("received", "state_label", "account", "kind", "tries", "last_error")
    list_display_links = ("received",)
    list_filter = ("state",)
    list_fullwidth = True
    list_select_related = ("account",)
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("=event_id",)
    search_help_text = gettext_lazy("The provider's event number")
    actions = None
    change_form_outer_before_template = "admin/links/webhookevent/again.html"
    fields = (
        "received",
        "state_shown",
        "account",
        "kind",
        "event_id",
        "is_verified",
        "tries",
        "last_error",
        "body_shown",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        return with_mask(request, formats.with_zone(super().get_queryset(request)))

    def get_urls(self) -> list[URLPattern]:
        again = path(
            "<int:pk>/again/",
            self.admin_site.admin_view(again_view),
            name="links_webhookevent_again",
        )
        return [again, *super().get_urls()]

    @display(description=gettext_lazy("Received"))
    def received(self, event: WebhookEvent) -> str:
        return formats.row_moment(event.received_at, event)

    @display(description=gettext_lazy("State"), label=EVENT_COLORS)
    def state_label(self, event: WebhookEvent) -> tuple[str, str]:
        return event.state, event.get_state_display()

    @display(description=gettext_lazy("State"))
    def state_shown(self, event: WebhookEvent) -> str:
        return str(event.get_state_display())

    @display(description=gettext_lazy("Body"))
    def body_shown(self, event: WebhookEvent) -> SafeString:
        if getattr(event, "is_masked", True):
            return format_html(
                '<span class="mp-muted">{}</span>', _("Not shown to you")
            )
        return format_html('<pre class="mp-body" tabindex="0">{}</pre>', event.body)
