"""What each way to pay an amount would cost, and why one of them is not offered."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from merchant_portal.lib.money import Money

from ..models import FeeRate, ProviderAccount
from ..providers.base import Capabilities
from ..providers.registry import get_provider
from . import accounts


class Hindrance(StrEnum):
    """Why a provider is not offered for an amount; empty: it is."""

    NONE = ""
    OFF = "off"
    CURRENCY = "currency"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Outlook:
    """One hosted way to pay. `fee`: estimated by the price list; None without one.

    `bound`: the smallest, largest or nearest step that goes with the hindrance.
    """

    title: str
    hindrance: Hindrance
    bound: Money | None
    fee: Money | None

    def net(self, amount: Money) -> Money | None:
        if self.fee is None:
            return None
        return Money(amount.amount_minor - self.fee.amount_minor, amount.currency)


def outlook(amount: Money, today: date) -> list[Outlook]:
    """Every provider in use, in the order of the pay page; two queries."""
    modes = accounts.configured()
    rows = {row.slug: row for row in accounts.in_use()}
    rates = _rates(rows, amount.currency, today)
    found = []
    for rank, slug in enumerate(modes):
        provider, row = get_provider(slug), rows.get(slug)
        if not provider.capabilities.hosted_checkout:
            continue
        hindrance, bound = _hindrance(provider.capabilities, amount)
        if row is not None and not row.is_enabled:
            hindrance, bound = Hindrance.OFF, None
        place = (row.position if row else 0, rank)
        fee = _fee(amount, rates.get(slug))
        found.append((place, Outlook(provider.title, hindrance, bound, fee)))
    return [one for _place, one in sorted(found, key=lambda each: each[0])]


def _rates(
    rows: dict[str, ProviderAccount], currency: str, today: date
) -> dict[str, FeeRate]:
    """slug → the newest rate that has begun."""
    begun = FeeRate.objects.filter(
        account__in=list(rows.values()), currency=currency, valid_from__lte=today
    ).select_related("account")
    return {rate.account.slug: rate for rate in begun.order_by("valid_from")}


def _fee(amount: Money, rate: FeeRate | None) -> Money | None:
    """Half up, and never more than the amount."""
    if rate is None:
        return None
    share = (amount.amount_minor * rate.share_bp + 5_000) // 10_000
    return Money(min(share + rate.fixed_minor, amount.amount_minor), amount.currency)


def _hindrance(
    capabilities: Capabilities, amount: Money
) -> tuple[Hindrance, Money | None]:
    currency, minor = amount.currency, amount.amount_minor
    if accounts.takes(capabilities, amount):
        return Hindrance.NONE, None
    if capabilities.currencies is not None and currency not in capabilities.currencies:
        return Hindrance.CURRENCY, None
    least = capabilities.minimum_minor.get(currency, 1)
    if minor < least:
        return Hindrance.TOO_SMALL, Money(least, currency)
    most = capabilities.maximum_minor.get(currency, minor)
    if minor > most:
        return Hindrance.TOO_LARGE, Money(most, currency)
    return Hindrance.STEP, Money(capabilities.step_minor[currency], currency)
