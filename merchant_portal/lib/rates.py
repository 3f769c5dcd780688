"""Rates in basis points of whole minor units, half-up."""

FULL_BP = 10_000


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def share(amount_minor: int, rate_bp: int) -> int:
    """That many basis points of an amount, half-up."""
    return half_up(amount_minor * rate_bp, FULL_BP)


def net_of(gross_minor: int, tax_bp: int) -> int:
    """An amount without the tax that is in it, half-up."""
    return half_up(gross_minor * FULL_BP, FULL_BP + tax_bp)
