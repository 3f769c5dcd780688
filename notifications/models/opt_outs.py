"""What came back: delivery reports and people's wish to be left alone."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import masks

from .messages import Message, channel_choices


class DeliveryEvent(models.Model):
    """One report of a mail or SMS carrier about one message, kept once."""

    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="delivery_events"
    )
    carrier = models.CharField(max_length=32, help_text="twilio, smtp or an ESP's slug")
    event_id = models.CharField(max_length=128)
    kind = models.CharField(max_length=16, help_text="sent, delivered, bounced, …")
    detail = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["carrier", "event_id"], name="delivery_event_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class OptOut(models.Model):
    """An address that is not written to, wholly or in part, on one channel, and why.

    `source`: who said so: unsubscribe link, STOP reply, bounce, soft bounce, complaint,
    rejected, unsubscribed, refused by …, staff. `detail`: the carrier's own words.
    `message`: the newest one that it was said of. `heard_at`: when it was last said.
    """

    class Scope(models.TextChoices):
        NOTHING = (
            "nothing"  # still written to; kept for the list of what did not arrive
        )
        REMINDERS = "reminders"
        ASKING = "asking"  # no invitations either; receipts still go
        ALL = "all"

    channel = models.CharField(max_length=8, choices=channel_choices)
    address = models.CharField(max_length=254)
    scope = models.CharField(max_length=12, choices=Scope.choices)
    source = models.CharField(
        max_length=40, help_text="unsubscribe link, STOP reply, bounce, staff"
    )
    detail = models.CharField(max_length=300, blank=True, default="")
    message = models.ForeignKey(
        Message,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    created_at = models.DateTimeField()
    heard_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("undelivered address")
        verbose_name_plural = _("undelivered")
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address", "scope"], name="opt_out_once"
            )
        ]

    def __str__(self) -> str:
        return masks.address(self.address)


class Allowance(models.Model):
    """How far the reminders of one channel have used up the rate at which they leave.

    Its row is locked by whoever claims reminders, so that all workers together keep
    the rate and each sees what the others took.
    """

    channel = models.CharField(max_length=8, choices=channel_choices, primary_key=True)
    free_at = models.DateTimeField(
        help_text="from when the next one may leave; the database's clock"
    )
    counted_on = models.DateField(
        null=True, help_text="day of the business that `used_today` counts"
    )
    used_today = models.PositiveIntegerField(
        default=0, help_text="messages of any kind, counted while a limit is set"
    )

    def __str__(self) -> str:
        return f"{self.channel}: {self.free_at}"


class ChannelPauseQuerySet(models.QuerySet["ChannelPause"]):
    def in_force(self, at: datetime) -> "models.QuerySet[ChannelPause, str]":
        """Names of the channels that rest at that moment of the database's clock."""
        return self.filter(until__gt=at).values_list("channel", flat=True)


class ChannelPause(models.Model):
    """A channel that cannot work just now; its messages wait and lose no try."""

    channel = models.CharField(max_length=8, choices=channel_choices, primary_key=True)
    until = models.DateTimeField(help_text="the database's clock")
    reason = models.CharField(max_length=300)

    objects: ClassVar[ChannelPauseQuerySet] = ChannelPauseQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.channel}: {self.reason}"
