"""A Celery application whose leases are of its own host's clock: a negative control.

Started as `celery -A tests.stack.with_own_clock worker`, never by the product.
"""

from datetime import UTC, datetime

from merchant_portal.celery import app
from merchant_portal.lib import clock

__all__ = ["app"]


def _own_now() -> datetime:
    return datetime.now(UTC)


clock.database_now = _own_now
