"""Webhooks as they came."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .accounts import ProviderAccount


class EventState(models.TextChoices):
    RECEIVED = "received", _("Received")
    DONE = "done", _("Done")
    IGNORED = "ignored", _("Ignored")
    ORPHAN = "orphan", _("No link of ours")
    DEAD = "dead", _("Given up")


class WebhookEvent(models.Model):
    """One event of one provider account, stored once and then worked on.

    `state` is only set to a final one in the transaction that booked its effect.
    """

    account = models.ForeignKey(
        ProviderAccount, on_delete=models.PROTECT, related_name="+"
    )
    event_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=80, blank=True)
    body = models.TextField(help_text="exactly as received")
    is_verified = models.BooleanField(default=True)
    proof = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="headers to prove it by; empty once it is proved",
    )
    state = models.CharField(
        max_length=8, choices=EventState.choices, default=EventState.RECEIVED
    )
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "event_id"], name="webhook_event_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(state="received"),
                name="webhook_event_open",
            ),
            models.Index(fields=["account", "-received_at"], name="webhook_last_heard"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class WebhookCertificate(models.Model):
    """A certificate that a provider's webhooks are proved by, fetched once for all
    processes."""

    url = models.CharField(max_length=255, unique=True)
    pem = models.TextField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.url
