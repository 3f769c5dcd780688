"""A Celery application that sends what is due, sent already or not: a negative control.

Started as `celery -A tests.stack.with_forgetful_claims worker`, never by the product.
"""

from datetime import datetime

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from notifications.models.messages import MessageQuerySet  # noqa: E402

__all__ = ["app"]


def _due(self: MessageQuerySet, at: datetime) -> MessageQuerySet:
    return self.filter(due_at__lte=at).order_by("due_at", "id")


MessageQuerySet.due = _due  # type: ignore[method-assign]
