"""What workers do for messages; every task may run twice, late or not at all."""

from celery import shared_task

from merchant_portal.lib import queue

from .services import audit_heads, delivery, outbox

BATCH = 200  # below SQLite's 999 parameters with room; a task must carry a batch


@shared_task(name=outbox.SEND_DUE, acks_late=True)
def send_due() -> int:
    """Send one batch of what is due."""
    return _send_batch()


def _send_batch() -> int:
    """Wake another worker while this one sends, if there may be more."""
    claims = delivery.claim(BATCH)
    is_full = len(claims) == BATCH
    if is_full:
        queue.nudge(outbox.SEND_DUE)
    if not delivery.deliver(claims) and not is_full:
        queue.nudge(outbox.SEND_DUE)
    return len(claims)


@shared_task(name="notifications.tasks.sweep", acks_late=True)
def sweep() -> int:
    """Every few seconds: what lapsed comes back, what is due goes out."""
    delivery.reap()
    return _send_batch()


@shared_task(name="notifications.tasks.keep_audit_head", acks_late=True)
def keep_audit_head() -> bool:
    """Once a day, whenever the day turned: where the record of acts ended."""
    return audit_heads.keep()
