"""The web application that wakes no worker: a negative control.

Started as `gunicorn tests.stack.without_wakeups:application`, never by the product.
"""

from merchant_portal.lib import queue
from merchant_portal.wsgi import application

__all__ = ["application"]


def _send_nothing(
    task_name: str, args: tuple[int | str, ...], delay_seconds: float = 0.0
) -> None:
    """The sweep alone finds the work."""


queue._send = _send_nothing
