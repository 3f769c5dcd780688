"""What providers send on to the merchant's bank."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.money import Money

from .accounts import ProviderAccount


class PayoutState(models.TextChoices):
    PENDING = "pending", _("Prepared")
    IN_TRANSIT = "in_transit", _("On its way")
    PAID = "paid", _("Arrived")
    CANCELED = "canceled", _("Canceled")
    FAILED = "failed", _("Sent back")


def new_public_id() -> str:
    return ids.new("pyo")


class Payout(models.Model):
    """One payout as a provider says it stands; never deleted.

    The row is the merge of everything heard: the state of highest rank. A bank may send
    back what was told to have arrived.
    """

    S = PayoutState
    RANK: ClassVar[dict[str, int]] = {
        S.PENDING: 1,
        S.IN_TRANSIT: 2,
        S.PAID: 3,
        S.CANCELED: 4,
        S.FAILED: 5,
    }

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id
    )
    account = models.ForeignKey(
        ProviderAccount, on_delete=models.PROTECT, related_name="+"
    )
    provider_payout_id = models.CharField(max_length=255)
    state = models.CharField(max_length=12, choices=PayoutState.choices)
    amount_minor = models.BigIntegerField(
        help_text="minor currency units; below zero: taken from the bank account"
    )
    currency = models.CharField(max_length=3)
    arrives_on = models.DateField(null=True, help_text="as the provider expects")
    created_at = models.DateTimeField(help_text="by the provider's clock")
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "provider_payout_id"], name="payout_once"
            )
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="payout_newest")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
