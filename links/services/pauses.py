"""When reminders rest because of what the customer said."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from ..models import PayerReply, ReplyKind

PATIENCE = timedelta(days=14)
# How long reminders wait for staff to answer; then the money is asked for again.
PROMISE_TIME = wall_time(10)
# of the promised day, by the customer's clock


def rest_until(references: Collection[str]) -> dict[str, datetime]:
    """Public id of a link → until when its reminders rest, because its customer wrote
    something that waits for a person; one query."""
    rows = (
        PayerReply.objects.filter(
            link__public_id__in=references, closed_at__isnull=True
        )
        .order_by("at")
        .values_list("link__public_id", "at")
    )
    return {reference: at + PATIENCE for reference, at in rows}


def promised_at(references: Collection[str]) -> dict[str, datetime]:
    """Public id of a link → when its customer last named a day; one query."""
    rows = (
        PayerReply.objects.filter(
            link__public_id__in=references, kind=ReplyKind.PROMISE
        )
        .order_by("at")
        .values_list("link__public_id", "at")
    )
    return dict(rows)


def promise_due_at(day: date, now: datetime, zone: ZoneInfo) -> datetime:
    """When to remind of a promise, UTC: on its day, of one for today the next morning."""
    if day <= now.astimezone(zone).date():
        day += timedelta(days=1)
    return datetime.combine(day, PROMISE_TIME, tzinfo=zone).astimezone(UTC)
