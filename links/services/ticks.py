"""When a worker last ran what beat asks for every few seconds: silence is noticed.

A due row that waits tells of a missing beat only once something is due.
"""

import time

from django.db.models.functions import Now

from merchant_portal.lib import clock

from ..models import LastSweep

_started = time.monotonic()


def note() -> None:
    """A sweep has begun."""
    if not LastSweep.objects.filter(pk=LastSweep.PK).update(at=Now()):
        first = LastSweep(pk=LastSweep.PK, at=clock.database_now())
        LastSweep.objects.bulk_create([first], ignore_conflicts=True)


def silent_seconds() -> float:
    """Since the last sweep, or since this process began if that is less.

    The second, so that a start after a long rest is given the time for its first one.
    """
    here = time.monotonic() - _started
    last = LastSweep.objects.filter(pk=LastSweep.PK).first()
    if last is None:
        return here
    return min(here, (clock.database_now() - last.at).total_seconds())
