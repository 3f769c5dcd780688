"""What a provider's price list says, for estimates before anybody has paid."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .accounts import ProviderAccount


class FeeRate(models.Model):
    """A share and a fixed part for one currency, from a day on until the next."""

    account = models.ForeignKey(
        ProviderAccount, on_delete=models.CASCADE, related_name="fee_rates"
    )
    currency = models.CharField(_("currency"), max_length=3, help_text="ISO 4217")
    valid_from = models.DateField(_("valid from"))
    share_bp = models.PositiveIntegerField(
        _("share"),
        validators=[MaxValueValidator(10_000)],
        help_text=_("In hundredths of a percent: 290 is 2.9 percent."),
    )
    fixed_minor = models.PositiveIntegerField(
        _("fixed part"),
        default=0,
        help_text=_("In the smallest unit of the currency: 30 is 0.30."),
    )

    class Meta:
        verbose_name = _("fee")
        verbose_name_plural = _("fees")
        ordering = ["currency", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "currency", "valid_from"], name="fee_rate_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.valid_from}"
