"""Stripe's disputes, as parsed JSON, read into our snapshots.

A dispute is of a charge and names its payment intent; one of a charge without an intent
was never a payment of ours. Stripe tells no time of its last change. Source: API
2026-10-28.endive.
"""

from collections.abc import Mapping

from .base import DisputeSnapshot, DisputeState, ProviderUnavailable
from .parsing import Json, json_object, text
from .stripe_money import from_stripe
from .stripe_objects import SLUG, identity, moment

# Anything else is under review, as far as we know.
STATES = {
    "warning_needs_response": DisputeState.NEEDS_RESPONSE,
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "appeal_needs_response": DisputeState.NEEDS_RESPONSE,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    "under_review": DisputeState.UNDER_REVIEW,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "warning_closed": DisputeState.WON,
    "lost": DisputeState.LOST,
}
PREVENTED = "prevented"


def dispute_snapshot(dispute: Json) -> DisputeSnapshot:
    opened_at = moment(dispute, "created")
    if opened_at is None:
        raise ProviderUnavailable("Stripe describes a dispute without its time.")
    return DisputeSnapshot(
        account_slug=SLUG,
        provider_dispute_id=identity(dispute, "dispute"),
        provider_payment_id=text(dispute, "payment_intent"),
        state=_state(dispute),
        amount=from_stripe(dispute.get("amount"), text(dispute, "currency")),
        reason=text(dispute, "reason"),
        opened_at=opened_at,
        respond_by=moment(json_object(dispute, "evidence_details"), "due_by"),
    )


def _state(dispute: Json) -> DisputeState:
    """A dispute is prevented by blocking it, or by giving the money back for us: the
    balance tells which."""
    status = text(dispute, "status")
    if status == PREVENTED:
        return DisputeState.LOST if _withdrawn(dispute) else DisputeState.WON
    return STATES.get(status, DisputeState.UNDER_REVIEW)


def _withdrawn(dispute: Json) -> bool:
    rows = dispute.get("balance_transactions")
    amounts = [
        row.get("amount")
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping)
    ]
    return sum(amount for amount in amounts if type(amount) is int) < 0
