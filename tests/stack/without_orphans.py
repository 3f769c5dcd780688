"""A worker that drops money for nobody it knows: a negative control.

Started as `celery -A tests.stack.without_orphans worker`, never by the product.
"""

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from links.models import Payment  # noqa: E402
from links.providers.base import PaymentSnapshot  # noqa: E402
from links.services import accounts, payment_places, payments  # noqa: E402

__all__ = ["app"]

_record = payments.record


def _of_ours_only(seen: PaymentSnapshot) -> Payment | None:
    found = payment_places.find(accounts.get(seen.account_slug), seen)
    return None if found.place.link_pk is None else _record(seen)


payments.record = _of_ours_only  # type: ignore[assignment] # no keywords come from webhooks
