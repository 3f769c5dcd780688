"""The training provider's own books: what its hosted page was told."""

from django.db import models
from django.db.models import Q


class TrainingPayment(models.Model):
    """One answer given on the training page; the truth that `fetch` reads.

    `succeeds_at`: when it counts as paid (null: declined). `webhook_at`: when the
    next webhook leaves (null: none is due); `webhooks_left` counts how many.
    """

    session_id = models.CharField(max_length=255, unique=True)
    payment_id = models.CharField(max_length=255, unique=True)
    outcome = models.CharField(max_length=12)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()
    succeeds_at = models.DateTimeField(null=True)
    webhook_at = models.DateTimeField(null=True)
    webhooks_left = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["webhook_at"],
                condition=Q(webhook_at__isnull=False),
                name="training_webhook_due",
            )
        ]

    def __str__(self) -> str:
        return self.payment_id
