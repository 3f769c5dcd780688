"""Disputes over the API: read only, they are answered at the provider."""

from datetime import datetime
from typing import Annotated

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from pydantic import AfterValidator, BaseModel

from merchant_portal.lib.api_schemas import (
    MoneyOut,
    PageQuery,
    PathId,
    PublicId,
    one_of,
    page,
)
from merchant_portal.lib.problems import not_found
from merchant_portal.staff.api_auth import Guard, allows, key_of
from merchant_portal.staff.models import ApiKey
from merchant_portal.staff.roles import Right

from ..models import Dispute, DisputeState
from .access import visible_to

router = Router(tags=["disputes"])


class DisputeOut(BaseModel):
    """Money that a payer asks back through the bank or the provider.

    `payment` and `link`: null while they are not known here. `state`: needs_response,
    under_review, won or lost. `reason`: the provider's word. `respond_by`: until when
    to answer at the provider; `answered_at`: when somebody here said that this is done.
    """

    id: str
    payment: str | None
    link: str | None
    provider: str
    provider_dispute_id: str
    state: str
    amount: MoneyOut
    reason: str
    opened_at: datetime
    respond_by: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    recorded_at: datetime

    @classmethod
    def of(cls, dispute: Dispute) -> "DisputeOut":
        """`dispute` with account, payment and link joined."""
        payment = dispute.payment
        return cls(
            id=dispute.public_id,
            payment=payment.public_id if payment else None,
            link=payment.link.public_id if payment and payment.link else None,
            provider=dispute.account.slug,
            provider_dispute_id=dispute.provider_dispute_id,
            state=dispute.state,
            amount=MoneyOut.of(dispute.amount),
            reason=dispute.reason,
            opened_at=dispute.opened_at,
            respond_by=dispute.respond_by,
            answered_at=dispute.answered_at,
            closed_at=dispute.closed_at,
            recorded_at=dispute.recorded_at,
        )


class DisputePage(BaseModel):
    items: list[DisputeOut]
    next: str | None


class DisputeQuery(PageQuery):
    payment: PublicId | None = None
    link: PublicId | None = None
    state: Annotated[str, AfterValidator(one_of(DisputeState.values))] | None = None


def _shown_to(key: ApiKey) -> QuerySet[Dispute]:
    """As of payments: without a link only for keys that see every link."""
    rows = Dispute.objects.select_related("account", "payment__link")
    if allows(key, Right.LINKS_ALL):
        return rows
    return rows.filter(payment__link__in=visible_to(key))


@router.get("", auth=Guard(Right.PAYMENTS_READ), response=DisputePage)
def list_disputes(request: HttpRequest, query: Query[DisputeQuery]) -> DisputePage:
    """Disputes, newest first; `?payment=pay_…` or `?link=plk_…` for those of one."""
    rows = _shown_to(key_of(request))
    if query.payment is not None:
        rows = rows.filter(payment__public_id=query.payment)
    if query.link is not None:
        rows = rows.filter(payment__link__public_id=query.link)
    if query.state is not None:
        rows = rows.filter(state=query.state)
    found, following = page(rows, query)
    return DisputePage(items=[DisputeOut.of(row) for row in found], next=following)


@router.get("/{dispute_id}", auth=Guard(Right.PAYMENTS_READ), response=DisputeOut)
def get_dispute(request: HttpRequest, dispute_id: PathId) -> DisputeOut:
    """One dispute."""
    found = _shown_to(key_of(request)).filter(public_id=dispute_id).first()
    if found is None:
        raise not_found("There is no dispute with this id.")
    return DisputeOut.of(found)
