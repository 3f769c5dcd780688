"""What customers wrote: the list of it, the card on a link's page, and the answer."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.lib.text import cut
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import PayerReply, PaymentLink
from ..services import reviewing
from . import formats
from .entry import bounded, link_or_404, needs, who
from .needs_person import needs_person

SHOWN = 20
# of one link; what is open comes first, so that it can be seen to
GLANCE = 90
PROOF_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
}


def visible_to(user: User, rows: QuerySet[PayerReply]) -> QuerySet[PayerReply]:
    """All of them, or only those about the reader's own links."""
    if user.may(Right.LINKS_ALL):
        return rows
    return rows.filter(link__created_by=user)


def rows_of(link: PaymentLink, zone: ZoneInfo) -> list[dict[str, Any]]:
    """What was written about a link, for its page; one query."""
    newest = (F("closed_at").desc(nulls_first=True), "-id")
    found = link.replies.select_related("closed_by").order_by(*newest)[:SHOWN]
    return [
        {
            "pk": row.pk,
            "said": row.get_kind_display(),
            "text": row.text,
            "promised": formats.day(row.promised_on) if row.promised_on else "",
            "at": formats.moment(row.at, zone),
            "has_proof": bool(row.proof_type),
            "is_open": row.is_open,
            "answer": row.answer,
            "closed_by": str(row.closed_by or ""),
            "closed": formats.moment(row.closed_at, zone) if row.closed_at else "",
        }
        for row in found
    ]


def of_customer(user: User, customer_pk: int) -> list[PayerReply]:
    """What a customer wrote about the links that this reader may see, newest first."""
    found = visible_to(user, PayerReply.objects.filter(link__customer=customer_pk))
    return list(found.select_related("link").order_by("-id")[:SHOWN])


def reply_or_404(link: PaymentLink, pk: int) -> PayerReply:
    reply = link.replies.filter(pk=bounded(pk)).first()
    if reply is None:
        raise Http404
    return reply


@require_safe
@needs(Right.LINKS_READ)
def proof_view(request: HttpRequest, pk: int, reply_pk: int) -> HttpResponse:
    """A file from a stranger: to be saved, never shown as a page of ours."""
    link = link_or_404(request, pk)
    reply = reply_or_404(link, reply_pk)
    if not reply.proof_type:
        raise Http404
    response = HttpResponse(
        bytes(reply.proof or b""), content_type=PROOF_TYPES[reply.proof_type]
    )
    name = f"{link.number}-{reply.public_id[-6:]}.{reply.proof_type}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    return response


@admin.register(PayerReply)
class PayerReplyAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """A list; everything else happens on the page of the link."""

    view_right: ClassVar[Right] = Right.LINKS_READ

    list_display = ("written", "of_link", "said", "words", "state")
    list_display_links = None
    list_filter = ("kind", needs_person(reviewing.replies))
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("link__customer", "closed_by")
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("=public_id", "=link__number")
    search_help_text = gettext_lazy("Number of the link or of the reply")
    actions = None

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[PayerReply]:
        rows: QuerySet[PayerReply] = formats.with_zone(super().get_queryset(request))
        return visible_to(who(request), rows)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        reply = self.get_object(request, object_id)
        if reply is None:
            raise Http404
        return redirect(_address(reply))

    @display(description=gettext_lazy("Written"))
    def written(self, reply: PayerReply) -> SafeString:
        return format_html(
            '<a class="mp-link mp-nowrap" href="{}">{}</a>',
            _address(reply),
            formats.row_moment(reply.at, reply),
        )

    @display(description=gettext_lazy("Payment link"))
    def of_link(self, reply: PayerReply) -> SafeString:
        customer = reply.link.customer
        return format_html(
            "{} <bdi>{}</bdi>", reply.link.number, customer.name if customer else ""
        )

    @display(description=gettext_lazy("What"))
    def said(self, reply: PayerReply) -> str:
        if reply.promised_on is not None:
            return f"{reply.get_kind_display()}: {formats.day(reply.promised_on)}"
        return reply.get_kind_display()

    @display(description=gettext_lazy("Words"))
    def words(self, reply: PayerReply) -> SafeString:
        return format_html("<bdi>{}</bdi>", cut(reply.text, GLANCE) or formats.NOTHING)

    @display(
        description=gettext_lazy("State"),
        label={"open": "warning", "answered": "success", "closed": ""},
    )
    def state(self, reply: PayerReply) -> tuple[str, Any]:
        if reply.is_open:
            return "open", gettext_lazy("Wants an answer")
        if reply.answer:
            return "answered", gettext_lazy("Answered")
        return "closed", gettext_lazy("Noted")


def _address(reply: PayerReply) -> str:
    page = reverse("admin:links_paymentlink_change", args=[reply.link_id])
    return f"{page}#replies"
