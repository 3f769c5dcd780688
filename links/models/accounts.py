"""The merchant's accounts at providers."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ProviderAccount(models.Model):
    """One account at one provider, test or live; its keys come from the settings."""

    class Mode(models.TextChoices):
        TEST = "test", _("Test")
        LIVE = "live", _("Live")

    slug = models.CharField(max_length=20, help_text="name in the provider registry")
    mode = models.CharField(max_length=4, choices=Mode.choices)
    is_enabled = models.BooleanField(_("offered to customers"), default=True)
    position = models.PositiveSmallIntegerField(_("order on the pay page"), default=0)

    failures = models.PositiveSmallIntegerField(
        default=0, help_text="openings of a page without an answer, one after the other"
    )
    down_until = models.DateTimeField(
        null=True, help_text="not offered before, because it did not answer"
    )
    swept_at = models.DateTimeField(
        null=True, help_text="up to when its own list of payments was read"
    )
    next_sweep_at = models.DateTimeField(null=True)
    sweep_problem = models.CharField(max_length=300, blank=True)
    paced_until = models.DateTimeField(
        null=True, help_text="up to when the calls of background work are given out"
    )
    rests_until = models.DateTimeField(
        null=True, help_text="until when background work leaves it alone, as it asked"
    )

    class Meta:
        verbose_name = _("provider account")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["slug", "mode"], name="provider_account_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.slug} ({self.mode})"
