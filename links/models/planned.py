"""A send that a person asked for and that goes later, or can still be taken back."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids

from .links import PaymentLink


def new_public_id() -> str:
    return ids.new("snd")


class PlanState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    GONE = "gone", _("Handed to the outbox")
    TAKEN_BACK = "taken", _("Taken back")
    DROPPED = "dropped", _("Left out")
    FAILED = "failed", _("Could not be sent")


class PlannedSend(models.Model):
    """Nothing of it has happened while it waits: the link is as it was before.

    It leaves its state `waiting` once, under the row lock of its link, in the
    transaction that sends it, takes it back or closes the link.
    """

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    link = models.ForeignKey(
        PaymentLink, on_delete=models.CASCADE, related_name="planned_sends"
    )
    channels = models.JSONField(default=list)
    due_at = models.DateTimeField()
    is_undo = models.BooleanField(
        default=False, help_text="asked to go now; waits only so that it can be undone"
    )
    key = models.CharField(
        max_length=64, help_text="of the form or request, against double submits"
    )
    asked_by = models.CharField(max_length=64, help_text="public id of a user or key")
    asked_at = models.DateTimeField()
    state = models.CharField(
        max_length=8, choices=PlanState.choices, default=PlanState.WAITING
    )
    reason = models.CharField(max_length=200, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("planned send")
        constraints = [
            models.UniqueConstraint(fields=["link", "key"], name="planned_send_once")
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state="waiting"),
                name="planned_send_due",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
