"""The till: shifts at a cash drawer, what went in and out of it, and closed days."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids

from .totals import Measure

MAX_REGISTER = 40


class ShiftState(models.TextChoices):
    OPEN = "open", _("Open now")
    CLOSED = "closed", _("Closed")


class MoveKind(models.TextChoices):
    IN = "in", _("Put in")
    OUT = "out", _("Taken out")


def new_shift_id() -> str:
    return ids.new("shf")


def new_movement_id() -> str:
    return ids.new("csh")


class TillReport(models.Model):
    """A numbered report of the till, as it was when it was closed, and its signature.

    `figures`: all that is printed, in minor units; never written again.
    """

    number = models.CharField(  # noqa: DJ001 - unique, so empty must be NULL
        max_length=12, null=True, unique=True, editable=False
    )
    figures = models.JSONField(null=True, editable=False)
    signature = models.CharField(max_length=64, blank=True, editable=False)
    key_version = models.CharField(
        max_length=16, blank=True, editable=False, help_text="which of AUDIT_KEYS"
    )

    class Meta:
        abstract = True


class DayClose(TillReport):
    """A day of the business that was closed: all shifts and all money, once each."""

    day = models.DateField(unique=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("day close")
        verbose_name_plural = _("day closes")

    def __str__(self) -> str:
        return self.number or ""


class DayCloseLine(models.Model):
    """What a close told of one day under one heading: the change since the closes before.

    Added up over all closes it is what the daily totals said at the last of them.
    """

    close = models.ForeignKey(DayClose, on_delete=models.PROTECT, related_name="lines")
    day = models.DateField(
        help_text="on which it happened; before the closed one: late"
    )
    measure = models.CharField(max_length=8, choices=Measure.choices)
    currency = models.CharField(max_length=3)
    account_pk = models.BigIntegerField()
    method = models.CharField(max_length=40, blank=True)
    count = models.BigIntegerField()
    amount_minor = models.BigIntegerField(help_text="below zero: undone since")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["close", "day", "measure", "currency", "account_pk", "method"],
                name="day_close_line_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.measure} {self.currency}"


class Shift(TillReport):
    """One person at one drawer, from the float to the count.

    Money taken by hand belongs to the open shift of whoever took it (`Payment.shift`),
    money given back to that of whoever handed it out (`Refund.shift`).
    """

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_shift_id
    )
    register = models.CharField(max_length=MAX_REGISTER)
    state = models.CharField(
        max_length=6, choices=ShiftState.choices, default=ShiftState.OPEN
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    opened_at = models.DateTimeField()
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    counts = models.PositiveSmallIntegerField(
        default=0, help_text="how often the drawer was counted before it agreed"
    )
    day_close = models.ForeignKey(
        DayClose, null=True, on_delete=models.PROTECT, related_name="shifts"
    )

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        constraints = [
            models.UniqueConstraint(
                fields=["opened_by"],
                condition=Q(state="open"),
                name="shift_open_once_a_person",
            ),
            models.UniqueConstraint(
                Lower("register"),
                condition=Q(state="open"),
                name="shift_open_once_a_register",
            ),
            models.CheckConstraint(
                condition=Q(
                    state="open",
                    number__isnull=True,
                    closed_at__isnull=True,
                    closed_by__isnull=True,
                )
                | Q(
                    state="closed",
                    number__isnull=False,
                    closed_at__isnull=False,
                    closed_by__isnull=False,
                ),
                name="shift_closed_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["opened_at"],
                condition=Q(day_close__isnull=True),
                name="shift_in_no_day_yet",
            )
        ]

    def __str__(self) -> str:
        return self.number or self.register

    @property
    def is_open(self) -> bool:
        return self.state == ShiftState.OPEN


class CashCount(models.Model):
    """The cash of one currency in the drawer of a shift: at the start and at the end."""

    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="cash")
    currency = models.CharField(max_length=3)
    float_minor = models.PositiveBigIntegerField(default=0)
    expected_minor = models.BigIntegerField(null=True)
    counted_minor = models.PositiveBigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shift", "currency"], name="cash_count_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.shift_id} {self.currency}"


class CashMovement(models.Model):
    """Cash put into the drawer or taken out of it that is neither payment nor refund."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_movement_id
    )
    shift = models.ForeignKey(Shift, on_delete=models.PROTECT, related_name="moves")
    kind = models.CharField(max_length=3, choices=MoveKind.choices)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=300)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="cash_movement_positive"
            )
        ]

    def __str__(self) -> str:
        return self.public_id
