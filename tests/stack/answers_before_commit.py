"""A web server that answers webhooks before they are stored: a negative control.

Started as `gunicorn tests.stack.answers_before_commit:application`, never by the product.
"""

import threading

from django.db import connection

from links.providers.base import ProviderEvent
from merchant_portal.wsgi import application

from links.services import storing  # isort: skip - needs the applications loaded

__all__ = ["application"]

LATER_SECONDS = 0.3
_store = storing.store


def _store_later(slug: str, event: ProviderEvent, body: bytes) -> None:
    def work() -> None:
        _store(slug, event, body)
        connection.close()

    threading.Timer(LATER_SECONDS, work).start()


storing.store = _store_later
