"""PayPal's disputes, as parsed JSON, read into our snapshots.

A buyer or a seller may appeal: what was resolved can open again. Source: Disputes 1.10.
"""

from collections.abc import Mapping

from .base import DisputeSnapshot, DisputeState, ProviderUnavailable
from .parsing import Json, json_object, plain, text
from .paypal_money import money
from .paypal_objects import SLUG, moment

# Anything else is under review, as far as we know.
STATES = {
    "OPEN": DisputeState.NEEDS_RESPONSE,
    "WAITING_FOR_SELLER_RESPONSE": DisputeState.NEEDS_RESPONSE,
    "WAITING_FOR_BUYER_RESPONSE": DisputeState.UNDER_REVIEW,
    "UNDER_REVIEW": DisputeState.UNDER_REVIEW,
}
RESOLVED = "RESOLVED"
# With a payout, PayPal itself bears it.
OUTCOMES = {
    "RESOLVED_SELLER_FAVOUR": DisputeState.WON,
    "RESOLVED_WITH_PAYOUT": DisputeState.WON,
    "CANCELED_BY_BUYER": DisputeState.WON,
    "DENIED": DisputeState.WON,
    "RESOLVED_BUYER_FAVOUR": DisputeState.LOST,
    "ACCEPTED": DisputeState.LOST,
}


def dispute_snapshot(dispute: Json) -> DisputeSnapshot:
    dispute_id = plain(dispute.get("dispute_id"))
    opened_at = moment(dispute, "create_time")
    if not dispute_id or opened_at is None:
        raise ProviderUnavailable("PayPal describes a dispute without its id or time.")
    return DisputeSnapshot(
        account_slug=SLUG,
        provider_dispute_id=dispute_id,
        provider_payment_id=plain(_transaction(dispute).get("seller_transaction_id")),
        state=_state(dispute),
        amount=money(json_object(dispute, "dispute_amount")),
        reason=text(dispute, "reason"),
        opened_at=opened_at,
        respond_by=moment(dispute, "seller_response_due_date"),
        changed_at=moment(dispute, "update_time") or opened_at,
    )


def _state(dispute: Json) -> DisputeState:
    status = text(dispute, "status")
    if status == RESOLVED:
        outcome = text(json_object(dispute, "dispute_outcome"), "outcome_code")
        return OUTCOMES.get(outcome, DisputeState.UNDER_REVIEW)
    return STATES.get(status, DisputeState.UNDER_REVIEW)


def _transaction(dispute: Json) -> Json:
    """The capture that it is about; PayPal keeps one of ours in each dispute."""
    rows = dispute.get("disputed_transactions")
    first = rows[0] if isinstance(rows, list) and rows else {}
    return first if isinstance(first, Mapping) else {}
