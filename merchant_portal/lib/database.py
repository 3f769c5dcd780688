"""Errors of the database that pass by themselves, and work that is repeated after them.

What a deadlock or a serialization failure undid is done again, whole. After a lost
connection nobody knows whether the COMMIT arrived: only work that a unique key makes
harmless to do twice is repeated then, the rest is answered with 503.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import Error, InterfaceError, OperationalError, connection

T = TypeVar("T")

TRIES = 3
LAST_TRY_AFTER_SECONDS = 5.0
# A lock that is not let go for ten seconds is answered, not waited for three times.
PAUSE_SECONDS = 0.2
RETRY_AFTER_SECONDS = "5"

_UNDONE = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock timeout
}
_PASSING = {
    "25006",  # a standby that is not the primary yet
    "25P03",  # stood still inside a transaction for too long, was cut off
}
log = structlog.get_logger(__name__)


def is_passing(exc: BaseException | None) -> bool:
    """Whether the same may work a moment later: the database, not the statement, failed."""
    return isinstance(exc, OperationalError | InterfaceError) or (
        isinstance(exc, Error) and _sqlstate(exc) in _PASSING
    )


def repeated(work: Callable[[], T], *, is_keyed: bool = False) -> T:
    """What `work` gives, done up to three times while the database fails it.

    `work`: opens its own transactions and touches nothing but the database.
    `is_keyed`: to do it twice has one effect, so it may be repeated even when nobody
    knows whether it was done. Raises what the last try raised.
    """
    started = time.monotonic()
    for number in range(1, TRIES):
        try:
            return work()
        except Error as exc:
            is_to_repeat = is_passing(exc) if is_keyed else _sqlstate(exc) in _UNDONE
            is_late = time.monotonic() - started > LAST_TRY_AFTER_SECONDS
            if not is_to_repeat or is_late or connection.in_atomic_block:
                raise
            log.warning("database_work_repeated", tries=number, sqlstate=_sqlstate(exc))
        connection.close_if_unusable_or_obsolete()
        # Apart from whoever lost to whom.
        time.sleep(random.uniform(PAUSE_SECONDS / 4, PAUSE_SECONDS))  # noqa: S311
    return work()


def _sqlstate(exc: Error) -> str | None:
    """PostgreSQL's code; None for SQLite and when there was no connection."""
    return getattr(exc.__cause__, "sqlstate", None)
