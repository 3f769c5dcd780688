"""Square's objects, as parsed JSON, read into our snapshots.

What is missing or of another type than documented is treated as not said; a state we
do not know is never taken for paid. Source: Square API reference, 2025-08-20.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from merchant_portal.lib import ids
from merchant_portal.lib.money import EXPONENTS, Money, MoneyError

from .base import (
    PaymentSnapshot,
    ProviderRejected,
    ProviderUnavailable,
    RefundSnapshot,
    RefundState,
    SeenState,
    SessionState,
)
from .parsing import Json, json_object, text

SLUG = "square"
METADATA_CHECKOUT, METADATA_LINK = "checkout", "link"

ORDER_STATES = {
    "DRAFT": SessionState.OPEN,
    "OPEN": SessionState.OPEN,
    "COMPLETED": SessionState.COMPLETED,
    "CANCELED": SessionState.EXPIRED,
}
PAYMENT_STATES = {
    "COMPLETED": SeenState.SUCCEEDED,
    "APPROVED": SeenState.PROCESSING,
    "PENDING": SeenState.PROCESSING,
    "CANCELED": SeenState.FAILED,
    "FAILED": SeenState.FAILED,
}
# Anything else is under way, as far as we know.
REFUND_STATES = {
    "COMPLETED": RefundState.SUCCEEDED,
    "APPROVED": RefundState.PENDING,
    "PENDING": RefundState.PENDING,
    "REJECTED": RefundState.FAILED,
    "FAILED": RefundState.FAILED,
}
# What people write as the reason of a refund is no reference of ours.
REFUND_REFERENCE = re.compile(rf"rfd_[{ids.ALPHABET}]{{{ids.LENGTH}}}")
IDENTITY_MAX, REFUND_IDENTITY_MAX = 192, 255


def session_state(order: Json, payments: Iterable[PaymentSnapshot]) -> SessionState:
    """Where the page of an order stands.

    An order that was paid may stay OPEN, to be fulfilled by somebody; its page takes no
    second payment.
    """
    state = ORDER_STATES.get(text(order, "state"), SessionState.UNKNOWN)
    has_money = any(seen.state is not SeenState.FAILED for seen in payments)
    if state is SessionState.OPEN and has_money:
        return SessionState.COMPLETED
    return state


def payment_ids(order: Json) -> list[str]:
    """Ids of the payments of an order, in its order."""
    tenders = order.get("tenders")
    found = tenders if isinstance(tenders, list) else []
    named = (
        text(tender, "payment_id") or text(tender, "id")
        for tender in found
        if isinstance(tender, Mapping)
    )
    return [name for name in named if name]


def payment_snapshot(
    payment: Json,
    order: Json,
    *,
    session_id: str = "",
    refunds: tuple[RefundSnapshot, ...] = (),
) -> PaymentSnapshot | None:
    """One payment with our references off its order; None for a state we do not know."""
    state = PAYMENT_STATES.get(text(payment, "status"))
    if state is None:
        return None
    occurred_at = moment(payment, "created_at")
    if occurred_at is None:
        raise ProviderUnavailable("Square describes a payment without its time.")
    ours = json_object(order, "metadata")
    amount = json_object(payment, "total_money") or json_object(payment, "amount_money")
    return PaymentSnapshot(
        account_slug=SLUG,
        provider_payment_id=identity(payment, "payment"),
        state=state,
        amount=money(amount),
        occurred_at=occurred_at,
        provider_session_id=session_id,
        checkout_reference=text(ours, METADATA_CHECKOUT),
        link_reference=text(ours, METADATA_LINK),
        fee=_fee(payment),
        method=text(payment, "source_type").lower()[:40],
        failure=_failure(payment) if state is SeenState.FAILED else "",
        refunds=refunds,
    )


def names_our_checkout(order: Json) -> bool:
    return bool(text(json_object(order, "metadata"), METADATA_CHECKOUT))


def refund_ids(payment: Json) -> list[str]:
    """Ids of the refunds of a payment, in its order."""
    named = payment.get("refund_ids")
    found = named if isinstance(named, list) else []
    return [name for name in found if isinstance(name, str) and name]


def refund_snapshot(refund: Json) -> RefundSnapshot:
    """One refund; Square carries our reference in its reason and says nothing of why one
    failed but the state itself."""
    status, reason = text(refund, "status"), text(refund, "reason")
    state = REFUND_STATES.get(status, RefundState.PENDING)
    occurred_at = moment(refund, "created_at")
    if occurred_at is None:
        raise ProviderUnavailable("Square describes a refund without its time.")
    return RefundSnapshot(
        provider_refund_id=identity(refund, "refund", longest=REFUND_IDENTITY_MAX),
        state=state,
        amount=money(json_object(refund, "amount_money")),
        occurred_at=occurred_at,
        reference=reason if REFUND_REFERENCE.fullmatch(reason) else "",
        failure=status.lower() if state is RefundState.FAILED else "",
    )


def money(found: Json) -> Money:
    """Square counts in the smallest unit of ISO 4217, as we do."""
    units, code = found.get("amount"), text(found, "currency")
    if type(units) is not int or units < 0 or code not in EXPONENTS:
        raise ProviderRejected(f"Square names an amount that is none: {code[:8]!r}.")
    try:
        return Money(units, code)
    except MoneyError as exc:
        raise ProviderRejected(str(exc)) from exc


def _fee(payment: Json) -> Money | None:
    """What Square kept, known some time after the payment; None too in part or if it was
    kept in another currency."""
    fees = payment.get("processing_fee")
    if not isinstance(fees, list) or not fees:
        return None
    currency = text(json_object(payment, "amount_money"), "currency")
    total = 0
    for fee in fees:
        kept = json_object(fee, "amount_money") if isinstance(fee, Mapping) else {}
        units = kept.get("amount")
        if type(units) is not int or text(kept, "currency") != currency:
            return None
        total += units
    return money({"amount": total, "currency": currency}) if total >= 0 else None


def _failure(payment: Json) -> str:
    """Why it failed, for staff; empty if Square does not say."""
    errors = json_object(payment, "card_details").get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    if not isinstance(first, Mapping):
        return ""
    return (text(first, "detail") or text(first, "code"))[:300]


def identity(found: Json, what: str, *, longest: int = IDENTITY_MAX) -> str:
    value = text(found, "id")
    if not value or len(value) > longest:
        raise ProviderUnavailable(f"Square describes a {what} without its id.")
    return value


def moment(found: Json, name: str) -> datetime | None:
    """RFC 3339; a time without its zone is no time."""
    try:
        value = datetime.fromisoformat(text(found, name))
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else None


def order_of(link: Json) -> str:
    """The id of the order that their payment link holds."""
    order_id = text(link, "order_id")
    if not order_id:
        raise ProviderUnavailable("Square describes a payment link without its order.")
    return order_id
