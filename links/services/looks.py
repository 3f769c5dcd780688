"""Looks at open checkouts that nobody was told about, at the pace of each account.

The sweep hands out as many as may be asked before it comes again, spread over that
time; each look finds out for itself whether it is still due and whether the account
may be asked now. What may not stays due, and the next sweep hands it out again.
"""

from django.conf import settings
from django.db.models import QuerySet

from merchant_portal.lib import clock

from ..models import Checkout
from . import accounts, checkouts, pacing

SWEEP_SECONDS = 10
# as beat sends it; what is handed out twice in between is asked about once


def due() -> list[tuple[int, float]]:
    """Keys of checkouts to look at, and in how many seconds each; fair to every account.

    Costs what is open, not what there is: it reads the index of looks to come.
    """
    rate: int = settings.PROVIDER_CALLS_PER_SECOND
    rows = accounts.in_use().filter(pacing.not_resting(clock.database_now()))
    found: list[tuple[int, float]] = []
    for account_pk in rows.values_list("pk", flat=True):
        for place, pk in enumerate(_due_at(account_pk)[: rate * SWEEP_SECONDS]):
            found.append((pk, place / rate))
    return found


def _due_at(account_pk: int) -> "QuerySet[Checkout, int]":
    return (
        Checkout.objects.filter(account=account_pk, next_check_at__lte=clock.now())
        .order_by("next_check_at")
        .values_list("pk", flat=True)
    )


def look(pk: int) -> bool:
    """Ask how a checkout stands, if that is still due and the account may be asked.

    False if not; it then stays due. Raises ProviderError as `checkouts.settle`.
    """
    checkout = (
        Checkout.objects.select_related("account")
        .filter(pk=pk, next_check_at__lte=clock.now())
        .first()
    )
    if checkout is None:
        return False
    if not pacing.is_free(checkout.account, clock.database_now()):
        return False
    with pacing.paced(checkout.account_id):
        checkouts.settle(pk)
    return True
