"""How often one may try to get in; counted in rows, before the try is looked at.

Nobody is locked out: who has used up their tries waits until the oldest of them is
old enough. Rows hold for every process, across restarts and an emptied Redis.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import ngettext

from merchant_portal.lib import clock

from ..models import Tries

SWEEP_SIZE = 500
# Old rows that one sign-in clears away; the rest waits for the next one.


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` tries of one account or network in any `window`."""

    kind: str
    most: int
    window: timedelta


PASSWORD = Limit("password", 5, timedelta(minutes=15))
NETWORK = Limit("network", 20, timedelta(minutes=15))
SECOND_FACTOR = Limit("second_factor", 5, timedelta(minutes=15))
RESET = Limit("reset", 3, timedelta(hours=1))
RESET_NETWORK = Limit("reset_network", 20, timedelta(hours=1))
KEPT = timedelta(hours=1)  # the longest window


class TooManyTries(Exception):
    """The message is for people and says when to come back."""

    def __init__(self, wait: timedelta) -> None:
        minutes = max(1, -(-int(wait.total_seconds()) // 60))
        super().__init__(
            ngettext(
                "Too many tries. Please try again in %(minutes)s minute.",
                "Too many tries. Please try again in %(minutes)s minutes.",
                minutes,
            )
            % {"minutes": minutes}
        )


def take(*wanted: tuple[Limit, str]) -> None:
    """Count one try against each limit; TooManyTries, counting none, if one is used up.

    Pairs of a limit and an account or network, always in the same order of limits:
    their rows are locked one after the other.
    """
    with transaction.atomic():
        now = clock.now()
        rows = [(limit, _hold(limit, who, now)) for limit, who in wanted]
        waits = [_wait(limit, row, now) for limit, row in rows]
        if any(waits):
            raise TooManyTries(max(waits))
        for _limit, row in rows:
            row.times.append(_milliseconds(now))
            row.save(update_fields=["times"])


def forgive(limit: Limit, who: str) -> None:
    """Forget the tries of an account that got in, and the oldest of everybody's."""
    Tries.objects.filter(kind=limit.kind, who=_hashed(limit, who)).delete()
    old = Tries.objects.filter(last_at__lt=clock.now() - KEPT).values("pk")
    Tries.objects.filter(pk__in=old[:SWEEP_SIZE]).delete()


def give_back(limit: Limit, who: str) -> None:
    """Uncount the newest try of a network: somebody got in.

    Only that one: else an account of one's own would clear the way to others.
    """
    with transaction.atomic():
        row = _hold(limit, who, clock.now())
        row.times = row.times[:-1]
        row.save(update_fields=["times"])


def _hold(limit: Limit, who: str, now: datetime) -> Tries:
    """The row, locked by being written; made if there is none."""
    hashed = _hashed(limit, who)
    Tries.objects.bulk_create(
        [Tries(kind=limit.kind, who=hashed, last_at=now)],
        update_conflicts=True,
        unique_fields=["kind", "who"],
        update_fields=["last_at"],
    )
    return Tries.objects.get(kind=limit.kind, who=hashed)


def _wait(limit: Limit, row: Tries, now: datetime) -> timedelta:
    """How long until the next try; zero for now. Drops what is older than the window."""
    oldest = _milliseconds(now - limit.window)
    row.times = [time for time in row.times if time > oldest]
    if len(row.times) < limit.most:
        return timedelta()
    return timedelta(milliseconds=row.times[-limit.most] - oldest)


def _hashed(limit: Limit, who: str) -> str:
    return salted_hmac(f"tries:{limit.kind}", who, algorithm="sha256").hexdigest()


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
