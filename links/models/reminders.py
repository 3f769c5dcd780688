"""When to ask again, kindly."""

from datetime import time

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from merchant_portal.lib import ids

from .links import PaymentLink


def new_public_id() -> str:
    return ids.new("rpl")


class Anchor(models.TextChoices):
    SENT = "sent", _("after sending")
    DUE = "due", _("relative to the due date")


class ReminderPlan(models.Model):
    """A named series of steps; one plan is the business's default."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    name = models.CharField(_("name"), max_length=100)
    is_default = models.BooleanField(_("default"), default=False)

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


class ReminderStep(models.Model):
    """One reminder of a plan: so many days from its anchor, at a local time."""

    plan = models.ForeignKey(
        ReminderPlan, on_delete=models.CASCADE, related_name="steps"
    )
    anchor = models.CharField(_("counted"), max_length=4, choices=Anchor.choices)
    offset_days = models.SmallIntegerField(
        _("days"), help_text=_("Negative means before the due date.")
    )
    local_time = models.TimeField(
        _("at"), default=time(10, 0), help_text=_("In the customer's time zone.")
    )

    class Meta:
        ordering = ["id"]
        verbose_name = _("step")
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "anchor", "offset_days"], name="reminder_step_once"
            )
        ]

    def __str__(self) -> str:
        days = ngettext("%d day", "%d days", abs(self.offset_days)) % abs(
            self.offset_days
        )
        if self.anchor == Anchor.SENT:
            return _("%s after sending") % days
        if self.offset_days == 0:
            return str(_("on the due date"))
        if self.offset_days < 0:
            return _("%s before the due date") % days
        return _("%s after the due date") % days


class DueState(models.TextChoices):
    PLANNED = "planned", _("Planned")
    QUEUED = "queued", _("Handed to the outbox")
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
