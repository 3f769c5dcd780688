"""Money that moved."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.money import Money

from .accounts import ProviderAccount
from .checkouts import Checkout
from .links import PaymentLink
from .till import Shift


class PaymentState(models.TextChoices):
    PROCESSING = "processing", _("Processing")
    FAILED = "failed", _("Failed")
    SUCCEEDED = "succeeded", _("Succeeded")


class Mismatch(models.TextChoices):
    NONE = "", _("None")
    AMOUNT = "amount", _("Other amount than asked")
    CURRENCY = "currency", _("Other currency than asked")


def new_public_id() -> str:
    return ids.new("pay")


class Payment(models.Model):
    """One payment as a provider, or the till, says it happened; never deleted.

    The row is the merge of everything heard about it: the state of highest rank,
    every known fact once. `link` is null for money that names none of ours. What was
    paid for several links at once is several rows, one for each, which add up to it.
    """

    RANK: ClassVar[dict[str, int]] = {
        PaymentState.PROCESSING: 1,
        PaymentState.FAILED: 2,
        PaymentState.SUCCEEDED: 3,
    }

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id
    )
    account = models.ForeignKey(
        ProviderAccount, on_delete=models.PROTECT, related_name="+"
    )
    provider_payment_id = models.CharField(max_length=255)
    part = models.PositiveSmallIntegerField(
        default=0, help_text="of a payment for several links; each link has its own row"
    )
    link = models.ForeignKey(
        PaymentLink, null=True, on_delete=models.PROTECT, related_name="payments"
    )
    checkout = models.ForeignKey(
        Checkout, null=True, on_delete=models.PROTECT, related_name="payments"
    )
    state = models.CharField(max_length=12, choices=PaymentState.choices)
    amount_minor = models.PositiveBigIntegerField(help_text="minor currency units")
    currency = models.CharField(max_length=3)
    fee_minor = models.BigIntegerField(null=True)
    method = models.CharField(max_length=40, blank=True, help_text="card, cash, …")
    note = models.CharField(max_length=300, blank=True)
    surplus_minor = models.PositiveBigIntegerField(
        default=0, help_text="the part that the link did not ask for"
    )
    tip_minor = models.PositiveBigIntegerField(
        default=0, help_text="the part that is a tip"
    )
    refunded_minor = models.PositiveBigIntegerField(
        default=0, help_text="of refunds that succeeded"
    )
    is_late = models.BooleanField(
        default=False, help_text="came when the link was expired or canceled"
    )
    mismatch = models.CharField(max_length=8, choices=Mismatch.choices, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    shift = models.ForeignKey(
        Shift,
        null=True,
        on_delete=models.PROTECT,
        related_name="payments",
        db_index=False,
        help_text="at the till in which it was taken",
    )
    reviewed_at = models.DateTimeField(
        null=True, help_text="when a person dealt with what was odd about it"
    )
    occurred_at = models.DateTimeField(help_text="by the provider's clock")
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "provider_payment_id", "part"],
                name="payment_part_once",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount_minor__gte=models.F("surplus_minor") + models.F("tip_minor")
                ),
                name="payment_surplus_within_amount",
            ),
        ]
        indexes = [
            models.Index(fields=["-recorded_at", "-id"], name="payment_newest"),
            models.Index(
                fields=["occurred_at"],
                condition=Q(state="succeeded"),
                name="payment_by_day",
            ),
            models.Index(
                fields=["shift"],
                condition=Q(shift__isnull=False),
                name="payment_of_shift",
            ),
            models.Index(
                fields=["id"],
                condition=Q(reviewed_at__isnull=True)
                & (
                    Q(surplus_minor__gt=0)
                    | Q(is_late=True)
                    | Q(link__isnull=True)
                    | ~Q(mismatch="")
                ),
                name="payment_needs_person",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_sale(self) -> bool:
        """Sold at the till, for no link of ours: nothing is odd about that."""
        return self.link_id is None and self.shift_id is not None
