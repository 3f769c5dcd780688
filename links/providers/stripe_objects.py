"""Stripe's objects, as parsed JSON, read into our snapshots.

What is missing or of another type than documented is treated as not said; a state we
do not know is never taken for paid. Source: API 2026-10-28.endive.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from merchant_portal.lib.money import Money

from .base import (
    CheckoutSnapshot,
    PaymentSnapshot,
    ProviderUnavailable,
    RefundSnapshot,
    RefundState,
    SeenState,
    SessionState,
)
from .parsing import Json, json_object, text
from .stripe_money import from_stripe

SLUG = "stripe"
METADATA_CHECKOUT, METADATA_LINK, METADATA_REFUND = "checkout", "link", "refund"

SESSION_STATES = {
    "open": SessionState.OPEN,
    "complete": SessionState.COMPLETED,
    "expired": SessionState.EXPIRED,
}
INTENT_STATES = {
    "succeeded": SeenState.SUCCEEDED,
    "processing": SeenState.PROCESSING,
    "requires_capture": SeenState.PROCESSING,
    "canceled": SeenState.FAILED,
}
# Anything else is under way, as far as we know.
REFUND_STATES = {
    "succeeded": RefundState.SUCCEEDED,
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
UNPAID = "unpaid"


def checkout_snapshot(session: Json) -> CheckoutSnapshot:
    """A session whose `payment_intent` is expanded, or not there yet."""
    state = SESSION_STATES.get(text(session, "status"), SessionState.UNKNOWN)
    intent = session.get("payment_intent")
    payments: tuple[PaymentSnapshot, ...] = ()
    if isinstance(intent, Mapping):
        is_unpaid = session.get("payment_status") == UNPAID
        seen = payment_snapshot(
            intent,
            session=session,
            is_unpaid=is_unpaid,
            is_submitted=state is SessionState.COMPLETED,
        )
        payments = (seen,) if seen else ()
    return CheckoutSnapshot(
        provider_session_id=identity(session, "checkout session"),
        state=state,
        url=text(session, "url"),
        expires_at=moment(session, "expires_at"),
        payments=payments,
    )


def payment_snapshot(
    intent: Json,
    *,
    session: Json | None = None,
    is_unpaid: bool = False,
    is_submitted: bool = False,
) -> PaymentSnapshot | None:
    """One payment intent; None while nobody has tried to pay.

    `is_unpaid`: the session says that no money came, which outranks a "succeeded" of
    the intent. `is_submitted`: the payer finished the hosted page, so an intent
    that names no outcome yet is on its way.
    """
    failure = _failure(intent)
    state = INTENT_STATES.get(text(intent, "status"))
    if state is SeenState.SUCCEEDED and is_unpaid:
        state = SeenState.PROCESSING
    if state is None and failure:
        state = SeenState.FAILED
    if state is None and is_submitted:
        state = SeenState.PROCESSING
    if state is None:
        return None
    charge = json_object(intent, "latest_charge")
    paid = state is SeenState.SUCCEEDED
    units = intent.get("amount_received") if paid else intent.get("amount")
    occurred_at = moment(charge, "created") or moment(intent, "created")
    if occurred_at is None:
        raise ProviderUnavailable("Stripe describes a payment without its time.")
    ours = {**json_object(session or {}, "metadata"), **json_object(intent, "metadata")}
    return PaymentSnapshot(
        account_slug=SLUG,
        provider_payment_id=identity(intent, "payment"),
        state=state,
        amount=from_stripe(units, text(intent, "currency")),
        occurred_at=occurred_at,
        provider_session_id=text(session or {}, "id"),
        checkout_reference=text(ours, METADATA_CHECKOUT),
        link_reference=text(ours, METADATA_LINK)
        or text(session or {}, "client_reference_id"),
        fee=_fee(charge),
        method=text(json_object(charge, "payment_method_details"), "type")[:40],
        failure=failure if state is SeenState.FAILED else "",
        refunds=tuple(refund_snapshot(found) for found in reversed(_refunds(charge))),
    )


def tells_all_refunds(intent: Json) -> bool:
    """Whether no refund is missing. A charge names its ten newest, and those only when
    it is asked to."""
    charge = json_object(intent, "latest_charge")
    return not charge or json_object(charge, "refunds").get("has_more") is False


def refund_snapshot(refund: Json) -> RefundSnapshot:
    """One refund; made elsewhere, and so without a reference, if its metadata is."""
    state = REFUND_STATES.get(text(refund, "status"), RefundState.PENDING)
    occurred_at = moment(refund, "created")
    if occurred_at is None:
        raise ProviderUnavailable("Stripe describes a refund without its time.")
    failure = text(refund, "failure_reason") or text(refund, "status")
    return RefundSnapshot(
        provider_refund_id=identity(refund, "refund"),
        state=state,
        amount=from_stripe(refund.get("amount"), text(refund, "currency")),
        occurred_at=occurred_at,
        reference=text(json_object(refund, "metadata"), METADATA_REFUND),
        failure=failure[:300] if state is RefundState.FAILED else "",
    )


def _refunds(charge: Json) -> list[Json]:
    """What a charge names, newest first."""
    data = json_object(charge, "refunds").get("data")
    found = data if isinstance(data, list) else []
    return [refund for refund in found if isinstance(refund, Mapping)]


def _fee(charge: Json) -> Money | None:
    """What Stripe kept; known a little after the charge.

    None too if it was kept in another currency than was paid: the books hold one
    currency a payment.
    """
    booked = json_object(charge, "balance_transaction")
    units, currency = booked.get("fee"), text(booked, "currency")
    if type(units) is not int or currency != text(charge, "currency"):
        return None
    return from_stripe(units, currency)


def _failure(intent: Json) -> str:
    """Why the last try failed, for staff; empty if none did."""
    error = json_object(intent, "last_payment_error")
    said = text(error, "message") or text(error, "decline_code")
    said = said or text(error, "code")
    if intent.get("status") == "canceled":
        said = said or text(intent, "cancellation_reason") or "canceled"
    return said[:300]


def identity(found: Json, what: str) -> str:
    identity = text(found, "id")
    if not identity or len(identity) > 255:
        raise ProviderUnavailable(f"Stripe describes a {what} without its id.")
    return identity


def moment(found: Json, name: str) -> datetime | None:
    value = found.get(name)
    if type(value) is not int:
        return None
    try:
        return datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
