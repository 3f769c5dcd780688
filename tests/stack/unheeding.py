"""A Celery application that sends reminders without one of their rules: a control.

WITHOUT names the rule: still_due, quiet_hours or limit. Started as
`celery -A tests.stack.unheeding worker`, never by the product.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from links.services import daily_limit, quiet  # noqa: E402
from notifications.models import Message  # noqa: E402
from notifications.services import claims  # noqa: E402

__all__ = ["app"]


def _all_of_them(due: Sequence[Message]) -> list[Message]:
    return list(due)


def _at_any_hour(at: datetime, place: quiet.Place) -> datetime:
    return at


def _over_for_nobody(
    messages: Sequence[Message], now: datetime, zones: Mapping[int, ZoneInfo]
) -> set[int]:
    return set()


match os.environ["WITHOUT"]:
    case "still_due":
        claims._screen = _all_of_them
    case "quiet_hours":
        quiet.allowed_at = _at_any_hour
    case "limit":
        daily_limit.over = _over_for_nobody
