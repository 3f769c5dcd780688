"""PayPal's orders, captures and refunds, as parsed JSON, read into our snapshots.

What is missing or of another type than documented is treated as not said; a state we
do not know is never taken for paid. Source: Orders 2.13 and Payments 2.5.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

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
from .parsing import Json, json_object, plain, text
from .paypal_money import money

SLUG = "paypal"
# How long a payer may take from the click to agreeing.
ORDER_LIFE = timedelta(hours=3)
# Our two references, in the one field of an order that comes back with its money.
SEPARATOR = "."

ORDER_STATES = {
    "CREATED": SessionState.OPEN,
    "SAVED": SessionState.OPEN,
    "PAYER_ACTION_REQUIRED": SessionState.OPEN,
    "APPROVED": SessionState.OPEN,
    "COMPLETED": SessionState.COMPLETED,
    "VOIDED": SessionState.EXPIRED,
}
CAPTURE_STATES = {
    "COMPLETED": SeenState.SUCCEEDED,
    "PARTIALLY_REFUNDED": SeenState.SUCCEEDED,
    "REFUNDED": SeenState.SUCCEEDED,
    "PENDING": SeenState.PROCESSING,
    "DECLINED": SeenState.FAILED,
    "FAILED": SeenState.FAILED,
}
REFUNDED_STATES = {"PARTIALLY_REFUNDED", "REFUNDED"}
REFUND_STATES = {
    "COMPLETED": RefundState.SUCCEEDED,
    "PENDING": RefundState.PENDING,
    "CANCELLED": RefundState.FAILED,
    "FAILED": RefundState.FAILED,
}


def order_snapshot(order: Json) -> CheckoutSnapshot:
    """A session is an order; its payments are the captures of it."""
    status = text(order, "status")
    refunds = refunds_by_capture(order)
    payments = tuple(
        seen
        for capture in _collected(order, "captures")
        for seen in [capture_snapshot(capture, order, refunds)]
        if seen is not None
    )
    created_at = moment(order, "create_time")
    return CheckoutSnapshot(
        provider_session_id=identity(order, "order"),
        state=ORDER_STATES.get(status, SessionState.UNKNOWN),
        url=_payer_url(order),
        expires_at=created_at + ORDER_LIFE if created_at else None,
        payments=payments,
        awaits_capture=status == "APPROVED" and not payments,
    )


def capture_snapshot(
    capture: Json, order: Json, refunds: Mapping[str, tuple[RefundSnapshot, ...]]
) -> PaymentSnapshot | None:
    """One payment; None for a state we do not know. `refunds`: by capture."""
    state = CAPTURE_STATES.get(text(capture, "status"))
    if state is None:
        return None
    occurred_at = moment(capture, "create_time")
    if occurred_at is None:
        raise ProviderUnavailable("PayPal describes a payment without its time.")
    ours = text(capture, "custom_id") or text(_unit(order), "custom_id")
    checkout, _, link = ours.partition(SEPARATOR)
    capture_id = identity(capture, "payment")
    return PaymentSnapshot(
        account_slug=SLUG,
        provider_payment_id=capture_id,
        state=state,
        amount=money(json_object(capture, "amount")),
        occurred_at=occurred_at,
        provider_session_id=plain(order.get("id")) or order_id(capture),
        checkout_reference=checkout,
        link_reference=link,
        fee=_fee(capture),
        method="wallet",
        failure=_reason(capture) if state is SeenState.FAILED else "",
        refunds=refunds.get(capture_id, ()),
    )


def order_id(capture: Json) -> str:
    """The order that a capture belongs to; empty if PayPal does not say."""
    related = json_object(json_object(capture, "supplementary_data"), "related_ids")
    return plain(related.get("order_id"))


def refunds_by_capture(order: Json) -> dict[str, tuple[RefundSnapshot, ...]]:
    """A refund names its capture by a link only."""
    found: dict[str, tuple[RefundSnapshot, ...]] = {}
    for refund in _collected(order, "refunds"):
        capture_id = linked(refund, "up")
        found[capture_id] = (*found.get(capture_id, ()), refund_snapshot(refund))
    return found


def refund_snapshot(refund: Json) -> RefundSnapshot:
    """A state that we do not know is one that may still change."""
    state = REFUND_STATES.get(text(refund, "status"), RefundState.PENDING)
    occurred_at = moment(refund, "create_time")
    if occurred_at is None:
        raise ProviderUnavailable("PayPal describes a refund without its time.")
    return RefundSnapshot(
        provider_refund_id=identity(refund, "refund"),
        state=state,
        amount=money(json_object(refund, "amount")),
        occurred_at=occurred_at,
        reference=_our_refund(refund),
        failure=_reason(refund) if state is RefundState.FAILED else "",
    )


def _our_refund(refund: Json) -> str:
    """Refunds made elsewhere carry the references of their payment."""
    reference = text(refund, "custom_id")
    return reference if reference.startswith("rfd_") else ""


def linked(found: Json, relation: str) -> str:
    """The last part of the address under that relation, an id; empty if there is none."""
    return plain(href(found, relation).rstrip("/").rpartition("/")[2])


def identity(found: Json, what: str) -> str:
    value = plain(found.get("id"))
    if not value:
        raise ProviderUnavailable(f"PayPal describes a {what} without its id.")
    return value


def moment(found: Json, name: str) -> datetime | None:
    """RFC 3339; a time without its zone is no time."""
    try:
        value = datetime.fromisoformat(text(found, name))
    except ValueError:
        return None
    return value.astimezone(UTC) if value.tzinfo else None


def _unit(order: Json) -> Json:
    units = order.get("purchase_units")
    first = units[0] if isinstance(units, list) and units else {}
    return first if isinstance(first, Mapping) else {}


def _collected(order: Json, name: str) -> list[Json]:
    rows = json_object(_unit(order), "payments").get(name)
    found = rows if isinstance(rows, list) else []
    return [row for row in found if isinstance(row, Mapping)]


def _payer_url(order: Json) -> str:
    return href(order, "payer-action") or href(order, "approve")


def href(found: Json, relation: str) -> str:
    """The address under that relation; empty if there is none."""
    links = found.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, Mapping) and link.get("rel") == relation:
            return text(link, "href")
    return ""


def _fee(capture: Json) -> Money | None:
    """What PayPal kept; None while unknown or if it was kept in another currency."""
    kept = json_object(
        json_object(capture, "seller_receivable_breakdown"), "paypal_fee"
    )
    currency = text(json_object(capture, "amount"), "currency_code")
    return money(kept) if kept and text(kept, "currency_code") == currency else None


def _reason(found: Json) -> str:
    return text(json_object(found, "status_details"), "reason")[:300]
