"""Undelivered: the addresses that are not written to, and what can be done about it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from customers import visibility as customers_visibility
from customers.models import ContactPoint
from merchant_portal.lib import spreadsheets
from merchant_portal.lib.spreadsheets import Format
from merchant_portal.lib.text import cut
from merchant_portal.staff import step_up
from merchant_portal.staff.admin.rights import (
    RightsMixin,
    actor_of,
    address_of,
    may,
    user_of,
    with_mask,
)
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from .. import visibility
from ..models import Category, OptOut
from ..services import undelivered
from . import undelivered_words as words
from .undelivered_form import StopForm

CHUNK = 1000
# rows of the download that are read at a time
GLANCE = 120
NOTHING = "\u2013"


class WhyFilter(admin.SimpleListFilter):
    title = gettext_lazy("why")
    parameter_name = "why"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(words.GROUPS.items())

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[OptOut]
    ) -> QuerySet[OptOut]:
        value = self.value()
        if value == words.ENDED:
            others = [words.sources_of(name) for name in words.GROUPS]
            return queryset.exclude(source__in=set().union(*others))
        if value in words.GROUPS:
            return queryset.filter(source__in=words.sources_of(value))
        return queryset


class EffectFilter(admin.SimpleListFilter):
    title = gettext_lazy("what is stopped")
    parameter_name = "stops"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(words.EFFECTS.items())

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[OptOut]
    ) -> QuerySet[OptOut]:
        return queryset.filter(scope=self.value()) if self.value() else queryset


@admin.register(OptOut)
class UndeliveredAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.MESSAGES_READ
    add_right: ClassVar[Right | None] = Right.CUSTOMERS_WRITE

    form = StopForm
    list_display = (
        *("address_shown", "customer", "why_label", "consequence"),
        *("day", "of_message"),
    )
    list_display_links = ("address_shown",)
    list_filter = ("channel", WhyFilter, EffectFilter)
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("message",)
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("address",)
    search_help_text = gettext_lazy("Address or phone number, or a part of it")
    actions = None
    list_before_template = "notifications/admin/undelivered_download.html"
    change_form_outer_before_template = "notifications/admin/undelivered_lift.html"

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[OptOut]:
        rows: QuerySet[OptOut] = super().get_queryset(request)
        if not may(request, Right.STAFF_WRITE):
            rows = rows.exclude(message__category=Category.SIGN_IN)
        return with_mask(request, with_customer(own_only(user_of(request), rows)))

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """No address is found out by trying."""
        return self.search_fields if may(request, Right.CUSTOMERS_CONTACT) else ()

    def get_fields(self, request: HttpRequest, obj: OptOut | None = None) -> list[str]:
        if obj is None:
            return ["channel", "address", "scope", "detail"]
        return [
            *("address_shown", "customer", "why_in_words", "stops", "words_whole"),
            *("heard", "since", "of_message"),
        ]

    def get_readonly_fields(
        self, request: HttpRequest, obj: OptOut | None = None
    ) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "download/",
                self.admin_site.admin_view(require_POST(self.download_view)),
                name="notifications_optout_download",
            ),
            path(
                "<int:pk>/lift/",
                self.admin_site.admin_view(
                    require_http_methods(["GET", "POST"])(self.lift_view)
                ),
                name="notifications_optout_lift",
            ),
        ]
        return [*own, *super().get_urls()]

    # -- the list --------------------------------------------------------------

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        own = {
            "title": _("Undelivered"),
            "query": request.GET.urlencode(),
            "may_export": may(request, Right.EXPORTS_READ),
        }
        return super().changelist_view(  # type: ignore[no-any-return]
            request, {**own, **(extra_context or {})}
        )

    @display(description=gettext_lazy("What is stopped"))
    def consequence(self, row: OptOut) -> SafeString:
        """And below it what the carrier said."""
        return format_html(
            '<span class="mp-lines mp-break"><span>{}</span><span class="mp-help">{}'
            "</span></span>",
            self.stops(row),
            cut(row.detail, GLANCE),
        )

    @display(description=gettext_lazy("Address"))
    def address_shown(self, row: OptOut) -> SafeString:
        local, at, domain = address_of(row, row.address).partition("@")
        return format_html('<bdi class="mp-break">{}<wbr>{}{}</bdi>', local, at, domain)

    @display(description=gettext_lazy("Customer"))
    def customer(self, row: OptOut) -> SafeString | str:
        pk, name = getattr(row, "customer_pk", None), getattr(row, "customer_name", "")
        if pk is None:
            return NOTHING
        return format_html(
            '<a class="mp-link" href="{}"><bdi>{}</bdi></a>',
            reverse("admin:customers_customer_change", args=[pk]),
            cut(name, 60),
        )

    @display(description=gettext_lazy("Why"), label=words.COLORS)
    def why_label(self, row: OptOut) -> tuple[str, words.Words]:
        group = words.group_of(row.source)
        return group, words.GROUPS[group]

    @display(description=gettext_lazy("Why"))
    def why_in_words(self, row: OptOut) -> words.Words:
        return words.why(row.source)

    @display(description=gettext_lazy("What is stopped"))
    def stops(self, row: OptOut) -> words.Words:
        return words.EFFECTS.get(row.scope, row.scope)

    @display(description=gettext_lazy("In their own words"))
    def words_whole(self, row: OptOut) -> str:
        return row.detail or NOTHING

    @display(description=gettext_lazy("When"))
    def day(self, row: OptOut) -> SafeString:
        at = localtime(row.heard_at or row.created_at)
        shown = date_format(at, "DATE_FORMAT")
        return format_html('<span class="mp-nowrap">{}</span>', shown)

    @display(description=gettext_lazy("When"))
    def heard(self, row: OptOut) -> str:
        return _moment(row.heard_at or row.created_at)

    @display(description=gettext_lazy("On the list since"))
    def since(self, row: OptOut) -> str:
        return _moment(row.created_at)

    @display(description=gettext_lazy("Message"))
    def of_message(self, row: OptOut) -> SafeString | str:
        if row.message is None:
            return NOTHING
        return format_html(
            '<a class="mp-link" href="{}">{}</a>',
            reverse("admin:notifications_message_change", args=[row.message.pk]),
            row.message.get_category_display(),
        )

    # -- what can be done ------------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: OptOut, form: StopForm, change: bool
    ) -> None:
        said = form.cleaned_data
        saved = undelivered.suppress(
            said["channel"],
            said["address"],
            OptOut.Scope(said["scope"]),
            detail=said["detail"],
            actor=actor_of(request),
        )
        obj.pk = saved.pk

    def response_add(
        self, request: HttpRequest, obj: OptOut, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(request, _("This address is not written to from now on."))
        return redirect("admin:notifications_optout_change", obj.pk)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: OptOut | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        context |= {
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            "may_lift": obj is not None and may(request, Right.CUSTOMERS_WRITE),
        }
        if obj is None:
            context["title"] = _("Do not write to this address")
        page: HttpResponse = super().render_change_form(
            request, context, *args, obj=obj, **kwargs
        )
        return page

    def lift_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks why; a POST with a reason does it."""
        if not may(request, Right.CUSTOMERS_WRITE):
            return HttpResponse(status=403)
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        reason = request.POST.get("reason", "")
        if request.method == "POST" and reason in words.REASONS:
            if undelivered.lift(
                row, reason=undelivered.Reason(reason), actor=actor_of(request)
            ):
                messages.success(request, _("This address is written to again."))
            return redirect("admin:notifications_optout_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("May be written to again"),
            "row": row,
            "why": words.why(row.source),
            "reasons": words.REASONS.items(),
            "is_wish": words.group_of(row.source) in {words.ENDED, words.COMPLAINED},
            "is_missing": request.method == "POST",
        }
        status = 400 if request.method == "POST" else 200
        template = "notifications/admin/undelivered_lift_page.html"
        return render(request, template, context, status=status)

    def download_view(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows, all of it; POST `kind`: csv or xlsx."""
        if not (self.has_view_permission(request) and may(request, Right.EXPORTS_READ)):
            return HttpResponse(status=403)
        page = reverse("admin:notifications_optout_changelist")
        if proof := step_up.ask(request, back=f"{page}?{request.GET.urlencode()}"):
            return proof
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect("admin:notifications_optout_changelist")
        kind = request.POST.get("kind", Format.CSV)
        if kind not in set(Format):
            return HttpResponse(status=400)
        undelivered.note_download(actor=actor_of(request))
        zone = get_current_timezone()
        return spreadsheets.download("undelivered", _lines(rows), Format(kind), zone)


def _moment(at: datetime) -> str:
    return date_format(localtime(at), "DATETIME_FORMAT")


def own_only(user: User, rows: QuerySet[OptOut]) -> QuerySet[OptOut]:
    """For who sees only own customers: their addresses, and of own messages."""
    if user.may(Right.LINKS_ALL):
        return rows
    theirs = ContactPoint.objects.filter(
        customer__in=customers_visibility.visible_to(user).values("pk")
    )
    own_messages = visibility.visible_to(user).values("pk")
    return rows.filter(
        Q(address__in=theirs.values("value")) | Q(message__in=own_messages)
    )


def with_customer(rows: QuerySet[OptOut]) -> QuerySet[OptOut]:
    """Rows that know one customer who has that address, the newest."""
    theirs = ContactPoint.objects.filter(value=OuterRef("address")).order_by("-id")
    return rows.annotate(
        customer_pk=Subquery(theirs.values("customer_id")[:1]),
        customer_name=Subquery(theirs.values("customer__name")[:1]),
    )


def _lines(rows: QuerySet[OptOut]) -> Iterator[Sequence[object]]:
    """A title, then the rows, a few at a time by key."""
    yield (
        *(_("Address"), _("Channel"), _("Customer"), _("Why"), _("What is stopped")),
        *(_("In their own words"), _("When"), _("On the list since"), _("Message")),
    )
    rows, last = rows.order_by("-id"), None
    while chunk := list((rows if last is None else rows.filter(pk__lt=last))[:CHUNK]):
        for row in chunk:
            yield (
                row.address,
                row.get_channel_display(),
                getattr(row, "customer_name", None) or "",
                words.why(row.source),
                words.EFFECTS.get(row.scope, row.scope),
                row.detail,
                row.heard_at or row.created_at,
                row.created_at,
                row.message.public_id if row.message else "",
            )
        last = chunk[-1].pk
