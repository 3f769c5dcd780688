"""What webhooks missed: each account's own lists are read again and again.

Booking what was booked changes nothing, so a sweep may overlap another, die, or come
twice. It costs what changed at the account since the last one, not what there is.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q

from merchant_portal.lib import clock

from ..models import ProviderAccount
from ..providers.base import ForeignPayment, Provider, ProviderError
from ..providers.registry import get_provider
from . import accounts, disputes, pacing, payments, payouts

EVERY = timedelta(minutes=5)
OVERLAP = timedelta(hours=1)
# Read again each time: a provider's list may lag behind, and clocks differ.
FIRST = timedelta(days=1)
LONGEST = timedelta(days=28)
# Providers keep their events for thirty days.
PAYOUTS_MOVE = timedelta(days=14)
# Lists know when a payout began; banks send one back up to five working days later.


def sweep(pk: int) -> int:
    """Book what changed at an account since the last sweep; how many were news.

    0 as well when another worker has it. Raises ProviderError when the provider gives
    no answer; the next sweep then begins where this one did.
    """
    account = ProviderAccount.objects.get(pk=pk)
    begun = clock.now()
    claimed = ProviderAccount.objects.filter(
        pk=pk, next_sweep_at=account.next_sweep_at
    ).update(next_sweep_at=begun + EVERY)
    if not claimed or accounts.mode_of(account.slug) != account.mode:
        return 0
    since = max((account.swept_at or begun - FIRST) - OVERLAP, begun - LONGEST)
    news, provider = 0, get_provider(account.slug)
    try:
        with pacing.paced(pk):
            for seen in provider.list_payments(since):
                news += payments.record(seen) is not None
            for told in told_disputes(provider, since):
                news += disputes.book(told) is not None
    except ProviderError as exc:
        _note(pk, sweep_problem=str(exc)[:300])
        raise
    _note(pk, swept_at=begun)
    news += _sweep_payouts(pk, provider, begun)
    _note(pk, sweep_problem="")
    return news


def _sweep_payouts(pk: int, provider: Provider, begun: datetime) -> int:
    """Book every payout that may still move; how many were news.

    By itself: keys that may not read payouts must not keep money from being found.
    """
    if not provider.capabilities.payouts:
        return 0
    news = 0
    try:
        with pacing.paced(pk):
            for seen in provider.list_payouts(begun - PAYOUTS_MOVE):
                news += payouts.record(seen) is not None
    except ProviderError as exc:
        _note(pk, sweep_problem=f"Payouts: {exc}"[:300])
        raise
    return news


def told_disputes(provider: Provider, since: datetime) -> Iterator[disputes.Told]:
    """What changed since then, each with its payment; not those of foreign payments."""
    if not provider.capabilities.disputes:
        return
    for seen in provider.list_disputes(since):
        try:
            told = disputes.about(provider, seen)
        except ForeignPayment:
            continue
        yield told


def _note(pk: int, **facts: object) -> None:
    ProviderAccount.objects.filter(pk=pk).update(**facts)


def due() -> list[int]:
    """Keys of accounts in use whose lists are to be read again; makes those of which
    nobody has seen any money yet."""
    rows = accounts.in_use(but={"manual"})
    known = set(rows.values_list("slug", flat=True))
    for slug in accounts.configured().keys() - known - {"manual"}:
        accounts.get(slug)
    is_due = Q(next_sweep_at=None) | Q(next_sweep_at__lte=clock.now())
    wants_it = pacing.not_resting(clock.database_now())
    return list(rows.filter(is_due, wants_it).values_list("pk", flat=True))
