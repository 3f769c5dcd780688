"""A Celery application that works on a sending to many two links at a time.

Started as `celery -A tests.stack.with_small_chunks worker`, never by the product.
"""

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from links.services import bulk_work  # noqa: E402

__all__ = ["app"]

bulk_work.CHUNK = 2
