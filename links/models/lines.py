"""What the money is for."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .links import PaymentLink


class LineItem(models.Model):
    """One line of a link, with the sums as they were computed when it was made."""

    link = models.ForeignKey(
        PaymentLink, on_delete=models.CASCADE, related_name="lines"
    )
    position = models.PositiveSmallIntegerField()
    description = models.CharField(
        _("description"), max_length=800, help_text="200 characters"
    )
    quantity_milli = models.PositiveBigIntegerField(
        default=1000, help_text="thousandths"
    )
    unit_amount_minor = models.PositiveBigIntegerField()
    discount_bp = models.PositiveIntegerField(
        default=0, validators=[MaxValueValidator(10_000)], help_text="basis points"
    )
    tax_bp = models.PositiveIntegerField(
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(10_000)],
        help_text="basis points",
    )
    quantity_min = models.PositiveIntegerField(
        default=0, help_text="fewest pieces that the customer may choose"
    )
    quantity_max = models.PositiveIntegerField(
        default=0, help_text="most pieces; 0: the customer does not choose"
    )
    chosen_pieces = models.PositiveIntegerField(
        null=True, editable=False, help_text="of the payer; the sums are of these"
    )
    net_minor = models.PositiveBigIntegerField(help_text="after discount, before tax")
    tax_minor = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["link", "position"], name="line_item_position_once"
            )
        ]

    def __str__(self) -> str:
        return self.description

    @property
    def asked_milli(self) -> int:
        """The quantity that the sums are of, in thousandths."""
        if self.chosen_pieces is not None:
            return self.chosen_pieces * 1000
        return self.quantity_milli

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor
