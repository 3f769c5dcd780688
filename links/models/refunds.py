"""Money given back."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.money import Money

from .payments import Payment
from .till import Shift


class RefundState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    DECLINED = "declined", _("Declined")
    APPROVED = "approved", _("Approved")
    SENDING = "sending", _("Being sent")
    UNKNOWN = "unknown", _("Unknown")
    PENDING = "pending", _("On its way")
    SUCCEEDED = "succeeded", _("Given back")
    FAILED = "failed", _("Failed")


class RefundOrigin(models.TextChoices):
    STAFF = "staff", _("Staff")
    SURPLUS = "surplus", _("More came than was asked")
    PROVIDER = "provider", _("Made at the provider")


def new_public_id() -> str:
    return ids.new("rfd")


class Refund(models.Model):
    """A part of one payment given back, or meant to be; never deleted once decided.

    `public_id` is the idempotency key at the provider and our reference there. What the
    provider says of it is merged by RANK: a refund may still fail after it succeeded.
    """

    S = RefundState
    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        S.PROPOSED: {S.APPROVED, S.DECLINED},
        S.APPROVED: {S.SENDING},
        S.SENDING: {S.APPROVED, S.UNKNOWN, S.PENDING, S.SUCCEEDED, S.FAILED},
        S.UNKNOWN: {S.PENDING, S.SUCCEEDED, S.FAILED},
        S.PENDING: {S.SUCCEEDED, S.FAILED},
        S.SUCCEEDED: {S.FAILED},
        S.FAILED: {S.PENDING, S.SUCCEEDED},  # refused to us, yet the provider has it
    }
    RANK: ClassVar[dict[str, int]] = {S.PENDING: 1, S.SUCCEEDED: 2, S.FAILED: 3}
    # Their money is gone, or may be.
    HOLDING: ClassVar[list[str]] = [
        S.APPROVED,
        S.SENDING,
        S.UNKNOWN,
        S.PENDING,
        S.SUCCEEDED,
    ]

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id
    )
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="refunds"
    )
    number = models.CharField(  # noqa: DJ001 - unique, so empty must be NULL
        max_length=20,
        null=True,
        unique=True,
        editable=False,
        help_text="of its credit note; given once, when it first succeeded",
    )
    provider_refund_id = models.CharField(max_length=255, blank=True)
    state = models.CharField(
        max_length=10, choices=RefundState.choices, default=RefundState.PROPOSED
    )
    origin = models.CharField(
        max_length=8, choices=RefundOrigin.choices, default=RefundOrigin.STAFF
    )
    amount_minor = models.PositiveBigIntegerField(help_text="minor currency units")
    currency = models.CharField(max_length=3)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    occurred_at = models.DateTimeField(null=True, help_text="by the provider's clock")
    shift = models.ForeignKey(
        Shift,
        null=True,
        on_delete=models.PROTECT,
        related_name="refunds",
        db_index=False,
        help_text="at the till from which it was handed out",
    )
    next_check_at = models.DateTimeField(
        null=True, help_text="when it is sent, or asked about, next"
    )
    checks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "provider_refund_id"],
                condition=~Q(provider_refund_id=""),
                name="refund_once",
            ),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(origin="surplus"),
                name="refund_of_surplus_once",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="refund_amount_positive"
            ),
        ]
        indexes = [
            models.Index(
                fields=["occurred_at"],
                condition=Q(state="succeeded"),
                name="refund_by_day",
            ),
            models.Index(
                fields=["shift"],
                condition=Q(shift__isnull=False),
                name="refund_of_shift",
            ),
            models.Index(
                fields=["next_check_at"],
                condition=Q(next_check_at__isnull=False),
                name="refund_to_check",
            ),
            models.Index(
                fields=["id"],
                condition=Q(state__in=["proposed", "unknown"]),
                name="refund_needs_person",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @classmethod
    def kept_surplus(cls, payment: str) -> models.Exists:
        """Whether people decided to keep what a payment brought too much.

        `payment`: the name of its key in the query around this one.
        """
        return models.Exists(
            cls.objects.filter(
                payment=models.OuterRef(payment),
                origin=RefundOrigin.SURPLUS,
                state=RefundState.DECLINED,
            )
        )

    def move_to(self, new: RefundState, **stamps: object) -> bool:
        """Change state if the move is legal and nobody moved it first."""
        old = self.state
        if new not in self.TRANSITIONS.get(old, set()):
            return False
        moved = Refund.objects.filter(pk=self.pk, state=old).update(state=new, **stamps)
        if moved:
            self.state = str(new)
            for name, value in stamps.items():
                setattr(self, name, value)
        return moved == 1
