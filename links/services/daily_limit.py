"""At most so many asking messages a day to one person, whatever number of links they
have. Those that a person sends count as well, and are not held back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Case, Q, Value, When
from django.db.models.functions import Coalesce

from notifications.models import ASKING_CATEGORIES, Message, MessageState

A_DAY = 3
DID_NOT_LEAVE = (
    MessageState.QUEUED,
    MessageState.CANCELED,
    MessageState.SUPPRESSED,
    MessageState.EXPIRED,
    MessageState.FAILED,
)


def over(
    messages: Sequence[Message], now: datetime, zones: Mapping[int, ZoneInfo]
) -> set[int]:
    """Pks of those messages that would be one too many today; one query.

    `zones`: the customer's, by the message's pk; a day ends at their midnight. The
    caller keeps others from claiming automatic messages at the same time.
    """
    left: dict[tuple[str, str], list[datetime]] = {}
    rows = (
        Message.objects.filter(
            ~Q(state__in=DID_NOT_LEAVE),
            category__in=ASKING_CATEGORIES,
            recipient__in={message.recipient for message in messages},
        )
        .annotate(
            at=Case(
                When(state=MessageState.SENDING, then=Value(now)),
                default=Coalesce("sent_at", "due_at"),
            )
        )
        .filter(at__gt=now - timedelta(days=1))
    )
    for channel, recipient, at in rows.values_list("channel", "recipient", "at"):
        left.setdefault((channel, recipient), []).append(at)
    too_many = set()
    for message in messages:
        today = left.setdefault((message.channel, message.recipient), [])
        zone = zones[message.pk]
        day = now.astimezone(zone).date()
        if sum(at.astimezone(zone).date() == day for at in today) >= A_DAY:
            too_many.add(message.pk)
        else:
            today.append(now)
    return too_many
