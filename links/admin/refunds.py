"""Refunds: asking for one, deciding about it, and how each stands."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.lib import ids
from merchant_portal.staff import step_up
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import Payment, Refund
from ..models.refunds import RefundState
from ..services import refunding, refunds, reviewing
from ..services.errors import LinkError
from . import formats, typed
from .entry import bounded, frame, needs, payments_visible_to, who
from .labels import REFUND_COLORS
from .needs_person import needs_person
from .report_filter import FromReportMixin, behind

KEY = re.compile(rf"\Arfd_[0-9A-Za-z]{{{ids.LENGTH}}}\Z")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.REFUNDS_PROPOSE)
def new_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The form for giving back a part of a payment; refused, it keeps what was typed.

    `key` of the form: a double submit proposes once.
    """
    user = who(request)
    payment = (
        payments_visible_to(user)
        .select_related("account", "link")
        .filter(pk=bounded(pk))
        .first()
    )
    if payment is None:
        raise Http404
    room = refunds.left(payment)
    values = {
        "amount": formats.typed(room, payment.currency) if room else "",
        "reason": "",
        "key": ids.new("rfd"),
    }
    errors: dict[str, str] = {}
    if request.method == "POST":
        values = {name: request.POST.get(name, "") for name in values}
        refund = _proposed(payment, values, errors, user)
        if refund is not None:
            return redirect("admin:links_refund_change", refund.pk)
    context = {
        "payment": payment,
        "left": formats.money(room, payment.currency),
        "has_room": room > 0,
        "values": values,
        "errors": errors,
    }
    return render(
        request,
        "admin/links/refund/new.html",
        frame(request, _("Give money back"), **context),
        status=422 if errors else 200,
    )


def _proposed(
    payment: Payment, values: dict[str, str], errors: dict[str, str], user: User
) -> Refund | None:
    """The refund that was asked for; None, and `errors` filled, if it cannot be."""
    read: dict[str, Any] = {}
    for name, reader in (
        ("amount", lambda text: typed.amount_minor(text, payment.currency)),
        ("reason", typed.line),
    ):
        try:
            read[name] = reader(values[name])
        except typed.TypedError as exc:
            errors[name] = str(exc)
    if errors:
        return None
    key = values["key"] if KEY.match(values["key"]) else ""
    try:
        return refunding.propose(
            payment,
            amount_minor=read["amount"],
            reason=read["reason"],
            actor=user.actor(),
            key=key,
        )
    except LinkError as exc:
        errors[exc.field or "form"] = exc.message
        return None


def _decision(
    act: Callable[[Refund, User], None], done: Callable[[], str], *, moves_money: bool
) -> Callable[[HttpRequest, int], HttpResponseBase]:
    """A POST that decides about one refund and shows how it stands.

    `moves_money`: only for who proved a moment ago who they are.
    """

    @require_POST
    @needs(Right.REFUNDS_APPROVE)
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        user = who(request)
        refund = Refund.objects.filter(
            pk=bounded(pk), payment__in=payments_visible_to(user)
        ).first()
        if refund is None:
            raise Http404
        if moves_money and (proof := step_up.ask(request)):
            return proof
        try:
            act(refund, user)
        except LinkError as exc:
            messages.error(request, exc.message)
        else:
            messages.success(request, done())
        return redirect("admin:links_refund_change", refund.pk)

    return view


approve_view = _decision(
    lambda refund, user: refunding.approve(refund, user=user),
    lambda: _("Approved. It leaves now."),
    moves_money=True,
)
decline_view = _decision(
    lambda refund, user: refunding.decline(refund, user=user),
    lambda: _("Declined. The money stays."),
    moves_money=False,
)
give_up_view = _decision(
    lambda refund, user: refunding.give_up(refund, user=user),
    lambda: _("Written down as not given back."),
    moves_money=True,
)


@admin.register(Refund)
class RefundAdmin(RightsMixin, FromReportMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.PAYMENTS_READ

    list_display = (
        "asked",
        "state_label",
        "amount_shown",
        "of_payment",
        "origin_shown",
    )
    list_display_links = ("asked",)
    list_filter = ("state", needs_person(reviewing.refunds), behind(Refund))
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("payment__link__customer", "payment__account")
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("=public_id", "=provider_refund_id", "=payment__public_id")
    search_help_text = gettext_lazy("Refund, provider's or payment's number")
    actions = None
    change_form_outer_before_template = "admin/links/refund/decide.html"
    fields = (
        "public_id",
        "state_shown",
        "amount_shown",
        "of_payment",
        "origin_shown",
        "proposed_by",
        "asked",
        "decided_by",
        "given_back",
        "failure",
        "provider_refund_id",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        rows = formats.with_zone(super().get_queryset(request))
        user = who(request)
        if user.may(Right.LINKS_ALL):
            return rows
        return rows.filter(payment__link__created_by=user)

    def get_urls(self) -> list[URLPattern]:
        acts = {
            "approve": approve_view,
            "decline": decline_view,
            "give-up": give_up_view,
        }
        return [
            *(
                path(
                    f"<int:pk>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"links_refund_{name.replace('-', '_')}",
                )
                for name, view in acts.items()
            ),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        refund = self.get_object(request, object_id)
        if refund is None:
            raise Http404
        user = who(request)
        is_open = refund.state == RefundState.PROPOSED
        context = {
            "may_approve": is_open and refunding.may_approve(refund, user),
            "may_decline": is_open and user.may(Right.REFUNDS_APPROVE),
            "may_give_up": refund.state == RefundState.UNKNOWN
            and user.may(Right.REFUNDS_APPROVE),
            **(extra_context or {}),
        }
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, context
        )
        return answer

    @display(description=gettext_lazy("Asked for"))
    def asked(self, refund: Refund) -> str:
        return formats.row_moment(refund.proposed_at, refund)

    @display(description=gettext_lazy("Given back on"))
    def given_back(self, refund: Refund) -> str:
        if refund.occurred_at is None:
            return formats.NOTHING
        return formats.row_moment(refund.occurred_at, refund)

    @display(description=gettext_lazy("State"), label=REFUND_COLORS)
    def state_label(self, refund: Refund) -> tuple[str, str]:
        return refund.state, refund.get_state_display()

    @display(description=gettext_lazy("State"))
    def state_shown(self, refund: Refund) -> str:
        return str(refund.get_state_display())

    @display(description=gettext_lazy("Amount"))
    def amount_shown(self, refund: Refund) -> SafeString:
        return format_html(
            '<span class="mp-figure">{}</span>',
            formats.money(refund.amount_minor, refund.currency),
        )

    @display(description=gettext_lazy("Payment"))
    def of_payment(self, refund: Refund) -> SafeString:
        payment = refund.payment
        link = payment.link
        return format_html(
            '<a class="mp-link" href="{}">{}</a> <bdi>{}</bdi>',
            reverse("admin:links_payment_change", args=[payment.pk]),
            link.number if link and link.number else payment.public_id,
            link.customer.name if link and link.customer else payment.account.slug,
        )

    @display(description=gettext_lazy("Why"))
    def origin_shown(self, refund: Refund) -> str:
        return refund.reason or str(refund.get_origin_display())
