"""When a worker last ran what beat asks for every few seconds: silence is noticed.

A due row that waits tells of a missing beat only once something is due.
"""

import time
from datetime import datetime

from django.core.cache import cache

from . import clock

KEY = "last_tick_at"
_started = time.monotonic()


def note() -> None:
    """A sweep has begun."""
    cache.set(KEY, clock.database_now(), timeout=None)


def silent_seconds() -> float:
    """Since the last sweep, or since this process began if that is less.

    The second, so that a start after a long rest is given the time for its first one.
    """
    here = time.monotonic() - _started
    at: datetime | None = cache.get(KEY)
    if at is None:
        return here
    return min(here, (clock.database_now() - at).total_seconds())
