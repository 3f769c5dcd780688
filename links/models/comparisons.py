"""Our books held against a provider's own, once a day, and what came of it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .accounts import ProviderAccount


class ComparisonState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Given up")


class Subject(models.TextChoices):
    PAYMENT = "payment", _("Payment")
    REFUND = "refund", _("Refund")
    DISPUTE = "dispute", _("Dispute")


class Gap(models.TextChoices):
    """In what a provider's books and ours differ about one payment or refund."""

    UNKNOWN_HERE = "unknown_here", _("Not in our books")
    UNKNOWN_THERE = "unknown_there", _("Not at the provider")
    STATE = "state", _("Other state")
    CURRENCY = "currency", _("Other currency")
    AMOUNT = "amount", _("Other amount")
    FEE = "fee", _("Other fee")


class Comparison(models.Model):
    """One run over one account, and its report; kept for ninety days.

    `sums`: by currency and subject, `[count, minor units]` of what succeeded in the
    window: `{"EUR": {"payment": {"here": [3, 1200], "there": [4, 1700]}}}`; "here" is
    how our books stood before anything was booked by the run.
    """

    S = ComparisonState
    ENDED: ClassVar[list[str]] = [S.DONE, S.FAILED]

    account = models.ForeignKey(
        ProviderAccount, on_delete=models.PROTECT, related_name="comparisons"
    )
    day = models.DateField(
        null=True, help_text="of the business, if it is that day's; null: asked for"
    )
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=ComparisonState.choices,
        default=ComparisonState.WAITING,
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(
        null=True, help_text="when it is run, or a run that died is run again"
    )
    tries = models.PositiveSmallIntegerField(default=0, help_text="also the fence")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    seen_count = models.PositiveIntegerField(
        default=0, help_text="payments that the provider told of"
    )
    sums: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        default=dict
    )
    booked_count = models.PositiveIntegerField(
        default=0, help_text="differences that booking settled"
    )
    open_count = models.PositiveIntegerField(
        default=0, help_text="differences that are left for a person"
    )
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    review_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("comparison")
        verbose_name_plural = _("comparisons")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day"], name="comparison_once_a_day"
            ),
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(state__in=["waiting", "running"]),
                name="comparison_one_open",
            ),
            # One account at a time: the database itself refuses the second.
            models.UniqueConstraint(
                fields=["state"],
                condition=Q(state="running"),
                name="comparison_one_running",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-finished_at"], name="comparison_newest"),
            models.Index(
                fields=["id"],
                condition=Q(reviewed_at__isnull=True)
                & (Q(open_count__gt=0) | Q(state="failed")),
                name="comparison_needs_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.asked_at:%Y-%m-%d}"


class Difference(models.Model):
    """One thing that differed; `is_booked`: the run put it into our books.

    What is left open stays in the window for days; only the first report counts it, so
    that a person deals with it once.

    `here`, `there`: how it stands in our books and at the provider, as a person reads
    it in English; empty where it is not known.
    """

    comparison = models.ForeignKey(
        Comparison, on_delete=models.CASCADE, related_name="differences"
    )
    subject = models.CharField(max_length=8, choices=Subject.choices)
    gap = models.CharField(max_length=16, choices=Gap.choices)
    provider_id = models.CharField(max_length=255)
    provider_payment_id = models.CharField(max_length=255)
    here = models.CharField(max_length=80, blank=True)
    there = models.CharField(max_length=80, blank=True)
    is_booked = models.BooleanField(default=False)
    is_known = models.BooleanField(
        default=False, help_text="it stands in an earlier report, and counts there"
    )

    class Meta:
        ordering = ["is_booked", "is_known", "id"]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.gap}"
