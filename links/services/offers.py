"""Which ways to pay there are for an amount, and which of them a link may offer."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from merchant_portal.lib.money import Money

from ..models import ProviderAccount
from ..providers.base import Capabilities
from ..providers.registry import PROVIDERS, get_provider
from . import accounts, keyring
from .errors import LinkError


class Hindrance(StrEnum):
    """Why a provider is not offered for an amount; empty: it is."""

    NONE = ""
    OFF = "off"
    CURRENCY = "currency"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    STEP = "step"


_WHY: dict[Hindrance, Promise] = {
    Hindrance.OFF: gettext_lazy("it is switched off"),
    Hindrance.CURRENCY: gettext_lazy("it does not take %(currency)s"),
    Hindrance.TOO_SMALL: gettext_lazy("it takes no less than %(bound)s"),
    Hindrance.TOO_LARGE: gettext_lazy("it takes no more than %(bound)s"),
    Hindrance.STEP: gettext_lazy("it takes steps of %(bound)s only"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """One hosted provider in use. `account`: None while nobody has seen anything of it.

    `bound`: the smallest, largest or nearest step that goes with the hindrance.
    """

    slug: str
    title: str
    account: ProviderAccount | None
    hindrance: Hindrance = Hindrance.NONE
    bound: Money | None = None

    def why_not(self, currency: str) -> str:
        """The hindrance in the reader's words; empty if there is none."""
        if not self.hindrance:
            return ""
        language = (get_language() or "en").replace("-", "_").partition("_")[0]
        return str(_WHY[self.hindrance]) % {
            "currency": currency,
            "bound": self.bound.format(language) if self.bound else "",
        }


def ways(amount: Money | None, known: list[Way] | None = None) -> list[Way]:
    """Every hosted provider in use, in the order of the pay page.

    Without an amount only what is switched off is hindered. `known`: what this gave
    without one, for whoever asks for many amounts.
    """
    if known is None:
        known = _in_use()
    if amount is None:
        return known
    return [way if way.hindrance else _for(way, amount) for way in known]


def _for(way: Way, amount: Money) -> Way:
    hindrance, bound = _hindrance(get_provider(way.slug).capabilities, amount)
    return replace(way, hindrance=hindrance, bound=bound) if hindrance else way


def _in_use() -> list[Way]:
    held = keyring.held()
    modes = accounts.configured(held)
    rows = {row.slug: row for row in held.rows if row.mode == modes.get(row.slug)}
    found = []
    for rank, slug in enumerate(modes):
        provider, row = get_provider(slug), rows.get(slug)
        if not provider.capabilities.hosted_checkout:
            continue
        is_off = row is not None and not row.is_enabled
        hindrance = Hindrance.OFF if is_off else Hindrance.NONE
        way = Way(slug, provider.title, row, hindrance)
        found.append(((row.position if row else 0, rank), way))
    return [way for _place, way in sorted(found, key=lambda each: each[0])]


def check(
    chosen: Collection[str], amount: Money, known: list[Way] | None = None
) -> None:
    """Raise LinkError if a link of that amount could not be paid by what is chosen.

    `chosen`: slugs; empty means every provider. A shop that uses no hosted provider at
    all takes its money by hand, and is refused nothing. `known`: as of `ways`.
    """
    if set(chosen) - PROVIDERS.keys():
        # What was written is not said again: it may be a card number.
        raise LinkError(
            _("Known ways to pay are: %s.") % ", ".join(sorted(PROVIDERS)), "providers"
        )
    found = ways(amount, known)
    if missing := sorted(set(chosen) - {way.slug for way in found}):
        raise LinkError(
            _("%s cannot be offered: it is not set up here, or has no page to pay on.")
            % get_provider(missing[0]).title,
            "providers",
        )
    asked = [way for way in found if not chosen or way.slug in chosen]
    if asked and all(way.hindrance for way in asked):
        reasons = [f"{way.title}: {way.why_not(amount.currency)}" for way in asked]
        raise LinkError(
            _("Nobody could pay this link. %s.") % "; ".join(reasons), "providers"
        )


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
