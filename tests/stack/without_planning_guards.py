"""A Celery application whose planners know nothing of each other: a negative control.

No lock of the link, no key of the message, and time between deciding and writing.
Started as `celery -A tests.stack.without_planning_guards worker`, never by the product.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from links.models.links import PaymentLinkQuerySet  # noqa: E402
from links.services import reminding  # noqa: E402
from notifications.models import Message  # noqa: E402
from notifications.services import outbox  # noqa: E402

__all__ = ["app"]
GAP_SECONDS = 5.0
# Longer than one beat starts after the other.
_write = reminding._write
_enqueue_many = outbox.enqueue_many


def _without_lock(self: PaymentLinkQuerySet, **options: Any) -> PaymentLinkQuerySet:
    return self.all()


def _write_later(this: reminding._Round) -> None:
    time.sleep(GAP_SECONDS)
    _write(this)


def _enqueue_by_any_key(new: Sequence[outbox.NewMessage]) -> list[Message]:
    return _enqueue_many(
        [replace(item, dedupe_key=f"any:{secrets.token_hex(8)}") for item in new]
    )


PaymentLinkQuerySet.select_for_update = _without_lock  # type: ignore[assignment,method-assign]
reminding._write = _write_later
reminding.outbox.enqueue_many = _enqueue_by_any_key  # type: ignore[attr-defined]
