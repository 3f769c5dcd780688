"""The one clock of business time: the database's now plus CLOCK_OFFSET.

Processes on several hosts agree because they all ask the database. Leases use
`database_now`, which nothing moves.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

_frozen_at: ContextVar[datetime | None] = ContextVar("frozen_at", default=None)
_moment: ContextVar[list[datetime] | None] = ContextVar("moment", default=None)


def now() -> datetime:
    """Business time, aware, UTC. One short query unless the clock is frozen, or was
    asked before in this moment."""
    moment = _moment.get()
    if moment is None or _frozen_at.get():
        return _frozen_at.get() or business_time(database_now())
    if not moment:
        moment.append(business_time(database_now()))
    return moment[0]


def business_time(database_time: datetime) -> datetime:
    """Business time, from a database's now that came along with another query."""
    return _frozen_at.get() or database_time + timedelta(
        seconds=settings.CLOCK_OFFSET_SECONDS
    )


def database_now() -> datetime:
    """The database's own time, aware, UTC; for leases."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
            return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
        return at.astimezone(UTC)


def is_recent(at: float, *, past_seconds: float, ahead_seconds: float) -> bool:
    """Whether a signed UNIX time lies within these seconds of now, by this host's clock
    or the database's, since either may be wrong. Who asks proves the signature first: a
    query is made only about what this host refuses."""

    def fits(now: float) -> bool:
        return -past_seconds <= at - now <= ahead_seconds

    return fits(time.time()) or fits(database_now().timestamp())


@contextmanager
def one_moment() -> Iterator[None]:
    """Business time is asked for once inside the block: for a short transaction, all
    that it writes carries one time."""
    token = _moment.set([])
    try:
        yield
    finally:
        _moment.reset(token)


def skew_seconds() -> float:
    """How far this host's clock is ahead of the database's; negative when behind."""
    before = time.time()
    at = database_now()
    return (before + time.time()) / 2 - at.timestamp()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Business time stands still at `at` inside the block; for rehearsal and tests.

    `at`: aware. Holds for this thread only.
    """
    token = _frozen_at.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _frozen_at.reset(token)
