"""Payments over the API: read only, providers and the till write them."""

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from merchant_portal.lib.api_schemas import PathId, page
from merchant_portal.lib.problems import not_found
from merchant_portal.staff.api_auth import Guard, allows, key_of
from merchant_portal.staff.models import ApiKey
from merchant_portal.staff.roles import Right

from ..models import Payment
from .access import visible_to
from .schemas import PaymentOut, PaymentPage, PaymentQuery

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


@router.get("/{payment_id}", auth=Guard(Right.PAYMENTS_READ), response=PaymentOut)
def get_payment(request: HttpRequest, payment_id: PathId) -> PaymentOut:
    """One payment."""
    payment = _shown_to(key_of(request)).filter(public_id=payment_id).first()
    if payment is None:
        raise not_found("There is no payment with this id.")
    return PaymentOut.of(payment)
