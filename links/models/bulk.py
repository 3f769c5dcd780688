"""Sending to many links at once: a job, and one row for each of its links."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.models import Message, channel_choices

from .links import PaymentLink


def new_public_id() -> str:
    return ids.new("blk")


class BulkState(models.TextChoices):
    DRAFT = "draft", _("Not started")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    STOPPED = "stopped", _("Stopped")
    DONE = "done", _("Done")


class Way(models.TextChoices):
    """By what each link of a job is sent."""

    EITHER = "either", _("By e-mail, by SMS where there is no e-mail address")
    EMAIL = "email", _("Only by e-mail")
    SMS = "sms", _("Only by SMS")


class ItemState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Handed to the outbox")
    SKIPPED = "skipped", _("Left out")


class BulkSendQuerySet(models.QuerySet["BulkSend"]):
    def visible_to(self, user: User) -> Self:
        """All of them, or only those that an agent started."""
        if user.may(Right.LINKS_ALL):
            return self
        if user.may(Right.LINKS_READ):
            return self.filter(created_by=user)
        return self.none()


class BulkSend(models.Model):
    """One job. Whoever moves it or works on it holds its row locked, before any link's."""

    S = BulkState
    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        S.DRAFT: {S.RUNNING},
        S.RUNNING: {S.PAUSED, S.STOPPED, S.DONE},
        S.PAUSED: {S.RUNNING, S.STOPPED},
    }

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=BulkState.choices,
        default=BulkState.DRAFT,
        editable=False,
    )
    way = models.CharField(max_length=8, choices=Way.choices, default=Way.EITHER)
    size = models.PositiveIntegerField(default=0, help_text="how many links")
    again = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the job whose failures this one sends again",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(
        null=True, editable=False, help_text="when nothing was left to do for it"
    )

    objects: ClassVar[BulkSendQuerySet] = BulkSendQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("sending to many")
        verbose_name_plural = _("sendings to many")
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(ended_at__isnull=True),
                name="bulk_send_open",
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    def move_to(self, new: BulkState, **stamps: object) -> bool:
        """Change state if that is legal; the caller holds the row locked."""
        if new not in self.TRANSITIONS.get(self.state, set()):
            return False
        BulkSend.objects.filter(pk=self.pk).update(state=new, **stamps)
        self.state = new
        return True


class BulkItem(models.Model):
    """One link of a job: waiting, or what became of it and why."""

    bulk = models.ForeignKey(BulkSend, on_delete=models.CASCADE, related_name="items")
    link = models.ForeignKey(PaymentLink, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(
        max_length=8, choices=ItemState.choices, default=ItemState.WAITING
    )
    reason = models.CharField(max_length=40, blank=True, help_text="why not")
    channel = models.CharField(
        max_length=8, choices=channel_choices, blank=True, help_text="once decided"
    )
    message = models.ForeignKey(
        Message, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    settled_at = models.DateTimeField(
        null=True, help_text="of one sent: the link's last_sent_at"
    )
    sent_before_at = models.DateTimeField(
        null=True, help_text="the link's last_sent_at before, should this be stopped"
    )
    channels_before = models.JSONField(
        null=True, help_text="the link's last_channels before, as well"
    )
    failed_at = models.DateTimeField(
        null=True,
        help_text="of one sent again: the last_sent_at that counts for nothing",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bulk", "link"], name="bulk_item_once")
        ]
        indexes = [
            models.Index(
                fields=["bulk", "id"],
                condition=Q(state="waiting"),
                name="bulk_item_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.bulk_id}/{self.link_id}"
