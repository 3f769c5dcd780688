"""What a link asks: lines to sums, whole minor units, half-up per line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from merchant_portal.lib.money import MAX_MINOR, MoneyError, positive
from merchant_portal.lib.rates import FULL_BP, half_up, net_of, share

from .errors import LinkError
from .words import clean_line

MAX_LINES = 100
MAX_QUANTITY_MILLI = 1_000_000_000
# a million pieces; beyond that it is a slip of the finger


@dataclass(frozen=True, slots=True)
class LineData:
    """One line as it was asked for. Quantities in thousandths, rates in basis points.

    `quantity_min`, `quantity_max`: between how many pieces the customer may choose;
    zero where they may not.
    """

    description: str
    unit_amount_minor: int
    quantity_milli: int = 1000
    discount_bp: int = 0
    tax_bp: int = 0
    quantity_min: int = 0
    quantity_max: int = 0


@dataclass(frozen=True, slots=True)
class LineTotals:
    """A line with its sums: `net_minor` after discount and before tax."""

    data: LineData
    net_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True)
class Totals:
    lines: tuple[LineTotals, ...]
    net_minor: int
    tax_minor: int

    @property
    def amount_minor(self) -> int:
        return self.net_minor + self.tax_minor


def _line(line: LineData, *, prices_include_tax: bool) -> LineTotals:
    discounted = half_up(
        line.quantity_milli * line.unit_amount_minor * (FULL_BP - line.discount_bp),
        1000 * FULL_BP,
    )
    if prices_include_tax:
        net = net_of(discounted, line.tax_bp)
        return LineTotals(line, net, discounted - net)
    return LineTotals(line, discounted, share(discounted, line.tax_bp))


def _checked(line: LineData, position: int) -> LineData:
    where = f"lines.{position}"
    description = clean_line(line.description, f"{where}.description", max_length=800)
    if not description:
        raise LinkError(_("Say what this line is for."), f"{where}.description")
    if not 0 < line.quantity_milli <= MAX_QUANTITY_MILLI:
        raise LinkError(
            _("The quantity must be more than zero and at most 1,000,000."),
            f"{where}.quantity",
        )
    if line.unit_amount_minor < 0:
        raise LinkError(_("A price cannot be negative."), f"{where}.unit_amount")
    if line.unit_amount_minor > MAX_MINOR:
        raise LinkError(_("This price is too large."), f"{where}.unit_amount")
    if not 0 <= line.discount_bp <= FULL_BP:
        raise LinkError(_("A discount is between 0 and 100 %."), f"{where}.discount")
    if not 0 <= line.tax_bp <= FULL_BP:
        raise LinkError(_("A tax rate is between 0 and 100 %."), f"{where}.tax")
    _check_range(line, where)
    return replace(line, description=description)


def _check_range(line: LineData, where: str) -> None:
    least, most = line.quantity_min, line.quantity_max
    if not least and not most:
        return
    if not 0 < least <= most <= MAX_QUANTITY_MILLI // 1000:
        raise LinkError(
            _("Let the customer choose between 1 and 1,000,000, the smaller first."),
            f"{where}.quantity_max",
        )
    if line.quantity_milli % 1000 or not least <= line.quantity_milli // 1000 <= most:
        raise LinkError(
            _("The quantity lies between the least and the most to choose."),
            f"{where}.quantity",
        )


def totals(
    lines: Sequence[LineData],
    *,
    prices_include_tax: bool,
    currency: str,
    may_be_zero: bool = False,
) -> Totals:
    """The sums of these lines; LinkError names the line that cannot be.

    `may_be_zero`: where the amount is not known yet.
    """
    if not lines:
        raise LinkError(_("Add at least one line."), "lines")
    if len(lines) > MAX_LINES:
        raise LinkError(_("A link has at most 100 lines."), "lines")
    summed = tuple(
        _line(_checked(line, position), prices_include_tax=prices_include_tax)
        for position, line in enumerate(lines)
    )
    result = Totals(
        summed,
        sum(line.net_minor for line in summed),
        sum(line.tax_minor for line in summed),
    )
    if may_be_zero and not result.amount_minor:
        return result
    try:
        positive(result.amount_minor, currency)
    except MoneyError as exc:
        raise LinkError(str(exc), "lines") from exc
    return result
