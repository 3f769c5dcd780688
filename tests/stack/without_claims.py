"""A Celery application that sends without claiming first: a negative control.

Started as `celery -A tests.stack.without_claims worker`, never by the product.
"""

from collections.abc import Sequence
from datetime import datetime

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from notifications.models import Message  # noqa: E402
from notifications.services import claims, delivery  # noqa: E402

__all__ = ["app"]


def _take_without_a_trace(going: Sequence[Message], at: datetime) -> None:
    """The message stays queued while it is being sent."""


def _always(held: claims.Claim) -> bool:
    return True


claims._take = _take_without_a_trace
delivery.start_handing_over = _always  # type: ignore[attr-defined] # looked up there
