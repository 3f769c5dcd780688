"""A worker that knows money by the provider's session only: a negative control.

Started as `celery -A tests.stack.with_session_ids_only worker`, never by the product.
"""

from dataclasses import replace

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from links.models import ProviderAccount  # noqa: E402
from links.providers.base import PaymentSnapshot  # noqa: E402
from links.services import payment_places  # noqa: E402

__all__ = ["app"]

_find = payment_places.find


def _without_our_own(
    account: ProviderAccount, seen: PaymentSnapshot
) -> payment_places.Found:
    return _find(account, replace(seen, checkout_reference="", link_reference=""))


payment_places.find = _without_our_own
