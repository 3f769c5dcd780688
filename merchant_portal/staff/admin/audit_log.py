"""The audit log on a screen; it lives here because audit stands below the rights."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.db import transaction
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import spreadsheets

from .. import step_up
from ..models import ApiKey, User
from ..roles import Right
from . import audit_check
from .rights import RightsMixin, actor_of, may, needs

THINGS = {
    "link": _("Payment links"),
    "payment": _("Payments"),
    "refund": _("Refunds"),
    "dispute": _("Disputes"),
    "customer": _("Customers"),
    "user": _("Staff"),
    "api_key": _("API keys"),
    "provider_account": _("Provider accounts"),
    "business": _("Business"),
    "template": _("Message texts"),
    "reminder_plan": _("Reminder plans"),
    "audit": _("Audit log"),
}
"""What an act was done to, as its name begins."""
CHUNK = 1_000
MOST_ACTORS = 200
# names in the filter; a shop with more finds them by their id


class ThingFilter(admin.SimpleListFilter):
    title = _("what")
    parameter_name = "thing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(THINGS.items())

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        thing = self.value()
        known = thing in THINGS
        return queryset.filter(action__startswith=f"{thing}.") if known else queryset


class ActorFilter(admin.SimpleListFilter):
    title = _("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        people = [
            (user.public_id, str(user))
            for user in User.objects.order_by("name", "email")[:MOST_ACTORS]
        ]
        keys = [(key.public_id, key.name) for key in ApiKey.objects.all()[:MOST_ACTORS]]
        return [*people, *keys]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry]
    ) -> QuerySet[AuditEntry]:
        return queryset.filter(actor=self.value()) if self.value() else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """Who did what, newest first; only ever read."""

    view_right = Right.AUDIT_READ

    list_display = ("at", "actor_shown", "action", "of")
    list_display_links = ("at",)
    fields = (
        "sequence",
        "at",
        "actor_shown",
        "actor",
        "action",
        "object_id",
        "details",
        "hash",
        "key_version",
    )
    list_filter = (ThingFilter, ActorFilter, ("at", RangeDateFilter))
    list_filter_submit = True
    list_fullwidth = True
    list_before_template = "admin/staff/auditlog/about.html"
    search_fields = ("=actor", "=object_id", "=action")
    search_help_text = "usr_…, plk_…, link.canceled"
    ordering = ("-sequence",)
    sortable_by = ()
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = InfinitePaginator
    list_per_page = 100
    actions = None

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Entries that know what their actor is called today."""
        found: QuerySet[AuditEntry] = super().get_queryset(request)
        people = User.objects.filter(public_id=OuterRef("actor"))
        named = people.annotate(
            called=Coalesce(
                NullIf("name", Value("")), "email", output_field=CharField()
            )
        ).values("called")[:1]
        keys = ApiKey.objects.filter(public_id=OuterRef("actor")).values("name")[:1]
        return found.annotate(
            actor_name=Coalesce(
                Subquery(named), Subquery(keys), output_field=CharField()
            )
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "verify/", view(audit_check.verify_view), name="audit_auditentry_verify"
            ),
            path(
                "download/",
                view(require_POST(needs(Right.EXPORTS_READ)(self.download_view))),
                name="audit_auditentry_download",
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        own = {
            "title": gettext("Audit log"),
            "query": request.GET.urlencode(),
            "may_export": may(request, Right.EXPORTS_READ),
        }
        return super().changelist_view(  # type: ignore[no-any-return]
            request, {**own, **(extra_context or {})}
        )

    def download_view(self, request: HttpRequest) -> HttpResponse:
        """What the list shows, all of it, as CSV."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        page = reverse("admin:audit_auditentry_changelist")
        if proof := step_up.ask(request, back=f"{page}?{request.GET.urlencode()}"):
            return proof
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(page)
        with transaction.atomic():
            audit.record(actor_of(request).id, "audit.downloaded", "audit")
        return spreadsheets.download("audit-log", _lines(rows))  # type: ignore[return-value]

    @display(description=_("Who"))
    def actor_shown(self, entry: AuditEntry) -> str:
        return getattr(entry, "actor_name", None) or entry.actor

    @display(description=_("Of"))
    def of(self, entry: AuditEntry) -> SafeString:
        """And the way to all that was done to it."""
        return format_html(
            '<a class="mp-link" href="?q={}">{}</a>', entry.object_id, entry.object_id
        )


def _lines(rows: QuerySet[AuditEntry]) -> Iterator[Sequence[object]]:
    """A title, then the entries, newest first, some at a time by number."""
    yield (
        *(gettext("Number"), gettext("When"), gettext("Who"), gettext("Id")),
        *(gettext("Act"), gettext("Of"), gettext("Details"), gettext("Hash")),
    )
    last: int | None = None
    rows = rows.order_by("-sequence")
    while chunk := list(
        (rows if last is None else rows.filter(sequence__lt=last))[:CHUNK]
    ):
        for entry in chunk:
            yield (
                *(entry.sequence, entry.at.isoformat(timespec="seconds")),
                *(getattr(entry, "actor_name", None) or "", entry.actor),
                *(entry.action, entry.object_id, entry.details, entry.hash),
            )
        last = chunk[-1].sequence
