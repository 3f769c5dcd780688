"""What moved at a provider's fake, for the judge."""

from dataclasses import dataclass


@dataclass
class Totals:
    """What moved in one currency, in minor units; only completed money counts."""

    captured: int = 0
    refunded: int = 0
    fees: int = 0
