"""Wake-ups for workers. The rows in the database are the work; a lost wake-up only
means that the sweep finds them some seconds later.

One thread of each process sends them, so that no request ever waits for a broker.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from celery import current_app
from django.db import transaction
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

TASKS = frozenset(
    {
        "links.tasks.catch_up",
        "links.tasks.check_checkout",
        "links.tasks.close_checkout",
        "links.tasks.compare_account",
        "links.tasks.deliver_training_webhooks",
        "links.tasks.look_at_texts",
        "links.tasks.process_webhook",
        "links.tasks.send_planned",
        "links.tasks.send_refund",
        "links.tasks.settle_checkout",
        "links.tasks.settle_dispute",
        "links.tasks.settle_refund",
        "links.tasks.sweep_account",
        "links.tasks.work_bulk",
        "links.tasks.work_import",
        "notifications.tasks.send_due",
    }
)
# Every task that may be nudged; a test checks that each exists.
GATHERED = {"links.tasks.process_webhook": 16}
# Tasks that take several keys, and how many at most: publishing costs more than storing
# an event, and what one task holds up when its provider is slow stays bounded.
GATHER_SECONDS = 0.05
# How long the first of several wake-ups waits for the others.
MAX_WAITING = 10_000
# While a broker hangs; what is beyond is left to the sweep.
PAUSE_SECONDS = 5.0
# After a failed try, so that a hanging broker is not asked again for each wake-up.
EXIT_SECONDS = 1.0
# A command that ends gives its last wake-ups that long.

Keys = tuple[int | str, ...]
logger = logging.getLogger(__name__)
_paused_until = 0.0
_is_silent: ContextVar[bool] = ContextVar("nudges_silenced", default=False)


def nudge(task_name: str, *args: int | str) -> None:
    """Wake a worker for `task_name` once the current transaction has committed.

    `args`: primary keys only. Never waits for the broker and never raises for an absent
    one; ValueError for a name not in TASKS.
    """
    if task_name not in TASKS:
        raise ValueError(f"{task_name!r} is not in queue.TASKS.")
    if _is_silent.get():
        return
    transaction.on_commit(lambda: _publisher.put(task_name, args))


def nudge_later(task_name: str, delay_seconds: float, *args: int | str) -> None:
    """As `nudge`, for work that begins only so many seconds after it is published.

    For seconds, not for minutes: what is due later than that is a time on a row.
    """
    if task_name not in TASKS:
        raise ValueError(f"{task_name!r} is not in queue.TASKS.")
    if _is_silent.get():
        return
    transaction.on_commit(lambda: _publisher.put(task_name, args, delay_seconds))


def flush(timeout_seconds: float) -> bool:
    """Wait until no wake-up of this process is waiting; False if that takes too long."""
    return _publisher.flush(timeout_seconds)


@contextmanager
def silenced() -> Iterator[None]:
    """No wake-ups inside the block, in this thread: its caller does the work itself."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


class _Publisher:
    """Sends what was put in from a thread of its own, equal wake-ups once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[tuple[str, Keys], float] = {}
        self._is_sending = False
        self._thread: threading.Thread | None = None

    def put(self, task_name: str, args: Keys, delay_seconds: float = 0.0) -> None:
        if time.monotonic() < _paused_until:
            return
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                return
            before = self._waiting.get((task_name, args), delay_seconds)
            self._waiting[task_name, args] = min(before, delay_seconds)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="wake-ups", daemon=True
                )
                self._thread.start()
                atexit.register(self.flush, EXIT_SECONDS)
            self._changed.notify_all()

    def flush(self, timeout_seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._is_sending, timeout_seconds
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                self._is_sending = True
            time.sleep(GATHER_SECONDS)
            with self._changed:
                waiting, self._waiting = self._waiting, {}
            try:
                for task_name, args, delay_seconds in _gathered(waiting):
                    _send(task_name, args, delay_seconds)
            finally:
                with self._changed:
                    self._is_sending = False
                    self._changed.notify_all()


def _gathered(
    waiting: dict[tuple[str, Keys], float],
) -> Iterator[tuple[str, Keys, float]]:
    """The same wake-ups, with the keys of one task together where it takes several."""
    keys: dict[str, list[int | str]] = {}
    for (task_name, args), delay_seconds in waiting.items():
        if task_name in GATHERED:
            keys.setdefault(task_name, []).extend(args)
        else:
            yield task_name, args, delay_seconds
    for task_name, several in keys.items():
        size = GATHERED[task_name]
        for start in range(0, len(several), size):
            yield task_name, tuple(several[start : start + size]), 0.0


def _send(task_name: str, args: Keys, delay_seconds: float = 0.0) -> None:
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        current_app.send_task(
            task_name,
            args=args,
            countdown=delay_seconds or None,
            retry=False,
            ignore_result=True,
        )
    except (KombuError, RedisError, OSError) as exc:
        _paused_until = time.monotonic() + PAUSE_SECONDS
        logger.warning(
            "wake-up not sent, the sweep will find the work: task=%s error=%s",
            task_name,
            type(exc).__name__,
        )


_publisher = _Publisher()


def _start_anew() -> None:
    """A forked process has none of its parent's threads."""
    global _publisher
    _publisher = _Publisher()


os.register_at_fork(after_in_child=_start_anew)
