"""Money that a payer's bank, or the provider, asks back."""

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.money import Money

from .accounts import ProviderAccount
from .payments import Payment

_NO_TIME = datetime.min.replace(tzinfo=UTC)


class DisputeState(models.TextChoices):
    NEEDS_RESPONSE = "needs_response", _("To answer")
    UNDER_REVIEW = "under_review", _("Under review")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")


def new_public_id() -> str:
    return ids.new("dsp")


class Dispute(models.Model):
    """One dispute as a provider says it stands; never deleted, answered only there.

    The row is the newest of everything heard: by the provider's own time of change,
    where it tells one, then by RANK. `payment` is null while the payment that it names
    is not known here.
    """

    S = DisputeState
    # Of two that are closed won is later: only an appeal closes a dispute again.
    RANK: ClassVar[dict[str, int]] = {
        S.NEEDS_RESPONSE: 1,
        S.UNDER_REVIEW: 2,
        S.LOST: 3,
        S.WON: 4,
    }
    OPEN: ClassVar[list[str]] = [S.NEEDS_RESPONSE, S.UNDER_REVIEW]
    # Their money is gone, or may be.
    HOLDING: ClassVar[list[str]] = [*OPEN, S.LOST]

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id
    )
    account = models.ForeignKey(
        ProviderAccount, on_delete=models.PROTECT, related_name="+"
    )
    provider_dispute_id = models.CharField(max_length=255)
    provider_payment_id = models.CharField(max_length=255, blank=True)
    payment = models.ForeignKey(
        Payment, null=True, on_delete=models.PROTECT, related_name="disputes"
    )
    state = models.CharField(max_length=16, choices=DisputeState.choices)
    amount_minor = models.PositiveBigIntegerField(help_text="minor currency units")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=300, blank=True, help_text="provider's word")
    opened_at = models.DateTimeField(help_text="by the provider's clock")
    respond_by = models.DateTimeField(
        null=True, help_text="until when it may be answered at the provider"
    )
    changed_at = models.DateTimeField(
        null=True, help_text="by the provider's clock, where it tells"
    )
    closed_at = models.DateTimeField(null=True, help_text="when it was won or lost")
    recorded_at = models.DateTimeField()
    next_check_at = models.DateTimeField(
        null=True, help_text="when the provider is asked about it next"
    )
    answered_at = models.DateTimeField(
        null=True, help_text="when a person said that it is answered"
    )

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "provider_dispute_id"], name="dispute_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["won", "lost"], closed_at__isnull=False)
                | (~Q(state__in=["won", "lost"]) & Q(closed_at__isnull=True)),
                name="dispute_closed_with_time",
            ),
        ]
        indexes = [
            models.Index(fields=["opened_at"], name="dispute_by_day_opened"),
            models.Index(
                fields=["closed_at"], condition=Q(state="lost"), name="dispute_by_day"
            ),
            models.Index(
                fields=["next_check_at"],
                condition=Q(next_check_at__isnull=False),
                name="dispute_to_check",
            ),
            models.Index(
                fields=["respond_by"],
                condition=Q(state="needs_response", answered_at__isnull=True),
                name="dispute_needs_person",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @classmethod
    def age(cls, changed_at: datetime | None, state: str) -> tuple[datetime, int]:
        """What of two descriptions of one dispute is the newer: the greater."""
        return changed_at or _NO_TIME, cls.RANK[state]
