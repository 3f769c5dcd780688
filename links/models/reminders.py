"""When to ask again, kindly."""

from datetime import time

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.models import Customer
from merchant_portal.lib import ids
from notifications.models import ChannelName

from .links import PaymentLink

TASK_RUNG = "task"
# the last step of a ladder: a person sees to it
RUNGS: tuple[str, ...] = (*ChannelName.values, TASK_RUNG)
MOST_DAYS = 730


def new_public_id() -> str:
    return ids.new("rpl")


def check_ladder(ladder: object) -> None:
    """ValidationError for anything but different rungs, of which a task is the last."""
    if not isinstance(ladder, list) or len(set(map(str, ladder))) != len(ladder):
        raise ValidationError(_("Name each channel once."))
    if any(rung not in RUNGS for rung in ladder):
        raise ValidationError(
            _("Known are: %s.") % ", ".join(RUNGS), code="unknown_rung"
        )
    if TASK_RUNG in ladder[:-1]:
        raise ValidationError(_("A task for staff can only be the last way."))
    if ladder == [TASK_RUNG]:
        raise ValidationError(_("Name at least one channel before the task."))


class Anchor(models.TextChoices):
    SENT = "sent", _("after sending")
    DUE = "due", _("relative to the due date")
    EXPIRY = "expiry", _("relative to the day the link expires")
    REPLY = "reply", _("after the customer's last reply")


class Tone(models.TextChoices):
    FRIENDLY = "friendly", _("Friendly")
    FIRM = "firm", _("Clear")
    LAST = "last", _("Last reminder")


class StepAct(models.TextChoices):
    MESSAGE = "message", _("Send a reminder")
    TASK = "task", _("Make a task for staff")


KIND_OF_TONE = {
    Tone.FRIENDLY: "reminder",
    Tone.FIRM: "reminder_firm",
    Tone.LAST: "reminder_last",
}
# which kind of message says it


class ReminderPlan(models.Model):
    """A named series of steps; one plan is the business's default."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    name = models.CharField(_("name"), max_length=100)
    is_default = models.BooleanField(_("default"), default=False)
    ladder = models.JSONField(
        default=list,
        blank=True,
        validators=[check_ladder],
        help_text="channels to try one after the other, perhaps `task` at the end;"
        " empty: the channels of the last send",
    )
    ladder_hours = models.PositiveSmallIntegerField(
        _("hours until the next way is tried"),
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
    )
    is_together = models.BooleanField(
        _("one reminder for all that a customer owes"),
        default=True,
        help_text=_(
            "Who owes several gets one reminder with one page to pay them all, and the"
            " others are not reminded of within a day."
        ),
    )
    replan_after = models.BigIntegerField(
        null=True,
        editable=False,
        help_text="key of the last link whose moments follow the changed steps;"
        " null: all do",
    )

    class Meta:
        verbose_name = _("reminder plan")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="reminder_plan_one_default",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CustomerPlan(models.Model):
    """The plan for all links of a customer that name none themselves."""

    customer = models.OneToOneField(
        Customer,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="reminder_plan",
    )
    plan = models.ForeignKey(ReminderPlan, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.plan_id}"


class ReminderStep(models.Model):
    """One step of a plan: so many days from its anchor, at a local time."""

    plan = models.ForeignKey(
        ReminderPlan, on_delete=models.CASCADE, related_name="steps"
    )
    anchor = models.CharField(_("counted"), max_length=8, choices=Anchor.choices)
    offset_days = models.SmallIntegerField(
        _("days"),
        help_text=_("Negative means before that day."),
        validators=[MinValueValidator(-MOST_DAYS), MaxValueValidator(MOST_DAYS)],
    )
    local_time = models.TimeField(
        _("at"), default=time(10, 0), help_text=_("In the customer's time zone.")
    )
    act = models.CharField(
        _("what happens"),
        max_length=8,
        choices=StepAct.choices,
        default=StepAct.MESSAGE,
    )
    tone = models.CharField(
        _("tone"), max_length=8, choices=Tone.choices, default=Tone.FRIENDLY
    )
    ladder = models.JSONField(
        default=list,
        blank=True,
        validators=[check_ladder],
        help_text="as the plan's, which it replaces; empty: the plan's",
    )
    fee_minor = models.PositiveBigIntegerField(
        default=0, help_text="asked on top for being late; minor units, own currency"
    )
    interest_bp = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(10_000)],
        help_text="a year, of what is open, since the due date; basis points",
    )

    class Meta:
        ordering = ["id"]
        verbose_name = _("step")
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "anchor", "offset_days", "act"],
                name="reminder_step_once",
            )
        ]

    def __str__(self) -> str:
        count = abs(self.offset_days)
        days = ngettext("%d day", "%d days", count) % count
        if self.anchor == Anchor.SENT:
            return _("%s after sending") % days
        if self.anchor == Anchor.REPLY:
            return _("%s after the last reply") % days
        if self.anchor == Anchor.EXPIRY:
            words = (
                _("%s before it expires")
                if self.offset_days < 0
                else _("%s after it expires")
            )
            return words % days if count else str(_("on the day it expires"))
        if not count:
            return str(_("on the due date"))
        if self.offset_days < 0:
            return _("%s before the due date") % days
        return _("%s after the due date") % days

    @property
    def has_fee(self) -> bool:
        """Whether it may ask for more than is owed; only where that is overdue."""
        return self.act == StepAct.MESSAGE and bool(self.fee_minor or self.interest_bp)


class DueState(models.TextChoices):
    PLANNED = "planned", _("Planned")
    QUEUED = "queued", _("Dealt with")
    DROPPED = "dropped", _("Left out")


class ReminderDue(models.Model):
    """One due moment of one step for one link; dealt with exactly once.

    Without a step it is the day on which the customer promised to pay.
    """

    link = models.ForeignKey(
        PaymentLink, on_delete=models.CASCADE, related_name="reminders_due"
    )
    step = models.ForeignKey(
        ReminderStep, null=True, on_delete=models.CASCADE, related_name="+"
    )
    due_at = models.DateTimeField()
    state = models.CharField(
        max_length=8, choices=DueState.choices, default=DueState.PLANNED
    )
    reason = models.CharField(
        max_length=40, blank=True, help_text="why it was left out"
    )
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["link", "step"], name="reminder_due_once"),
            models.UniqueConstraint(
                fields=["link", "due_at"],
                condition=Q(step__isnull=True),
                name="reminder_promise_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state="planned"),
                name="reminder_due_planned",
            )
        ]

    def __str__(self) -> str:
        return f"{self.link_id}/{self.step_id}"
