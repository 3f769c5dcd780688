"""The training provider's own books: its sessions and the answers given there."""

from django.db import models
from django.db.models import Q


class TrainingSession(models.Model):
    """One hosted training page, as the provider remembers it."""

    session_id = models.CharField(max_length=64, unique=True)
    checkout_reference = models.CharField(max_length=24)
    link_reference = models.CharField(max_length=24)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    title = models.CharField(max_length=255)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.session_id


class TrainingPayment(models.Model):
    """One answer given on the page: the truth that `fetch` reads.

    `succeeds_at`: from when it counts as paid (null: declined). `webhook_at`: when
    the next webhook leaves (null: none); `webhooks_left`: how many leave then.
    """

    session = models.ForeignKey(
        TrainingSession, on_delete=models.CASCADE, related_name="payments"
    )
    payment_id = models.CharField(max_length=64, unique=True)
    outcome = models.CharField(max_length=12)
    created_at = models.DateTimeField()
    succeeds_at = models.DateTimeField(null=True)
    webhook_at = models.DateTimeField(null=True)
    webhooks_left = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(succeeds_at__isnull=False),
                name="training_paid_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["webhook_at"],
                condition=Q(webhook_at__isnull=False),
                name="training_webhook_due",
            )
        ]

    def __str__(self) -> str:
        return self.payment_id


class TrainingRefund(models.Model):
    """Money given back of a training payment; it succeeds at once.

    `reference`: our refund's, which is the idempotency key (blank: made elsewhere).
    `webhook_at`: when its webhook leaves (null: it has left).
    """

    payment = models.ForeignKey(
        TrainingPayment, on_delete=models.CASCADE, related_name="refunds"
    )
    refund_id = models.CharField(max_length=64, unique=True)
    reference = models.CharField(max_length=45, blank=True)
    amount_minor = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()
    webhook_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference"],
                condition=~Q(reference=""),
                name="training_refunded_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["webhook_at"],
                condition=Q(webhook_at__isnull=False),
                name="training_refund_webhook_due",
            )
        ]

    def __str__(self) -> str:
        return self.refund_id


class TrainingDispute(models.Model):
    """A payer asks a training payment back; opened and moved by whoever rehearses.

    `version`: counts its changes, each of which is one event. `webhook_at`: when the
    webhook about the last one leaves (null: it has left, or is lost).
    """

    payment = models.ForeignKey(
        TrainingPayment, on_delete=models.CASCADE, related_name="disputes"
    )
    dispute_id = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=16)
    amount_minor = models.PositiveBigIntegerField()
    opened_at = models.DateTimeField()
    respond_by = models.DateTimeField()
    changed_at = models.DateTimeField()
    version = models.PositiveSmallIntegerField(default=1)
    webhook_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["webhook_at"],
                condition=Q(webhook_at__isnull=False),
                name="training_dispute_webhook_due",
            )
        ]

    def __str__(self) -> str:
        return self.dispute_id
