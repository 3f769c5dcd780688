"""Which provider accounts this installation uses now, and which it offers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Least

from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from ..models import PaymentLink, ProviderAccount
from ..providers import credentials
from ..providers.base import Capabilities
from ..providers.registry import get_provider
from . import asking, keyring

Mode = ProviderAccount.Mode
FAILURES_BEFORE_DOWN, FAILURES_MAX = 3, 20
DOWN_SECONDS, DOWN_SECONDS_MAX = 30, 300
# At most: so it is back by itself within five minutes of answering again.


@dataclass(frozen=True, slots=True)
class Offer:
    """A way to pay that this link's customer may choose now."""

    slug: str
    title: str


def configured(known: keyring.Held | None = None) -> dict[str, str]:
    """slug → mode of every provider whose keys are set; in the order of the page.

    `known`: what the keyring holds, if the caller has it at hand.
    """
    known = known or keyring.held()
    modes: dict[str, str] = {}
    for slug in credentials.FIELDS:
        keys = credentials.of(slug, known.entered)
        if keys:
            modes[slug] = _mode(keys)
    if is_training_offered(known):
        modes["training"] = Mode.TEST
    modes["manual"] = Mode.LIVE
    return modes


def mode_of(slug: str) -> str | None:
    """Test or live; None when its keys are not set. No query for a provider whose keys
    are the environment's."""
    if slug in credentials.FIELDS:
        keys = credentials.of(slug)
        return _mode(keys) if keys else None
    return configured().get(slug)


def _mode(keys: credentials.Keys) -> str:
    return Mode.LIVE if keys.is_live else Mode.TEST


def is_training_offered(known: keyring.Held | None = None) -> bool:
    """Never beside live keys, also while they cannot be used: what was rehearsed would
    count as paid."""
    if not settings.TRAINING_ENABLED:
        return False
    return not (known or keyring.held()).has_live


def get(slug: str) -> ProviderAccount:
    """The account in use for a provider; KeyError when its keys are not set."""
    mode = mode_of(slug)
    if mode is None:
        raise KeyError(slug)
    account = ProviderAccount.objects.filter(slug=slug, mode=mode).first()
    if account is None:
        account, _created = ProviderAccount.objects.get_or_create(slug=slug, mode=mode)
    return account


def known(slug: str) -> ProviderAccount:
    """As `get`, for whoever needs to know only which account it is: no query where this
    process has seen its row within the last second."""
    mode = mode_of(slug)
    for account in keyring.held().rows:
        if (account.slug, account.mode) == (slug, mode):
            return account
    return get(slug)


def in_use(*, but: Collection[str] = ()) -> QuerySet[ProviderAccount]:
    """The rows of accounts whose keys are set, without those of the slugs in `but`.

    One of which nobody has seen anything yet has no row.
    """
    found = Q(pk__in=())
    for slug, mode in configured().items():
        if slug not in but:
            found |= Q(slug=slug, mode=mode)
    return ProviderAccount.objects.filter(found)


def offered(
    link: PaymentLink, now: datetime, amount: Money | None = None
) -> list[Offer]:
    """The hosted ways to pay that much of this link, else what it asks next, in the
    merchant's order."""
    asked = amount or asking.due_now(link)
    held = keyring.held()
    modes = configured(held)
    known = {(account.slug, account.mode): account for account in held.rows}
    usable: list[tuple[int, int, Offer]] = []
    silent: list[tuple[int, int, Offer]] = []
    for rank, (slug, mode) in enumerate(modes.items()):
        provider = get_provider(slug)
        account = known.get((slug, mode))
        if (
            provider.capabilities.hosted_checkout
            and (account is None or account.is_enabled)
            and (not link.allowed_providers or slug in link.allowed_providers)
            and takes(provider.capabilities, asked)
        ):
            position = account.position if account else 0
            is_down = account and account.down_until and account.down_until > now
            offers = silent if is_down else usable
            offers.append((position, rank, Offer(slug, provider.title)))
    # Where nothing else is left, a try that may fail is better than none.
    ranked = sorted(usable or silent, key=lambda found: found[:2])
    return [offer for _position, _rank, offer in ranked]


def note_silence(account: ProviderAccount) -> None:
    """It did not answer a payer. From the third time on it is not offered for a while,
    each time longer, so that nobody waits in vain and it is left in peace."""
    ProviderAccount.objects.filter(pk=account.pk).update(
        failures=Least(F("failures") + 1, FAILURES_MAX)
    )
    account.refresh_from_db(fields=["failures"])
    beyond = account.failures - FAILURES_BEFORE_DOWN
    if beyond >= 0:
        rest = min(DOWN_SECONDS * 2**beyond, DOWN_SECONDS_MAX)
        account.down_until = clock.now() + timedelta(seconds=rest)
        account.save(update_fields=["down_until"])


def note_answer(account: ProviderAccount) -> None:
    """It answers again; no statement if it never stopped."""
    if account.failures:
        ProviderAccount.objects.filter(pk=account.pk).update(
            failures=0, down_until=None
        )


def takes(capabilities: Capabilities, amount: Money) -> bool:
    """Whether a provider handles this currency and can charge just this amount."""
    currency, minor = amount.currency, amount.amount_minor
    known = capabilities.currencies
    if known is not None and currency not in known:
        return False
    if minor == 0:
        return True  # the payer will say how much
    return (
        minor >= capabilities.minimum_minor.get(currency, 1)
        and minor <= capabilities.maximum_minor.get(currency, minor)
        and minor % capabilities.step_minor.get(currency, 1) == 0
    )
