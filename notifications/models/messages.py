"""The outbox: every message to a person, from the moment it is wanted."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids, masks


class ChannelName(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    WHATSAPP = "whatsapp", _("WhatsApp")


def channel_choices() -> list[tuple[str, str]]:
    """Named by the columns instead of a list, so that a new channel needs no migration."""
    return [(one.value, str(one.label)) for one in ChannelName]


class Category(models.TextChoices):
    INVITATION = "invitation", _("Invitation")
    REMINDER = "reminder", _("Reminder")
    RECEIPT = "receipt", _("Receipt")
    NOTICE = "notice", _("Notice")
    SIGN_IN = "sign_in", _("Sign-in")


ASKING_CATEGORIES = (Category.INVITATION, Category.REMINDER)
# what must not be sent any more once a link is paid or closed


class MessageState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    CAPTURED = "captured", _("Kept here, not sent")
    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    COMPLAINED = "complained", _("Marked as spam")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unknown")
    CANCELED = "canceled", _("Canceled")
    SUPPRESSED = "suppressed", _("Not wanted by the recipient")
    EXPIRED = "expired", _("Too late to send")


UNFINISHED = [MessageState.QUEUED, MessageState.SENDING]


def new_public_id() -> str:
    return ids.new("msg")


class MessageQuerySet(models.QuerySet["Message"]):
    def due(self, at: datetime) -> "MessageQuerySet":
        """Waiting and due at that moment of business time, oldest first."""
        return self.filter(state=MessageState.QUEUED, due_at__lte=at).order_by(
            "due_at", "id"
        )

    def held(self, pk: int, fence: int) -> "MessageQuerySet":
        """The message while this very claim holds it, else nothing."""
        return self.filter(pk=pk, fence=fence, state=MessageState.SENDING)


class Message(models.Model):
    """One message on one channel to one address; narrow, because it is a queue.

    `reference`: public id of what it is about (a link's, or a user's for sign-in
    mails); the causing service cancels by it. `subject_id`: what exactly, where that
    is something else (a payment's id for its receipt). `fence` counts claims: only
    the newest claimer may write the outcome.
    """

    S = MessageState
    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        S.QUEUED: {
            S.SENDING,
            S.CANCELED,
            S.SUPPRESSED,
            S.EXPIRED,
            S.FAILED,
            # reported of a try whose answer never came: it is not sent again
            S.SENT,
            S.DELIVERED,
            S.BOUNCED,
            S.COMPLAINED,
        },
        S.SENDING: {
            S.SENT,
            S.CAPTURED,
            S.FAILED,
            S.QUEUED,
            S.UNKNOWN,
            S.DELIVERED,
            S.BOUNCED,
            S.COMPLAINED,
            S.SUPPRESSED,
            S.CANCELED,
        },
        S.UNKNOWN: {S.SENT, S.FAILED, S.DELIVERED, S.BOUNCED, S.COMPLAINED},
        S.SENT: {S.DELIVERED, S.BOUNCED, S.COMPLAINED},
        # bounced: a server took the mail and sent it back later
        S.DELIVERED: {S.COMPLAINED, S.BOUNCED},
    }

    public_id = models.CharField(max_length=ids.MAX_LENGTH, default=new_public_id)
    kind = models.CharField(max_length=32, help_text="name in the registry of kinds")
    category = models.CharField(max_length=12, choices=Category.choices)
    channel = models.CharField(max_length=8, choices=channel_choices)
    reference = models.CharField(max_length=ids.MAX_LENGTH)
    subject_id = models.CharField(max_length=ids.MAX_LENGTH, blank=True)
    recipient = models.CharField(max_length=254)
    language = models.CharField(max_length=8)
    dedupe_key = models.CharField(max_length=128)
    is_automatic = models.BooleanField(
        default=False, help_text="bound by quiet hours and the 12-hour limit"
    )
    state = models.CharField(
        max_length=12, choices=MessageState.choices, default=MessageState.QUEUED
    )
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    provider_message_id = models.CharField(max_length=255, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Message"]] = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        # Not `unique=True`: that makes a second index each, for LIKE, on PostgreSQL, and
        # every change of state writes to every index.
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="message_public_id"),
            models.UniqueConstraint(fields=["dedupe_key"], name="message_dedupe_key"),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state="queued"),
                name="message_due",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state="sending"),
                name="message_leased",
            ),
            models.Index(fields=["reference", "id"], name="message_by_reference"),
            models.Index(
                fields=["id"],
                condition=Q(state__in=["failed", "unknown", "bounced"]),
                name="message_needs_person",
            ),
            models.Index(
                fields=["recipient"],
                condition=Q(category__in=["invitation", "reminder"]),
                name="message_asked",
            ),
            models.Index(
                fields=["provider_message_id"],
                # of mails it is made of public_id: one index less to write to
                condition=~Q(provider_message_id="") & ~Q(channel="email"),
                name="message_by_provider_id",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_category_display()} · {masks.address(self.recipient)}"

    def move_to(
        self,
        new: MessageState,
        *,
        but_not_from: Collection[str] = (),
        **fields: Any,
    ) -> bool:
        """Change state, and `fields` with it, if that move is legal from what it is.

        Compares in the database, so that of two movers one wins and nothing ever
        goes backwards. Returns False when it was not this caller who moved it.
        """
        sources = [
            old
            for old, to in self.TRANSITIONS.items()
            if new in to and old not in but_not_from
        ]
        moved = Message.objects.filter(pk=self.pk, state__in=sources).update(
            state=new, **fields
        )
        if moved:
            self.refresh_from_db()
        return moved == 1


class MessageContent(models.Model):
    """The rendered message, kept so that a retry is identical.

    Texts hold `{link_url}` where the link stands: the token is filled in only at
    the moment of sending or showing and never stored.
    """

    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, related_name="content", primary_key=True
    )
    sender = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    text = models.TextField()
    html = models.TextField(blank=True)
    template = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="an approved template and its values, as JSON; WhatsApp only",
    )
    rendered_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.subject or self.text[:60]


class Attempt(models.Model):
    """One try to hand a message over, and what came of it."""

    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )  # the constraint below has an index that starts with it
    fence = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "fence"], name="attempt_once_a_fence"
            )
        ]

    def __str__(self) -> str:
        return f"{self.message_id}/{self.fence}"
