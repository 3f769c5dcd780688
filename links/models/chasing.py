"""What goes with reminders: pauses, the next channel, and tasks for people."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from merchant_portal.lib import ids
from merchant_portal.staff.models import User
from notifications.models import Message

from .links import PaymentLink


def new_task_id() -> str:
    return ids.new("tsk")


class ReminderPause(models.Model):
    """Staff want a link, or a customer, left alone until a moment, for a reason."""

    link = models.ForeignKey(
        PaymentLink, null=True, on_delete=models.CASCADE, related_name="pauses"
    )
    customer = models.ForeignKey(
        Customer, null=True, on_delete=models.CASCADE, related_name="reminder_pauses"
    )
    reason = models.CharField(_("reason"), max_length=200)
    until = models.DateTimeField(_("until"))
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(
        null=True, help_text="when somebody ended it before its time"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(link__isnull=True) ^ Q(customer__isnull=True),
                name="pause_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=["link"],
                condition=Q(ended_at__isnull=True),
                name="pause_of_link_once",
            ),
            models.UniqueConstraint(
                fields=["customer"],
                condition=Q(ended_at__isnull=True),
                name="pause_of_customer_once",
            ),
        ]

    def __str__(self) -> str:
        return self.reason


class ClimbState(models.TextChoices):
    OPEN = "open"
    DONE = "done"


class Climb(models.Model):
    """A message that another channel follows, should it not arrive.

    `rest`: the rungs that are left. Looked at once, at `check_at` or when the message
    failed, whichever is first.
    """

    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, primary_key=True, related_name="climb"
    )
    link = models.ForeignKey(
        PaymentLink, on_delete=models.CASCADE, related_name="climbs"
    )
    rest = models.JSONField(default=list)
    check_at = models.DateTimeField()
    hours = models.PositiveSmallIntegerField(help_text="what check_at waits")
    state = models.CharField(
        max_length=4, choices=ClimbState.choices, default=ClimbState.OPEN
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["check_at"], condition=Q(state="open"), name="climb_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.message_id}: {self.rest}"


class TaskKind(models.TextChoices):
    STEP = "step", _("Reminder plan")
    UNREACHED = "unreached", _("Not reached")
    STAFF = "staff", _("From a colleague")


class StaffTask(models.Model):
    """Something about a link that a person should do."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_task_id, editable=False
    )
    link = models.ForeignKey(
        PaymentLink, on_delete=models.CASCADE, related_name="tasks"
    )
    kind = models.CharField(_("kind"), max_length=12, choices=TaskKind.choices)
    origin = models.CharField(
        max_length=40, help_text="the step or message that made it; once for each link"
    )
    text = models.CharField(_("task"), max_length=300)
    assigned_to = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("for"),
    )
    due_at = models.DateTimeField(_("due"))
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(_("done"), null=True)
    done_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        constraints = [
            models.UniqueConstraint(
                fields=["link", "origin"], name="staff_task_once_an_origin"
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(done_at__isnull=True),
                name="staff_task_open",
            )
        ]

    def __str__(self) -> str:
        return self.text
