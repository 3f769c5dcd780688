"""Named places where the process kills itself, so that recovery can be proved.

Only the setting CRASH_POINT makes one act: `name`, or `name:3` for the third pass of
this process. Without it a point costs one comparison.
"""

import os
import signal
from collections import Counter
from threading import Lock

from django.conf import settings

POINTS = frozenset(
    {
        "api.after_claim",
        "api.after_commit",
        "api.before_commit",
        "bulk.before_commit",
        "capture.before_call",
        "capture.after_call",
        "import.after_chunk",
        "import.before_commit",
        "checkout.before_call",
        "checkout.after_call",
        "message.after_claim",
        "message.after_send",
        "message.before_finish",
        "payment.before_commit",
        "refund.before_call",
        "refund.after_call",
        "reminder.after_claim",
        "send.after_claim",
        "webhook.after_store",
        "webhook.before_done",
    }
)
_passes: Counter[str] = Counter()
_lock = Lock()


def crash_at(name: str) -> None:
    """Die by SIGKILL here when CRASH_POINT says so; ValueError for a name not in POINTS."""
    if name not in POINTS:
        raise ValueError(f"{name!r} is not in crash.POINTS.")
    if not settings.CRASH_POINT:
        return
    wanted, _colon, nth = settings.CRASH_POINT.partition(":")
    if wanted not in POINTS:
        raise ValueError(f"CRASH_POINT names {wanted!r}, which is not a crash point.")
    if name != wanted:
        return
    with _lock:
        _passes[name] += 1
        is_time = _passes[name] == int(nth or 1)
    if is_time:
        os.kill(os.getpid(), signal.SIGKILL)
