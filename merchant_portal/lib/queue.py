"""Wake-ups for workers. The rows in the database are the work; a lost wake-up only
means that the sweep finds them some seconds later."""

import logging
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
        "links.tasks.close_checkout",
        "links.tasks.deliver_training_webhooks",
        "links.tasks.process_webhook",
        "links.tasks.settle_checkout",
        "notifications.tasks.send_due",
    }
)
# Every task that may be nudged; a test checks that each exists.
PAUSE_SECONDS = 5.0
# After a failed try, so that a hanging Redis costs one request two seconds, not all.

logger = logging.getLogger(__name__)
_paused_until = 0.0
_is_silent: ContextVar[bool] = ContextVar("nudges_silenced", default=False)


def nudge(task_name: str, *args: int | str) -> None:
    """Wake a worker for `task_name` once the current transaction has committed.

    `args`: primary keys only. Never raises for an absent broker and waits at most
    about two seconds for it; ValueError for a name not in TASKS.
    """
    if task_name not in TASKS:
        raise ValueError(f"{task_name!r} is not in queue.TASKS.")
    if _is_silent.get():
        return
    transaction.on_commit(lambda: _send(task_name, args))


@contextmanager
def silenced() -> Iterator[None]:
    """No wake-ups inside the block, in this thread: its caller does the work itself."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


def _send(task_name: str, args: tuple[int | str, ...]) -> None:
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    try:
        current_app.send_task(task_name, args=args, retry=False, ignore_result=True)
    except (KombuError, RedisError, OSError) as exc:
        _paused_until = time.monotonic() + PAUSE_SECONDS
        logger.warning(
            "wake-up not sent, the sweep will find the work: task=%s error=%s",
            task_name,
            type(exc).__name__,
        )
