"""Sums kept as they happen, so that reports never scan."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Measure(models.TextChoices):
    SENT = "sent", _("Sent")
    PAID = "paid", _("Paid")
    REFUNDED = "refunded", _("Given back")
    LOST = "lost", _("Lost to disputes")


class DailyTotal(models.Model):
    """Count and sums of one measure on one day of the business, under one heading.

    A heading is a currency, the provider's account, the method and the member of staff
    who made the link; 0 and "" stand for none, since a key of which a part is NULL is
    unique to no database.
    """

    day = models.DateField()
    measure = models.CharField(max_length=8, choices=Measure.choices)
    currency = models.CharField(max_length=3)
    account_pk = models.BigIntegerField(default=0)
    method = models.CharField(max_length=40, default="", blank=True)
    staff_pk = models.BigIntegerField(default=0)
    count = models.BigIntegerField(default=0)
    amount_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(
        default=0, help_text="kept by the provider, as far as it is known"
    )

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "day",
                    "measure",
                    "currency",
                    "account_pk",
                    "method",
                    "staff_pk",
                ],
                name="daily_total_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.measure} {self.currency}"
