"""The web application whose wake-ups survive no error of Redis: a negative control.

Started as `gunicorn tests.stack.with_fragile_wakeups:application`, never by the product.
"""

from celery import current_app

from merchant_portal.lib import queue
from merchant_portal.wsgi import application

__all__ = ["application"]


def _send_or_die(task_name: str, args: queue.Keys, delay_seconds: float = 0.0) -> None:
    """What is raised here ends the thread that sends."""
    current_app.send_task(task_name, args=args, retry=False, ignore_result=True)


queue._send = _send_or_die
