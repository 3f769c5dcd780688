"""Payments: facts to read, and a way to say that an odd one was dealt with."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import Payment, PaymentState
from ..providers.manual import METHODS
from ..services import reviewing
from ..services.errors import LinkConflict
from . import disputes, formats
from .entry import bounded, needs, payments_visible_to, who
from .labels import PAYMENT_COLORS, REFUND_COLORS, payment_flags
from .needs_person import needs_person
from .refunds import new_view
from .report_filter import FromReportMixin, behind

Payments = QuerySet[Payment]


def _refund_rows(payment: Payment) -> list[dict[str, Any]]:
    return [
        {
            "pk": refund.pk,
            "amount": formats.money(refund.amount_minor, refund.currency),
            "at": formats.row_moment(refund.occurred_at or refund.proposed_at, payment),
            "why": refund.reason or refund.get_origin_display(),
            "state": refund.get_state_display(),
            "color": REFUND_COLORS[refund.state],
        }
        for refund in payment.refunds.order_by("-id")
    ]


@require_POST
@needs(Right.PAYMENTS_RESOLVE)
def reviewed_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark as dealt with, and back to the page it was asked from."""
    user = who(request)
    payment = payments_visible_to(user).filter(pk=bounded(pk)).first()
    if payment is None:
        raise Http404
    try:
        if reviewing.deal_with(payment, actor=user.actor()):
            messages.success(request, _("Marked as dealt with."))
    except LinkConflict as exc:
        messages.error(request, exc.message)
        return redirect("admin:links_payment_change", payment.pk)
    if request.POST.get("back") == "link" and payment.link_id is not None:
        return redirect("admin:links_paymentlink_change", payment.link_id)
    return redirect("admin:links_payment_change", payment.pk)


@admin.register(Payment)
class PaymentAdmin(RightsMixin, FromReportMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.PAYMENTS_READ

    list_display = ("received", "state_label", "amount_shown", "of_link", "by", "flags")
    list_display_links = ("received",)
    list_filter = ("state", needs_person(reviewing.payments), behind(Payment))
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("link__customer", "account")
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-recorded_at", "-id")
    sortable_by = ()
    search_fields = ("=public_id", "=provider_payment_id", "=link__number")
    search_help_text = gettext_lazy("Payment, provider's or link's number")
    actions = None
    change_form_outer_before_template = "admin/links/payment/review.html"
    change_form_outer_after_template = "admin/links/payment/after.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "public_id",
                    "state_shown",
                    "amount_shown",
                    "fee_shown",
                    "refunded_shown",
                    "of_link",
                    "by",
                    "received",
                    "note",
                    "failure",
                    "provider_payment_id",
                )
            },
        ),
    )
    readonly_fields = (
        "state_shown",
        "amount_shown",
        "fee_shown",
        "refunded_shown",
        "of_link",
        "by",
        "received",
    )

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> Payments:
        visible = payments_visible_to(who(request))
        return formats.with_zone(super().get_queryset(request) & visible)

    def get_urls(self) -> list[URLPattern]:
        reviewed = path(
            "<int:pk>/reviewed/",
            self.admin_site.admin_view(reviewed_view),
            name="links_payment_reviewed",
        )
        refund = path(
            "<int:pk>/refund/",
            self.admin_site.admin_view(new_view),
            name="links_payment_refund",
        )
        return [reviewed, refund, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        payment = self.get_object(request, object_id)
        if payment is None:
            raise Http404
        context = {
            "payment_flags": list(payment_flags(payment)),
            "may_resolve": who(request).may(Right.PAYMENTS_RESOLVE),
            "refund_rows": _refund_rows(payment),
            "dispute_rows": disputes.rows_of(payment),
            "may_refund": payment.state == PaymentState.SUCCEEDED
            and who(request).may(Right.REFUNDS_PROPOSE),
            **(extra_context or {}),
        }
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, context
        )
        return answer

    @display(description=gettext_lazy("Received"))
    def received(self, payment: Payment) -> str:
        return formats.row_moment(payment.occurred_at, payment)

    @display(description=gettext_lazy("State"), label=PAYMENT_COLORS)
    def state_label(self, payment: Payment) -> tuple[str, str]:
        return payment.state, payment.get_state_display()

    @display(description=gettext_lazy("State"))
    def state_shown(self, payment: Payment) -> str:
        return str(payment.get_state_display())

    @display(description=gettext_lazy("Amount"))
    def amount_shown(self, payment: Payment) -> SafeString:
        return format_html(
            '<span class="mp-figure">{}</span>',
            formats.money(payment.amount_minor, payment.currency),
        )

    @display(description=gettext_lazy("Provider's fee"))
    def fee_shown(self, payment: Payment) -> str:
        if payment.fee_minor is None:
            return formats.NOTHING
        return formats.money(payment.fee_minor, payment.currency)

    @display(description=gettext_lazy("Given back"))
    def refunded_shown(self, payment: Payment) -> str:
        if not payment.refunded_minor:
            return formats.NOTHING
        return formats.money(payment.refunded_minor, payment.currency)

    @display(description=gettext_lazy("Link"))
    def of_link(self, payment: Payment) -> SafeString:
        link = payment.link
        if link is None:
            said = payment.note if payment.is_sale else formats.NOTHING
            return format_html('<bdi class="mp-muted">{}</bdi>', said)
        return format_html(
            '<a class="mp-link" href="{}">{}</a> <bdi>{}</bdi>',
            reverse("admin:links_paymentlink_change", args=[link.pk]),
            link.number or link.public_id,
            link.customer.name if link.customer else "",
        )

    @display(description=gettext_lazy("Paid by"))
    def by(self, payment: Payment) -> str:
        method = str(METHODS.get(payment.method, payment.method))
        account = payment.account.slug
        if account == "manual":
            return method
        return f"{account} · {method}" if method else account

    @display(description=gettext_lazy("To look at"))
    def flags(self, payment: Payment) -> SafeString:
        if payment.reviewed_at is not None and not payment.is_sale:
            return format_html('<span class="mp-muted">{}</span>', _("dealt with"))
        return format_html_join(
            " ",
            '<span class="mp-flag" title="{}">{}</span>',
            ((advice, name) for name, advice in payment_flags(payment)),
        )
