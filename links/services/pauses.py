"""When reminders rest: because of what the customer said, or because staff say so."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from ..models import PayerReply, PaymentLink, ReminderPause, ReplyKind
from .reminder_rules import PAUSED, UNANSWERED

PATIENCE = timedelta(days=14)
# How long reminders wait for staff to answer; then the money is asked for again.
PROMISE_TIME = wall_time(10)
# of the promised day, by the customer's clock


@dataclass(frozen=True, slots=True)
class Rest:
    """`reason`: of reminder_rules, why the reminders of a link rest until then."""

    until: datetime
    reason: str


def rests(references: Collection[str]) -> dict[str, Rest]:
    """Public id of a link → until when its reminders rest, and why: because its customer
    wrote something that waits for a person, or because staff paused it; two queries."""
    found: dict[str, Rest] = {}
    rows = (
        PayerReply.objects.filter(
            link__public_id__in=references, closed_at__isnull=True
        )
        .order_by("at")
        .values_list("link__public_id", "at")
    )
    for reference, at in rows:
        found[reference] = Rest(at + PATIENCE, UNANSWERED)
    for reference, until in _paused(references):
        known = found.get(reference)
        if known is None or known.until < until:
            found[reference] = Rest(until, PAUSED)
    return found


def _paused(references: Collection[str]) -> QuerySet[PaymentLink, tuple[str, datetime]]:
    """(public id, until) for each pause of the link, or of its customer."""
    pauses = ReminderPause.objects.filter(ended_at__isnull=True)
    of_link = pauses.filter(link=OuterRef("pk")).values("until")
    of_customer = pauses.filter(customer=OuterRef("customer_id")).values("until")
    return (
        PaymentLink.objects.filter(public_id__in=references)
        .annotate(a=Subquery(of_link[:1]), b=Subquery(of_customer[:1]))
        .annotate(until=Greatest(Coalesce("a", "b"), Coalesce("b", "a")))
        .filter(until__isnull=False)
        .values_list("public_id", "until")
    )


def rest_until(references: Collection[str]) -> dict[str, datetime]:
    """Public id of a link → until when its reminders rest; see `rests`."""
    return {reference: rest.until for reference, rest in rests(references).items()}


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
