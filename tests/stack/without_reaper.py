"""A Celery application in which nobody takes back a lapsed claim: a negative control.

Started as `celery -A tests.stack.without_reaper worker`, never by the product.
"""

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from notifications.services import delivery  # noqa: E402

__all__ = ["app"]


def _reap_nothing() -> int:
    return 0


delivery.reap = _reap_nothing
