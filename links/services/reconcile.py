"""What webhooks missed: each account's own lists are read again and again.

Booking what was booked changes nothing, so a sweep may overlap another, die, or come
twice. It costs what changed at the account since the last one, not what there is.
"""

from datetime import timedelta

from django.db.models import Q

from merchant_portal.lib import clock

from ..models import ProviderAccount
from ..providers.base import ProviderError
from ..providers.registry import get_provider
from . import accounts, pacing, payments

EVERY = timedelta(minutes=5)
OVERLAP = timedelta(hours=1)
# Read again each time: a provider's list may lag behind, and clocks differ.
FIRST = timedelta(days=1)
LONGEST = timedelta(days=28)
# Providers keep their events for thirty days.


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
    if not claimed or accounts.configured().get(account.slug) != account.mode:
        return 0
    since = max((account.swept_at or begun - FIRST) - OVERLAP, begun - LONGEST)
    news = 0
    try:
        with pacing.paced(pk):
            for seen in get_provider(account.slug).list_payments(since):
                news += payments.record(seen) is not None
    except ProviderError as exc:
        _note(pk, sweep_problem=str(exc)[:300])
        raise
    _note(pk, swept_at=begun, sweep_problem="")
    return news


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
