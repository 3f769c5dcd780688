"""How fast background work may ask a provider: so many calls a second to one account,
of all workers together, by its row. Payers' clicks and webhooks never come by here."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from merchant_portal.lib import clock

from ..models import ProviderAccount
from ..providers import pacing
from ..providers.base import ProviderBusy

CROWDED = timedelta(seconds=2)
# What would have to wait longer than this leaves its row due and its worker free.
PATIENCE_SECONDS = 10.0
# Of one call, once work has begun: taking money half-way is worse than a call too early.


def reserve(account_pk: int) -> float:
    """The next moment at which a call to the account may leave, in seconds from now.

    Each caller gets a moment of its own, a call's length after the one before.
    """
    length = timedelta(seconds=1 / settings.PROVIDER_CALLS_PER_SECOND)
    with transaction.atomic():
        account = ProviderAccount.objects.select_for_update().get(pk=account_pk)
        now = clock.database_now()
        begin = max(account.paced_until or now, now)
        account.paced_until = begin + length
        account.save(update_fields=["paced_until"])
    return (begin - now).total_seconds()


@contextmanager
def paced(
    account_pk: int, before_call: Callable[[], None] | None = None
) -> Iterator[None]:
    """Every call to the provider inside the block waits for its moment.

    A 429 makes the account rest for as long as the provider asks. `before_call`: runs
    before each call.
    """

    def wait() -> None:
        if before_call is not None:
            before_call()
        seconds = min(reserve(account_pk), PATIENCE_SECONDS)
        if seconds > 0:
            time.sleep(seconds)

    try:
        with pacing.stepping(wait):
            yield
    except ProviderBusy as exc:
        rest(account_pk, exc.rest_seconds)
        raise


def rest(account_pk: int, seconds: float) -> None:
    """Leave the account alone for that long; a shorter rest never cuts a longer one."""
    until = clock.database_now() + timedelta(seconds=seconds)
    ProviderAccount.objects.filter(
        Q(rests_until=None) | Q(rests_until__lt=until), pk=account_pk
    ).update(rests_until=until)


def is_free(account: ProviderAccount, now: datetime) -> bool:
    """Whether a call would leave soon; `account`: freshly read, `now`: the database's."""
    is_resting = account.rests_until is not None and account.rests_until > now
    is_crowded = account.paced_until is not None and account.paced_until > now + CROWDED
    return not is_resting and not is_crowded


def not_resting(now: datetime, prefix: str = "") -> Q:
    """Rows whose account wants to be asked; `now`: the database's."""
    return Q(**{f"{prefix}rests_until": None}) | Q(**{f"{prefix}rests_until__lte": now})
