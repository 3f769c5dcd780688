"""Square's disputes, as parsed JSON, read into our snapshots.

Source: Square API reference, 2025-08-20.
"""

from .base import DisputeSnapshot, DisputeState, ProviderUnavailable
from .parsing import Json, json_object, plain, text
from .square_objects import SLUG, identity, moment, money

# Anything else is under review, as far as we know.
STATES = {
    "INQUIRY_EVIDENCE_REQUIRED": DisputeState.NEEDS_RESPONSE,
    "EVIDENCE_REQUIRED": DisputeState.NEEDS_RESPONSE,
    "INQUIRY_PROCESSING": DisputeState.UNDER_REVIEW,
    "PROCESSING": DisputeState.UNDER_REVIEW,
    "INQUIRY_CLOSED": DisputeState.WON,
    "WON": DisputeState.WON,
    "ACCEPTED": DisputeState.LOST,
    "LOST": DisputeState.LOST,
}


def dispute_snapshot(dispute: Json) -> DisputeSnapshot:
    opened_at = moment(dispute, "created_at")
    if opened_at is None:
        raise ProviderUnavailable("Square describes a dispute without its time.")
    payment = json_object(dispute, "disputed_payment")
    return DisputeSnapshot(
        account_slug=SLUG,
        provider_dispute_id=identity(dispute, "dispute"),
        provider_payment_id=plain(payment.get("payment_id")),
        state=STATES.get(text(dispute, "state"), DisputeState.UNDER_REVIEW),
        amount=money(json_object(dispute, "amount_money")),
        reason=text(dispute, "reason"),
        opened_at=opened_at,
        respond_by=moment(dispute, "due_at"),
        changed_at=moment(dispute, "updated_at") or opened_at,
    )
