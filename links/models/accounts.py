"""The merchant's accounts at providers."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ProviderAccount(models.Model):
    """One account at one provider, test or live.

    Its keys come from the environment, or were entered by an owner and are sealed here.
    """

    class Mode(models.TextChoices):
        TEST = "test", _("Test")
        LIVE = "live", _("Live")

    slug = models.CharField(max_length=20, help_text="name in the provider registry")
    mode = models.CharField(max_length=4, choices=Mode.choices)
    is_enabled = models.BooleanField(_("offered to customers"), default=True)
    position = models.PositiveSmallIntegerField(_("order on the pay page"), default=0)

    sealed_keys = models.TextField(
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="entered by an owner; only services/keyring.py opens them",
    )
    keys_set_at = models.DateTimeField(null=True, editable=False)

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
            ),
            models.UniqueConstraint(
                fields=["slug"],
                condition=~models.Q(sealed_keys=""),
                name="provider_account_one_set_of_keys",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} ({self.mode})"
