"""Reports that are sent by mail, again and again."""

from datetime import date, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.staff.models import User


class Rhythm(models.TextChoices):
    DAILY = "daily", _("Every day")
    WEEKLY = "weekly", _("Every Monday")
    MONTHLY = "monthly", _("On the first of each month")

    def next_after(self, day: date) -> date:
        if self == Rhythm.DAILY:
            return day + timedelta(days=1)
        if self == Rhythm.WEEKLY:
            return day + timedelta(days=7 - day.weekday())
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


class Period(models.TextChoices):
    """Days that had ended when the mail is made."""

    YESTERDAY = "yesterday", _("The day before")
    WEEK = "week", _("The week before, Monday to Sunday")
    MONTH = "month", _("The month before")
    DAYS = "days", _("The last 30 days")
    YEAR = "year", _("The year so far")

    def span(self, today: date) -> tuple[date, date]:
        """First and last day, both included."""
        before = today - timedelta(days=1)
        if self == Period.WEEK:
            monday = today - timedelta(days=today.weekday() + 7)
            return monday, monday + timedelta(days=6)
        if self == Period.MONTH:
            last = today.replace(day=1) - timedelta(days=1)
            return last.replace(day=1), last
        if self == Period.DAYS:
            return today - timedelta(days=30), before
        return before.replace(month=1, day=1) if self == Period.YEAR else before, before


def new_public_id() -> str:
    return ids.new("rsc")


class ReportSchedule(models.Model):
    """One report under one heading, sent to some members of staff in a rhythm."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    report = models.CharField(max_length=20, help_text="name in the registry")
    by = models.CharField(max_length=12, help_text="one of its headings")
    period = models.CharField(_("which days"), max_length=10, choices=Period.choices)
    rhythm = models.CharField(_("how often"), max_length=8, choices=Rhythm.choices)
    file_format = models.CharField(_("file"), max_length=4)
    people = models.ManyToManyField(User, verbose_name=_("to whom"), related_name="+")
    is_active = models.BooleanField(_("is sent"), default=True)
    next_on = models.DateField(help_text="day of the business of the next mail")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager["ReportSchedule"]] = models.Manager()

    class Meta:
        verbose_name = _("report by mail")
        verbose_name_plural = _("reports by mail")
        indexes = [
            models.Index(
                fields=["next_on"],
                condition=Q(is_active=True),
                name="report_schedule_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.report} {self.by} {self.rhythm}"
