"""What members of staff are told, and what waits for their digest."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from notifications.models import Message

from .links import PaymentLink


def new_public_id() -> str:
    return ids.new("dig")


class News(models.TextChoices):
    """What can be told of; the value stands in keys of messages."""

    PAID = "paid", _("Money came in")
    FAILED = "failed", _("A payment failed")
    REPLIED = "replied", _("A customer wrote and waits for an answer")
    DISPUTED = "disputed", _("A payment is disputed")
    UNDELIVERED = "undelivered", _("A message did not arrive")
    TASK = "task", _("A task is there for me")


class How(models.TextChoices):
    OFF = "off", _("Not at all")
    AT_ONCE = "at_once", _("At once")
    DIGEST = "digest", _("Daily digest")


class Whose(models.TextChoices):
    OWN = "own", _("My links")
    ALL = "all", _("All links")


class StaffNoticeChoice(models.Model):
    """How one person wants one kind of news, where that is not what their role gets."""

    person = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="notice_choices"
    )
    news = models.CharField(max_length=12, choices=News.choices)
    how = models.CharField(max_length=8, choices=How.choices)
    whose = models.CharField(max_length=3, choices=Whose.choices)

    class Meta:
        verbose_name = _("what somebody is told")
        constraints = [
            models.UniqueConstraint(
                fields=["person", "news"], name="staff_notice_choice_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.news} {self.how}"


class StaffDigest(models.Model):
    """One mail of a day to one person, about all that waited for it."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    person = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="notice_digests"
    )
    day = models.DateField(help_text="by the calendar of the business")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "day"], name="staff_digest_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.day}"


class NoticeItem(models.Model):
    """Something that happened, for the digest of one person; told once that is set.

    `subject_id`: public id of the payment, reply, dispute, message or task.
    """

    person = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="notice_items"
    )
    news = models.CharField(max_length=12, choices=News.choices)
    subject_id = models.CharField(max_length=ids.MAX_LENGTH)
    link = models.ForeignKey(
        PaymentLink, null=True, on_delete=models.CASCADE, related_name="+"
    )
    amount_minor = models.PositiveBigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    at = models.DateTimeField()
    digest = models.ForeignKey(
        StaffDigest, null=True, on_delete=models.CASCADE, related_name="items"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "news", "subject_id"], name="notice_item_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["person"],
                condition=Q(digest__isnull=True),
                name="notice_item_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.news} {self.subject_id}"

    @property
    def amount(self) -> Money | None:
        if self.amount_minor is None:
            return None
        return Money(self.amount_minor, self.currency)


class ToldMessage(models.Model):
    """A message that did not arrive and that whoever wants to know was told of."""

    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )

    objects: ClassVar[models.Manager["ToldMessage"]] = models.Manager()

    def __str__(self) -> str:
        return str(self.message_id)
