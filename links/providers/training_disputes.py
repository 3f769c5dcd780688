"""Disputes at the rehearsal provider: opened, and decided, by whoever rehearses."""

from datetime import datetime, timedelta

from django.db.models import F

from merchant_portal.lib import clock, ids
from merchant_portal.lib.money import Money

from ..models.training import TrainingDispute, TrainingPayment
from .base import DisputeSnapshot, DisputeState, ProviderRejected

ANSWER_WITHIN = timedelta(days=7)
REASON = "product_not_received"


def open_dispute(
    payment: TrainingPayment, *, amount_minor: int | None = None, is_told: bool = True
) -> TrainingDispute:
    """The payer asks the money back, or a part of it. `is_told`: by a webhook."""
    now = clock.now()
    if payment.succeeds_at is None or payment.succeeds_at > now:
        raise ProviderRejected("No money has come in that could be disputed.")
    paid = payment.session.amount_minor
    amount_minor = paid if amount_minor is None else amount_minor
    if not 0 < amount_minor <= paid:
        raise ProviderRejected("So much was not paid.")
    return TrainingDispute.objects.create(
        payment=payment,
        dispute_id=ids.new("tdp"),
        state=DisputeState.NEEDS_RESPONSE.value,
        amount_minor=amount_minor,
        opened_at=now,
        respond_by=now + ANSWER_WITHIN,
        changed_at=now,
        webhook_at=now if is_told else None,
    )


def move_dispute(
    dispute: TrainingDispute, state: DisputeState, *, is_told: bool = True
) -> None:
    """It is answered, or decided; decided again too, as after an appeal."""
    now = clock.now()
    TrainingDispute.objects.filter(pk=dispute.pk).update(
        state=state.value,
        changed_at=now,
        version=F("version") + 1,
        webhook_at=now if is_told else None,
    )
    dispute.refresh_from_db()


def fetch(dispute_id: str) -> DisputeSnapshot:
    dispute = (
        TrainingDispute.objects.select_related("payment__session")
        .filter(dispute_id=dispute_id)
        .first()
    )
    if dispute is None:
        raise ProviderRejected(f"No training dispute {dispute_id[:40]}.")
    return _seen(dispute)


def listed(since: datetime) -> list[DisputeSnapshot]:
    rows = TrainingDispute.objects.filter(changed_at__gte=since)
    return [_seen(row) for row in rows.select_related("payment__session")]


def _seen(dispute: TrainingDispute) -> DisputeSnapshot:
    return DisputeSnapshot(
        account_slug="training",
        provider_dispute_id=dispute.dispute_id,
        provider_payment_id=dispute.payment.payment_id,
        state=DisputeState(dispute.state),
        amount=Money(dispute.amount_minor, dispute.payment.session.currency),
        reason=REASON,
        opened_at=dispute.opened_at,
        respond_by=dispute.respond_by,
        changed_at=dispute.changed_at,
    )
