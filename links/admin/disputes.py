"""Disputes: facts to read, until when to answer where, and a way to say that one did."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import BooleanField, Case, Q, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse
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

from merchant_portal.lib import clock
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import Dispute, DisputeState, Payment
from ..providers.registry import PROVIDERS, get_provider
from ..services import disputes, reviewing
from . import formats
from .entry import bounded, needs, who
from .labels import DISPUTE_COLORS
from .needs_person import needs_person
from .report_filter import FromReportMixin, behind


def visible_to(user: User, rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
    """All of them, or only those of the reader's own links."""
    if user.may(Right.LINKS_ALL):
        return rows
    return rows.filter(payment__link__created_by=user)


def advice(dispute: Dispute) -> str:
    """What to do about it, in a plain sentence; `dispute`: of `with_standing`."""
    if dispute.state == DisputeState.UNDER_REVIEW:
        return _("There is nothing to do now: the provider is looking at it.")
    if dispute.state == DisputeState.WON:
        return _("It is over: the money is yours.")
    if dispute.state == DisputeState.LOST:
        return _("It is over: the money went back to the customer.")
    known = {
        "provider": provider_title(dispute),
        "moment": formats.row_moment(dispute.respond_by, dispute)
        if dispute.respond_by
        else "",
    }
    if is_overdue(dispute):
        return (
            _(
                "It was to be answered at %(provider)s before %(moment)s. Look there at"
                " once whether an answer is still taken."
            )
            % known
        )
    if not dispute.respond_by:
        return (
            _("Answer at %(provider)s soon; the shop cannot answer for you here.")
            % known
        )
    return (
        _(
            "Answer at %(provider)s before %(moment)s; the shop cannot answer for you here."
        )
        % known
    )


def with_standing(rows: QuerySet[Dispute]) -> QuerySet[Dispute]:
    """Rows that know the business's zone, and whether the time to answer is over."""
    overdue = Q(
        state=DisputeState.NEEDS_RESPONSE,
        answered_at__isnull=True,
        respond_by__lte=clock.now(),
    )
    return formats.with_zone(rows).annotate(
        has_lapsed=Case(
            When(overdue, then=True), default=False, output_field=BooleanField()
        )
    )


def is_overdue(dispute: Dispute) -> bool:
    """`dispute`: of `with_standing`."""
    return bool(getattr(dispute, "has_lapsed", False))


def provider_title(dispute: Dispute) -> str:
    slug = dispute.account.slug
    return str(get_provider(slug).title) if slug in PROVIDERS else slug


def rows_of(payment: Payment) -> list[dict[str, Any]]:
    """The disputes of a payment, newest first, for its page."""
    found = with_standing(payment.disputes.select_related("account"))
    return [
        {
            "pk": dispute.pk,
            "amount": formats.money(dispute.amount_minor, dispute.currency),
            "at": formats.row_moment(dispute.opened_at, dispute),
            "why": reason_of(dispute),
            "state": dispute.get_state_display(),
            "color": DISPUTE_COLORS[dispute.state],
            "advice": advice(dispute) if dispute.is_open else "",
            "is_late": is_overdue(dispute),
        }
        for dispute in found.order_by("-id")
    ]


def reason_of(dispute: Dispute) -> str:
    """The provider's code as words."""
    return dispute.reason.replace("_", " ").lower()


@require_POST
@needs(Right.PAYMENTS_WRITE)
def answered_view(request: HttpRequest, pk: int) -> HttpResponse:
    user = who(request)
    rows = visible_to(user, Dispute.objects.select_related("payment"))
    dispute = rows.filter(pk=bounded(pk)).first()
    if dispute is None:
        raise Http404
    if disputes.mark_answered(dispute, actor=user.actor()):
        messages.success(request, _("Marked as answered."))
    return redirect("admin:links_dispute_change", dispute.pk)


@admin.register(Dispute)
class DisputeAdmin(RightsMixin, FromReportMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.PAYMENTS_READ

    list_display = (
        "opened",
        "state_label",
        "amount_shown",
        "of_payment",
        "answer_before",
        "reason_shown",
    )
    list_display_links = ("opened",)
    list_filter = ("state", needs_person(reviewing.disputes), behind(Dispute))
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("payment__link__customer", "account")
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("=public_id", "=provider_dispute_id", "=payment__public_id")
    search_help_text = gettext_lazy("Dispute, provider's or payment's number")
    actions = None
    change_form_outer_before_template = "admin/links/dispute/answer.html"
    fields = (
        "public_id",
        "state_shown",
        "amount_shown",
        "of_payment",
        "provider_shown",
        "reason_shown",
        "opened",
        "answer_before",
        "answered",
        "closed",
        "provider_dispute_id",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispute]:
        rows = with_standing(super().get_queryset(request))
        return visible_to(who(request), rows)

    def get_urls(self) -> list[URLPattern]:
        answered = path(
            "<int:pk>/answered/",
            self.admin_site.admin_view(answered_view),
            name="links_dispute_answered",
        )
        return [answered, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        dispute = self.get_object(request, object_id)
        if dispute is None:
            raise Http404
        context = {
            "advice": advice(dispute),
            "is_late": is_overdue(dispute),
            "may_answer": dispute.state == DisputeState.NEEDS_RESPONSE
            and dispute.answered_at is None
            and who(request).may(Right.PAYMENTS_WRITE),
            **(extra_context or {}),
        }
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, context
        )
        return answer

    @display(description=gettext_lazy("Opened"))
    def opened(self, dispute: Dispute) -> str:
        return formats.row_moment(dispute.opened_at, dispute)

    @display(description=gettext_lazy("State"), label=DISPUTE_COLORS)
    def state_label(self, dispute: Dispute) -> tuple[str, str]:
        return dispute.state, dispute.get_state_display()

    @display(description=gettext_lazy("State"))
    def state_shown(self, dispute: Dispute) -> str:
        return dispute.get_state_display()

    @display(description=gettext_lazy("Amount"))
    def amount_shown(self, dispute: Dispute) -> SafeString:
        return format_html(
            '<span class="mp-figure">{}</span>',
            formats.money(dispute.amount_minor, dispute.currency),
        )

    @display(description=gettext_lazy("Payment"))
    def of_payment(self, dispute: Dispute) -> SafeString:
        payment = dispute.payment
        if payment is None:
            return format_html(
                '<span class="mp-muted">{}</span>', _("None that is known here")
            )
        link = payment.link
        return format_html(
            '<a class="mp-link" href="{}">{}</a> <bdi>{}</bdi>',
            reverse("admin:links_payment_change", args=[payment.pk]),
            link.number if link and link.number else payment.public_id,
            link.customer.name if link and link.customer else "",
        )

    @display(description=gettext_lazy("Answer before"))
    def answer_before(self, dispute: Dispute) -> SafeString:
        if dispute.respond_by is None:
            return format_html('<span class="mp-muted">{}</span>', formats.NOTHING)
        moment = formats.row_moment(dispute.respond_by, dispute)
        if not is_overdue(dispute):
            return format_html('<span class="mp-nowrap">{}</span>', moment)
        return format_html(
            '<span class="mp-nowrap mp-late">{} · {}</span>', moment, _("overdue")
        )

    @display(description=gettext_lazy("Provider"))
    def provider_shown(self, dispute: Dispute) -> str:
        return provider_title(dispute)

    @display(description=gettext_lazy("Reason"))
    def reason_shown(self, dispute: Dispute) -> str:
        return reason_of(dispute) or formats.NOTHING

    @display(description=gettext_lazy("Marked as answered"))
    def answered(self, dispute: Dispute) -> str:
        return _moment(dispute.answered_at, dispute)

    @display(description=gettext_lazy("Closed"))
    def closed(self, dispute: Dispute) -> str:
        return _moment(dispute.closed_at, dispute)


def _moment(at: Any, dispute: Dispute) -> str:
    return formats.row_moment(at, dispute) if at else formats.NOTHING
