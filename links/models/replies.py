"""What a customer answers on the page of a link."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.staff.models import User

from .links import PaymentLink


class ReplyKind(models.TextChoices):
    PROMISE = "promise", _("Will pay on a day")
    PAID = "paid", _("Has paid already")
    PARTS = "parts", _("Asks to pay in parts")
    AMOUNT = "amount", _("The amount is wrong")
    NOT_ME = "not_me", _("It is not for them")
    QUESTION = "question", _("A question")


def new_public_id() -> str:
    return ids.new("rep")


class PayerReplyManager(models.Manager["PayerReply"]):
    """Leaves the file in the database: lists never show it."""

    def get_queryset(self) -> models.QuerySet["PayerReply"]:
        return super().get_queryset().defer("proof")


class PayerReply(models.Model):
    """One answer, as it was given; nobody changes it.

    Without `closed_at` it waits for a person, and reminders wait with it. A promise
    waits for nobody: the reminder follows the day that was named.
    """

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id
    )
    link = models.ForeignKey(
        PaymentLink, on_delete=models.CASCADE, related_name="replies"
    )
    kind = models.CharField(max_length=8, choices=ReplyKind.choices)
    text = models.TextField(blank=True)
    promised_on = models.DateField(null=True, help_text="by the customer's calendar")
    proof = models.BinaryField(null=True)
    proof_type = models.CharField(
        max_length=4, blank=True, help_text="pdf, png, jpeg or webp; by its content"
    )
    at = models.DateTimeField()
    answer = models.TextField(blank=True, help_text="what staff wrote back")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[PayerReplyManager] = PayerReplyManager()

    class Meta:
        verbose_name = _("reply")
        verbose_name_plural = _("replies")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="promise", promised_on__isnull=False)
                | (~Q(kind="promise") & Q(promised_on__isnull=True)),
                name="reply_promise_has_day",
            )
        ]
        indexes = [
            models.Index(fields=["link", "-id"], name="reply_by_link"),
            models.Index(
                fields=["link", "at"],
                condition=Q(closed_at__isnull=True),
                name="reply_needs_person",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_open(self) -> bool:
        return self.closed_at is None
