"""When reminders rest because of what the customer said."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from ..models import PayerReply, PaymentLink

PATIENCE = timedelta(days=14)
# How long reminders wait for staff to answer; then the money is asked for again.
PROMISE_TIME = wall_time(10)
# of the promised day, by the customer's clock


def unanswered(links: Iterable[PaymentLink], now: datetime) -> set[int]:
    """pks of those whose reminders rest at `now`; one query."""
    wrote = wrote_at([link.public_id for link in links])
    return {link.pk for link in links if rests(wrote.get(link.public_id), now)}


def wrote_at(references: Collection[str]) -> dict[str, datetime]:
    """Public id of a link → when its customer last wrote what waits for a person."""
    rows = (
        PayerReply.objects.filter(
            link__public_id__in=references, closed_at__isnull=True
        )
        .order_by("at")
        .values_list("link__public_id", "at")
    )
    return dict(rows)


def rests(wrote: datetime | None, at: datetime) -> bool:
    """Whether a reminder wanted `at` some time must wait for what they `wrote`."""
    return wrote is not None and at < wrote + PATIENCE


def promised_moment(link: PaymentLink, zone: ZoneInfo) -> datetime | None:
    """When to remind of a promise, UTC; None without one."""
    if link.promised_on is None:
        return None
    local = datetime.combine(link.promised_on, PROMISE_TIME, tzinfo=zone)
    return local.astimezone(UTC)
