"""What came back: delivery reports and people's wish to be left alone."""

from datetime import datetime
from typing import ClassVar

from django.db import models

from .messages import ChannelName, Message


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
    """An address that wants no reminders, or nothing at all, on one channel."""

    class Scope(models.TextChoices):
        REMINDERS = "reminders"
        ALL = "all"

    channel = models.CharField(max_length=8, choices=ChannelName.choices)
    address = models.CharField(max_length=254)
    scope = models.CharField(max_length=12, choices=Scope.choices)
    source = models.CharField(
        max_length=40, help_text="unsubscribe link, STOP reply, bounce, staff"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address", "scope"], name="opt_out_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.scope}"


class Allowance(models.Model):
    """How far the reminders of one channel have used up the rate at which they leave.

    Its row is locked by whoever claims reminders, so that all workers together keep
    the rate and each sees what the others took.
    """

    channel = models.CharField(
        max_length=8, choices=ChannelName.choices, primary_key=True
    )
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

    channel = models.CharField(
        max_length=8, choices=ChannelName.choices, primary_key=True
    )
    until = models.DateTimeField(help_text="the database's clock")
    reason = models.CharField(max_length=300)

    objects: ClassVar[ChannelPauseQuerySet] = ChannelPauseQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.channel}: {self.reason}"
