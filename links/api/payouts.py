"""Payouts over the API: read only, providers make them."""

from datetime import date, datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import AfterValidator, BaseModel

from merchant_portal.lib.api_schemas import MoneyOut, PageQuery, one_of, page
from merchant_portal.staff.api_auth import Guard
from merchant_portal.staff.roles import Right

from ..models import Payout, PayoutState

router = Router(tags=["payouts"])


class PayoutOut(BaseModel):
    """Money sent to the merchant's bank; below zero if it was taken from there.

    `state`: pending, in_transit, paid, canceled or failed, which may follow paid.
    `arrives_on`: as the provider expects; null where it does not say.
    """

    id: str
    provider: str
    provider_payout_id: str
    state: str
    amount: MoneyOut
    arrives_on: date | None
    created_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, payout: Payout) -> "PayoutOut":
        """`payout` with its account joined."""
        return cls(
            id=payout.public_id,
            provider=payout.account.slug,
            provider_payout_id=payout.provider_payout_id,
            state=payout.state,
            amount=MoneyOut.of(payout.amount),
            arrives_on=payout.arrives_on,
            created_at=payout.created_at,
            recorded_at=payout.recorded_at,
        )


class PayoutPage(BaseModel):
    items: list[PayoutOut]
    next: str | None


class PayoutQuery(PageQuery):
    state: Annotated[str, AfterValidator(one_of(PayoutState.values))] | None = None


@router.get("", auth=Guard(Right.REPORTS_READ), response=PayoutPage)
def list_payouts(request: HttpRequest, query: Query[PayoutQuery]) -> PayoutPage:
    """Payouts of every account, the last heard of first."""
    rows = Payout.objects.select_related("account")
    if query.state is not None:
        rows = rows.filter(state=query.state)
    found, following = page(rows, query)
    return PayoutPage(items=[PayoutOut.of(row) for row in found], next=following)
