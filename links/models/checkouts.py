"""Attempts to pay."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.money import Money

from .accounts import ProviderAccount
from .links import PaymentLink


class CheckoutState(models.TextChoices):
    CREATING = "creating", _("Being opened")
    UNKNOWN = "unknown", _("Unknown")
    OPEN = "open", _("Open")
    CAPTURING = "capturing", _("Being captured")
    COMPLETED = "completed", _("Completed")
    EXPIRED = "expired", _("Expired")
    FAILED = "failed", _("Failed")


FINAL = [CheckoutState.COMPLETED, CheckoutState.EXPIRED, CheckoutState.FAILED]


def new_public_id() -> str:
    return ids.new("chk")


class Checkout(models.Model):
    """One hosted session opened at a provider to collect the balance of a link.

    `public_id` is the idempotency key of its creation; `parameters` are the exact
    ones of the first call, so that a repeat is the same request.
    """

    S = CheckoutState
    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        S.CREATING: {S.OPEN, S.UNKNOWN, S.FAILED, S.COMPLETED, S.EXPIRED},
        S.UNKNOWN: {S.OPEN, S.COMPLETED, S.FAILED, S.EXPIRED},
        S.OPEN: {S.CAPTURING, S.COMPLETED, S.EXPIRED, S.FAILED},
        S.CAPTURING: {S.COMPLETED, S.UNKNOWN, S.FAILED},
        S.EXPIRED: {S.COMPLETED},  # money proves it
        S.FAILED: {S.COMPLETED},
    }

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id
    )
    link = models.ForeignKey(
        PaymentLink, on_delete=models.PROTECT, related_name="checkouts"
    )
    account = models.ForeignKey(
        ProviderAccount, on_delete=models.PROTECT, related_name="+"
    )
    amount_minor = models.PositiveBigIntegerField(
        help_text="what is charged, tip included; minor currency units"
    )
    tip_minor = models.PositiveBigIntegerField(
        default=0, help_text="the part that is a tip"
    )
    quantities = models.JSONField(
        default=dict, help_text="position of a line → pieces that the customer chose"
    )
    is_shared = models.BooleanField(
        default=False, help_text="of a reusable link, beside those of others"
    )
    is_joint = models.BooleanField(
        default=False, help_text="of several links; `link` is the first of its shares"
    )
    currency = models.CharField(max_length=3)
    parameters = models.JSONField(default=dict)
    state = models.CharField(
        max_length=10, choices=CheckoutState.choices, default=CheckoutState.CREATING
    )
    provider_session_id = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=2048, blank=True)
    close_ordered_at = models.DateTimeField(
        null=True, help_text="set when it must be expired at the provider"
    )
    expires_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)
    checks = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["link"],
                condition=Q(
                    state__in=["creating", "open", "capturing"],
                    close_ordered_at__isnull=True,
                    is_shared=False,
                ),
                name="checkout_one_live_a_link",
            ),
            models.UniqueConstraint(
                fields=["account", "provider_session_id"],
                condition=~Q(provider_session_id=""),
                name="checkout_session_once",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=F("tip_minor")),
                name="checkout_amount_positive",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                condition=Q(next_check_at__isnull=False),
                name="checkout_to_check",
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def due_minor(self) -> int:
        """What of it goes to the link."""
        return self.amount_minor - self.tip_minor

    def move_to(self, new: CheckoutState, **stamps: object) -> bool:
        """Change state if the move is legal and nobody moved it first."""
        old = self.state
        if new not in self.TRANSITIONS.get(old, set()):
            return False
        moved = Checkout.objects.filter(pk=self.pk, state=old).update(
            state=new, **stamps
        )
        if moved:
            self.state = str(new)
            for name, value in stamps.items():
                setattr(self, name, value)
        return moved == 1


class CheckoutShare(models.Model):
    """What of a joint checkout is for one of its links; never changed.

    `part`: its place in the order of the links' keys, from 0.
    """

    checkout = models.ForeignKey(
        Checkout, on_delete=models.CASCADE, related_name="shares"
    )
    part = models.PositiveSmallIntegerField()
    link = models.ForeignKey(
        PaymentLink, on_delete=models.PROTECT, related_name="checkout_shares"
    )
    amount_minor = models.PositiveBigIntegerField(help_text="minor currency units")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["checkout", "part"], name="checkout_share_part_once"
            ),
            models.UniqueConstraint(
                fields=["checkout", "link"], name="checkout_share_link_once"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="checkout_share_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.checkout_id}/{self.part}"
