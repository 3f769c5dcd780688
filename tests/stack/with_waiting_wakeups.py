"""The web application that wakes workers in the request itself: a negative control.

Started as `gunicorn tests.stack.with_waiting_wakeups:application`, never by the product.
"""

from merchant_portal.lib import queue
from merchant_portal.wsgi import application

__all__ = ["application"]

queue._publisher.put = queue._send  # type: ignore[method-assign]
