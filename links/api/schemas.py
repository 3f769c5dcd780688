"""What payment links look like over the API."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
)

from merchant_portal.lib import text
from merchant_portal.lib.api_schemas import (
    DayIn,
    Input,
    MomentIn,
    MoneyOut,
    NullIsLeftOut,
    PageQuery,
    PublicId,
    one_of,
)
from merchant_portal.lib.money import MAX_MINOR, Money

from ..models import LineItem, LinkStatus, Payment, PaymentLink, PaymentState, Refund
from ..services import pages
from .terms import RangeIn, RangeOut, TermsIn, TermsOut

MAX_METADATA = 20
MAX_LINES = 100
_QUANTITY = re.compile(r"\A[0-9]{1,7}(?:\.[0-9]{1,3})?\Z")
_PERCENT = re.compile(r"\A[0-9]{1,3}(?:\.[0-9]{1,2})?\Z")


def _milli(value: Any) -> Any:
    if type(value) is int:
        return value * 1000
    if isinstance(value, str) and _QUANTITY.match(value):
        return int(Decimal(value) * 1000)
    raise ValueError(
        'Write a whole number or a text with up to 3 decimals, like "1.5".'
    )


def _basis_points(value: Any) -> Any:
    if type(value) is int:
        return value * 100
    if isinstance(value, str) and _PERCENT.match(value):
        return int(Decimal(value) * 100)
    raise ValueError('Write whole percent or a text with up to 2 decimals, like "7.7".')


def _not_a_card(value: str) -> str:
    if text.looks_like_card_number(value):
        raise ValueError("This looks like a card number; it is not kept.")
    return value


Quantity = Annotated[
    int,
    BeforeValidator(_milli),
    Field(gt=0, le=1_000_000_000),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                {"type": "string", "pattern": r"^[0-9]{1,7}(\.[0-9]{1,3})?$"},
            ]
        }
    ),
]
Percent = Annotated[
    int,
    BeforeValidator(_basis_points),
    Field(ge=0, le=10_000),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "integer", "minimum": 0, "maximum": 100},
                {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,2})?$"},
            ]
        }
    ),
]
MetadataKey = Annotated[str, Field(min_length=1, max_length=40)]
MetadataText = Annotated[str, Field(max_length=500), AfterValidator(_not_a_card)]


class LineIn(NullIsLeftOut):
    """`quantity`: 2 or "1.5"; `discount` and `tax_rate`: percent, 19 or "7.7"."""

    description: Annotated[
        str, Field(min_length=1, max_length=800), AfterValidator(_not_a_card)
    ]
    unit_amount_minor: Annotated[int, Field(ge=0, le=MAX_MINOR)]
    quantity: Quantity = 1000
    discount: Percent = 0
    tax_rate: Percent = 0
    quantity_range: RangeIn | None = None


class LinkIn(NullIsLeftOut):
    """`customer`: an id or null; `draft`: true keeps it unpayable until it is sent.

    `providers`: slugs of those that the page offers, as "stripe"; empty means all.
    """

    customer: PublicId | None = None
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)]
    due_on: DayIn | None = None
    expires_at: MomentIn | None = None
    note: Annotated[str, Field(max_length=2000), AfterValidator(_not_a_card)] = ""
    draft: bool = False
    metadata: Annotated[
        dict[MetadataKey, MetadataText], Field(max_length=MAX_METADATA)
    ] = Field(default_factory=dict)
    providers: Annotated[
        list[Annotated[str, Field(max_length=20)]], Field(max_length=20)
    ] = Field(default_factory=list)
    reminders: bool = True
    reminder_plan: PublicId | None = None
    terms: TermsIn = Field(default_factory=TermsIn)


class CancelIn(NullIsLeftOut):
    """`reason`: shown to the customer. `version`: cancel only the link as you saw it."""

    reason: Annotated[str, Field(max_length=300), AfterValidator(_not_a_card)] = ""
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class LineOut(BaseModel):
    description: str
    quantity: str
    unit_amount_minor: int
    discount: str
    tax_rate: str
    quantity_range: RangeOut | None
    net_minor: int
    tax_minor: int
    total_minor: int

    @classmethod
    def of(cls, line: LineItem) -> "LineOut":
        return cls(
            description=line.description,
            quantity=_plain(line.asked_milli, 3),
            unit_amount_minor=line.unit_amount_minor,
            discount=_plain(line.discount_bp, 2),
            tax_rate=_plain(line.tax_bp, 2),
            quantity_range=RangeOut.of(line),
            net_minor=line.net_minor,
            tax_minor=line.tax_minor,
            total_minor=line.total_minor,
        )


def _plain(value: int, decimals: int) -> str:
    """`value` shifted right by `decimals` places, without trailing zeros."""
    whole, fraction = divmod(value, 10**decimals)
    return f"{whole}.{fraction:0{decimals}d}".rstrip("0").rstrip(".")


class LinkOut(BaseModel):
    """`url`: what the customer opens; `balance`: what is still asked. `providers`: that
    the page offers; empty means all.

    `version`: rises with each change of terms, status or money.
    """

    id: str
    version: int
    number: str | None
    url: str
    status: str
    currency: str
    amount: MoneyOut
    amount_paid: MoneyOut
    balance: MoneyOut
    net: MoneyOut
    tax: MoneyOut
    customer: str | None
    lines: list[LineOut]
    due_on: date | None
    expires_at: datetime | None
    note: str
    metadata: dict[str, Any]
    providers: list[str]
    reminders: bool
    reminder_plan: str | None
    terms: TermsOut
    cancel_reason: str
    replaces: str | None
    created_at: datetime
    activated_at: datetime | None
    last_sent_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, link: PaymentLink) -> "LinkOut":
        """`link` with customer and replaced link joined and lines prefetched."""
        return cls(
            id=link.public_id,
            version=link.version,
            number=link.number,
            url=pages.url_of(link),
            status=link.status,
            currency=link.currency,
            amount=MoneyOut.of(link.amount),
            amount_paid=MoneyOut.of(link.amount_paid),
            balance=MoneyOut.of(link.balance),
            net=MoneyOut.of(Money(link.net_minor, link.currency)),
            tax=MoneyOut.of(Money(link.tax_minor, link.currency)),
            customer=link.customer.public_id if link.customer else None,
            lines=[LineOut.of(line) for line in link.lines.all()],
            due_on=link.due_on,
            expires_at=link.expires_at,
            note=link.note,
            metadata=link.metadata,
            providers=link.allowed_providers,
            reminders=link.has_reminders,
            reminder_plan=link.reminder_plan.public_id if link.reminder_plan else None,
            terms=TermsOut.of(link),
            cancel_reason=link.cancel_reason,
            replaces=link.replaces.public_id if link.replaces else None,
            created_at=link.created_at,
            activated_at=link.activated_at,
            last_sent_at=link.last_sent_at,
            paid_at=link.paid_at,
            closed_at=link.closed_at,
        )


class LinkPage(BaseModel):
    items: list[LinkOut]
    next: str | None


class LinkQuery(PageQuery):
    customer: PublicId | None = None
    status: Annotated[str, AfterValidator(one_of(LinkStatus.values))] | None = None
    number: Annotated[str, Field(min_length=1, max_length=20)] | None = None


class PaymentOut(BaseModel):
    """Money that moved. `link`: null for money that names none of ours.

    `surplus`: the part that was not asked for; `tip`: given on top; `is_late`: came when the link was
    expired or canceled; `mismatch`: amount or currency, where other than asked.
    """

    id: str
    link: str | None
    provider: str
    provider_payment_id: str
    state: str
    amount: MoneyOut
    fee_minor: int | None
    surplus: MoneyOut
    tip: MoneyOut
    refunded: MoneyOut
    method: str
    is_late: bool
    mismatch: str
    note: str
    failure: str
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> "PaymentOut":
        """`payment` with link and account joined."""
        return cls(
            id=payment.public_id,
            link=payment.link.public_id if payment.link else None,
            provider=payment.account.slug,
            provider_payment_id=payment.provider_payment_id,
            state=payment.state,
            amount=MoneyOut.of(payment.amount),
            fee_minor=payment.fee_minor,
            surplus=MoneyOut.of(Money(payment.surplus_minor, payment.currency)),
            tip=MoneyOut.of(Money(payment.tip_minor, payment.currency)),
            refunded=MoneyOut.of(Money(payment.refunded_minor, payment.currency)),
            method=payment.method,
            is_late=payment.is_late,
            mismatch=payment.mismatch,
            note=payment.note,
            failure=payment.failure,
            occurred_at=payment.occurred_at,
            recorded_at=payment.recorded_at,
        )


class MoneyIn(Input):
    amount_minor: Annotated[int, Field(ge=1, le=MAX_MINOR)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class RefundIn(Input):
    """Money to give back, in the payment's currency. It is proposed; a person approves."""

    amount: MoneyIn
    reason: Annotated[str, Field(max_length=300), AfterValidator(_not_a_card)] = ""


class RefundOut(BaseModel):
    """`state`: proposed, declined, approved, sending, unknown, pending, succeeded or
    failed. `origin`: staff (or a key), surplus, or provider for one made there."""

    id: str
    payment: str
    state: str
    origin: str
    amount: MoneyOut
    reason: str
    failure: str
    proposed_at: datetime
    decided_at: datetime | None
    occurred_at: datetime | None

    @classmethod
    def of(cls, refund: Refund) -> "RefundOut":
        """`refund` with its payment joined."""
        return cls(
            id=refund.public_id,
            payment=refund.payment.public_id,
            state=refund.state,
            origin=refund.origin,
            amount=MoneyOut.of(refund.amount),
            reason=refund.reason,
            failure=refund.failure,
            proposed_at=refund.proposed_at,
            decided_at=refund.decided_at,
            occurred_at=refund.occurred_at,
        )


class RefundList(BaseModel):
    items: list[RefundOut]


class PaymentPage(BaseModel):
    items: list[PaymentOut]
    next: str | None


class PaymentQuery(PageQuery):
    link: PublicId | None = None
    state: Annotated[str, AfterValidator(one_of(PaymentState.values))] | None = None


class EntryOut(BaseModel):
    """`actor`: public id of a user or key, or a plain word such as payer, system."""

    id: str
    kind: str
    at: datetime
    actor: str
    detail: dict[str, Any]


class Timeline(BaseModel):
    items: list[EntryOut]
    next: str | None
