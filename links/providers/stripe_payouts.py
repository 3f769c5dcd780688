"""Stripe's payouts, as parsed JSON, read into our snapshots. Source: API
2026-10-28.endive."""

from .base import PayoutSnapshot, PayoutState, ProviderUnavailable
from .parsing import Json, text
from .stripe_money import from_stripe
from .stripe_objects import SLUG, identity, moment

# Anything else is not sent yet, as far as we know.
STATES = {
    "pending": PayoutState.PENDING,
    "in_transit": PayoutState.IN_TRANSIT,
    "paid": PayoutState.PAID,
    "canceled": PayoutState.CANCELED,
    "failed": PayoutState.FAILED,
}


def payout_snapshot(payout: Json) -> PayoutSnapshot:
    created_at, arrival = moment(payout, "created"), moment(payout, "arrival_date")
    if created_at is None:
        raise ProviderUnavailable("Stripe describes a payout without its time.")
    return PayoutSnapshot(
        account_slug=SLUG,
        provider_payout_id=identity(payout, "payout"),
        state=STATES.get(text(payout, "status"), PayoutState.PENDING),
        amount=from_stripe(payout.get("amount"), text(payout, "currency")),
        created_at=created_at,
        # Midnight of that day in UTC, as Stripe's documents have it.
        arrives_on=arrival.date() if arrival else None,
    )
