"""The training provider at work: its answers, and its webhooks to our inbox."""

from datetime import datetime

from merchant_portal.lib import clock, queue

from ..models import (
    TrainingDispute,
    TrainingPayment,
    TrainingRefund,
    TrainingSession,
)
from ..providers import training
from . import accounts, inbox


def answer(session: TrainingSession, outcome: str) -> bool:
    """Book what was clicked on the training page and send word of it.

    False when the page takes no answer any more. Raises ProviderRejected for an
    outcome that there is not.
    """
    payment = training.answer(session, outcome)
    if payment is None:
        return False
    queue.nudge("links.tasks.deliver_training_webhooks")
    return True


def deliver_webhooks(limit: int = 100) -> int:
    """Hand over every webhook that is due, signed; returns how many left.

    A crash in between repeats one, as a real provider would.
    """
    if not accounts.is_training_offered():
        return 0  # switched off while one was on its way
    now = clock.now()
    due = TrainingPayment.objects.filter(webhook_at__lte=now).select_related("session")
    sent = 0
    for payment in due.order_by("webhook_at")[:limit]:
        sent += _deliver(payment)
    return sent + _deliver_refunds(now, limit) + _deliver_disputes(now, limit)


def _deliver_refunds(now: datetime, limit: int) -> int:
    due = TrainingRefund.objects.filter(webhook_at__lte=now)
    refunds = due.select_related("payment__session").order_by("webhook_at")[:limit]
    for refund in refunds:
        inbox.receive("training", *training.refund_webhook(refund))
        TrainingRefund.objects.filter(pk=refund.pk).update(webhook_at=None)
    return len(refunds)


def _deliver_disputes(now: datetime, limit: int) -> int:
    due = TrainingDispute.objects.filter(webhook_at__lte=now).order_by("webhook_at")
    disputes = due[:limit]
    for dispute in disputes:
        inbox.receive("training", *training.dispute_webhook(dispute))
        TrainingDispute.objects.filter(pk=dispute.pk, version=dispute.version).update(
            webhook_at=None
        )
    return len(disputes)


def _deliver(payment: TrainingPayment) -> int:
    is_twin = payment.outcome == "duplicate"
    copies = payment.webhooks_left if is_twin else 1
    for number in range(copies):
        inbox.receive(
            "training", *training.webhook(payment, payment.webhooks_left - number)
        )
    left = payment.webhooks_left - copies
    TrainingPayment.objects.filter(
        pk=payment.pk, webhooks_left=payment.webhooks_left
    ).update(
        webhooks_left=left,
        webhook_at=payment.created_at + training.DELAY if left else None,
    )
    return copies
