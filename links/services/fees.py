"""What each way to pay an amount would cost."""

from dataclasses import dataclass
from datetime import date

from merchant_portal.lib.money import Money

from ..models import FeeRate
from . import offers
from .offers import Way


@dataclass(frozen=True, slots=True)
class Outlook:
    """One hosted way to pay. `fee`: estimated by the price list; None without one."""

    way: Way
    fee: Money | None

    def net(self, amount: Money) -> Money | None:
        if self.fee is None:
            return None
        return Money(amount.amount_minor - self.fee.amount_minor, amount.currency)


def outlook(amount: Money, today: date) -> list[Outlook]:
    """Every provider in use, in the order of the pay page; two queries."""
    found = offers.ways(amount)
    rates = _rates(found, amount.currency, today)
    return [Outlook(way, _fee(amount, rates.get(way.slug))) for way in found]


def _rates(found: list[Way], currency: str, today: date) -> dict[str, FeeRate]:
    """slug → the newest rate that has begun."""
    begun = FeeRate.objects.filter(
        account__in=[way.account for way in found if way.account is not None],
        currency=currency,
        valid_from__lte=today,
    ).select_related("account")
    return {rate.account.slug: rate for rate in begun.order_by("valid_from")}


def _fee(amount: Money, rate: FeeRate | None) -> Money | None:
    """Half up, and never more than the amount."""
    if rate is None:
        return None
    share = (amount.amount_minor * rate.share_bp + 5_000) // 10_000
    return Money(min(share + rate.fixed_minor, amount.amount_minor), amount.currency)
