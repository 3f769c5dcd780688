"""A web server that works on a webhook before it answers: a negative control.

Started as `gunicorn tests.stack.works_in_request:application`, never by the product.
"""

from collections.abc import Mapping

from merchant_portal.wsgi import application

from links.services import inbox  # isort: skip - needs the applications loaded

__all__ = ["application"]

_receive = inbox.receive


def _receive_and_process(
    slug: str, headers: Mapping[str, str], body: bytes
) -> int | None:
    stored = _receive(slug, headers, body)
    if stored is not None:
        inbox.process(stored)
    return stored


inbox.receive = _receive_and_process
