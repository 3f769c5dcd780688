"""Payments over the API: read only, providers and the till write them; and asking for
money to be given back."""

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status

from merchant_portal.lib.api_schemas import PathId, page
from merchant_portal.lib.problems import invalid, not_found
from merchant_portal.staff.api_auth import Guard, actor_of, allows, idempotent, key_of
from merchant_portal.staff.models import ApiKey
from merchant_portal.staff.roles import Right

from ..models import Payment
from ..services import refunding
from .access import as_problems, visible_to
from .schemas import (
    PaymentOut,
    PaymentPage,
    PaymentQuery,
    RefundIn,
    RefundList,
    RefundOut,
)

router = Router(tags=["payments"])


def _shown_to(key: ApiKey) -> QuerySet[Payment]:
    """Those of visible links; money without a link only for keys that see every link."""
    rows = Payment.objects.select_related("link", "account")
    if allows(key, Right.LINKS_ALL):
        return rows
    return rows.filter(link__in=visible_to(key))


@router.get("", auth=Guard(Right.PAYMENTS_READ), response=PaymentPage)
def list_payments(request: HttpRequest, query: Query[PaymentQuery]) -> PaymentPage:
    """Payments, newest first; `?link=plk_…` for those of one payment link."""
    rows = _shown_to(key_of(request))
    if query.link is not None:
        rows = rows.filter(link__public_id=query.link)
    if query.state is not None:
        rows = rows.filter(state=query.state)
    found, following = page(rows, query)
    return PaymentPage(
        items=[PaymentOut.of(payment) for payment in found], next=following
    )


@router.get(
    "/{payment_id}/refunds", auth=Guard(Right.PAYMENTS_READ), response=RefundList
)
def list_refunds(request: HttpRequest, payment_id: PathId) -> RefundList:
    """Every refund of one payment, oldest first."""
    payment = _find(request, payment_id)
    rows = payment.refunds.select_related("payment").order_by("id")
    return RefundList(items=[RefundOut.of(refund) for refund in rows])


@router.post(
    "/{payment_id}/refunds",
    auth=Guard(Right.REFUNDS_PROPOSE),
    response={201: RefundOut},
)
@idempotent()
def propose_refund(
    request: HttpRequest, payment_id: PathId, body: RefundIn
) -> Status[RefundOut]:
    """Ask for a part of a payment to be given back; a person has to approve it."""
    payment = _find(request, payment_id)
    if body.amount.currency != payment.currency:
        raise invalid(
            f"This payment is in {payment.currency}.", pointer="/amount/currency"
        )
    with as_problems():
        refund = refunding.propose(
            payment,
            amount_minor=body.amount.amount_minor,
            reason=body.reason,
            actor=actor_of(request),
        )
    return Status(201, RefundOut.of(refund))


@router.get("/{payment_id}", auth=Guard(Right.PAYMENTS_READ), response=PaymentOut)
def get_payment(request: HttpRequest, payment_id: PathId) -> PaymentOut:
    """One payment."""
    return PaymentOut.of(_find(request, payment_id))


def _find(request: HttpRequest, payment_id: str) -> Payment:
    payment = _shown_to(key_of(request)).filter(public_id=payment_id).first()
    if payment is None:
        raise not_found("There is no payment with this id.")
    return payment
