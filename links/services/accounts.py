"""Which provider accounts this installation has, as its settings say."""

from dataclasses import dataclass

from django.conf import settings

from merchant_portal.lib import rows
from merchant_portal.lib.money import Money

from ..models import PaymentLink, ProviderAccount
from ..providers.base import Capabilities
from ..providers.registry import get_provider

Mode = ProviderAccount.Mode
_ACCOUNTS = rows.Kept(rows.Prepared(ProviderAccount.objects.all))


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to pay that this link's customer may choose now."""

    slug: str
    title: str


def configured() -> dict[str, str]:
    """slug → mode of every provider whose keys are set; in the order of the page."""
    modes: dict[str, str] = {}
    if settings.STRIPE_SECRET_KEY:
        modes["stripe"] = Mode.LIVE if "stripe" in settings.LIVE_KEYS else Mode.TEST
    if settings.SQUARE_ACCESS_TOKEN:
        modes["square"] = Mode.LIVE if "square" in settings.LIVE_KEYS else Mode.TEST
    if settings.TRAINING_ENABLED:
        modes["training"] = Mode.TEST
    modes["manual"] = Mode.LIVE
    return modes


def get(slug: str) -> ProviderAccount:
    """The account in use for a provider; KeyError when its keys are not set."""
    mode = configured()[slug]
    account = ProviderAccount.objects.filter(slug=slug, mode=mode).first()
    if account is None:
        account, _created = ProviderAccount.objects.get_or_create(slug=slug, mode=mode)
    return account


def offered(link: PaymentLink) -> list[Offer]:
    """The hosted ways to pay the balance of this link, in the merchant's order."""
    modes = configured()
    known = {(account.slug, account.mode): account for account in _ACCOUNTS.fetch()}
    usable = []
    for rank, (slug, mode) in enumerate(modes.items()):
        provider = get_provider(slug)
        account = known.get((slug, mode))
        if (
            provider.capabilities.hosted_checkout
            and (account is None or account.is_enabled)
            and (not link.allowed_providers or slug in link.allowed_providers)
            and takes(provider.capabilities, link.balance)
        ):
            position = account.position if account else 0
            usable.append((position, rank, Offer(slug, provider.title)))
    return [offer for _position, _rank, offer in sorted(usable, key=lambda u: u[:2])]


def takes(capabilities: Capabilities, amount: Money) -> bool:
    """Whether a provider handles this currency and can charge just this amount."""
    currency, minor = amount.currency, amount.amount_minor
    known = capabilities.currencies
    if known is not None and currency not in known:
        return False
    return (
        minor >= capabilities.minimum_minor.get(currency, 1)
        and minor <= capabilities.maximum_minor.get(currency, minor)
        and minor % capabilities.step_minor.get(currency, 1) == 0
    )
