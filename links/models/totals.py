"""Sums kept as they happen, so that reports never scan."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Measure(models.TextChoices):
    SENT = "sent", _("Sent")
    PAID = "paid", _("Paid")
    REFUNDED = "refunded", _("Given back")
    LOST = "lost", _("Lost to disputes")


class DailyTotal(models.Model):
    """Count and sum of one measure on one day of the business, per currency."""

    day = models.DateField()
    measure = models.CharField(max_length=8, choices=Measure.choices)
    currency = models.CharField(max_length=3)
    count = models.BigIntegerField(default=0)
    amount_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "measure", "currency"], name="daily_total_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.measure} {self.currency}"
