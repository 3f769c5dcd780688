"""At most so many asking messages a day to one person, whatever number of links they
have. Those that a person sends count as well, and are not held back."""

from collections.abc import Collection, Mapping, Sequence
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


class Taken:
    """How many each person had on each of their days; (channel, address) names one."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, str], list[datetime]] = {}

    def add(self, channel: str, recipient: str, at: datetime) -> None:
        self._left.setdefault((channel, recipient), []).append(at)

    def take(self, channel: str, recipient: str, at: datetime, zone: ZoneInfo) -> bool:
        """Whether one more may leave at `at`, which then counts; a day ends at midnight
        in `zone`."""
        times = self._left.setdefault((channel, recipient), [])
        day = at.astimezone(zone).date()
        if sum(one.astimezone(zone).date() == day for one in times) >= A_DAY:
            return False
        times.append(at)
        return True


def taken(recipients: Collection[str], now: datetime) -> Taken:
    """What left to these addresses in the 24 hours before `now`; one query."""
    rows = (
        Message.objects.filter(
            ~Q(state__in=DID_NOT_LEAVE),
            category__in=ASKING_CATEGORIES,
            recipient__in=recipients,
        )
        .annotate(
            at=Case(
                When(state=MessageState.SENDING, then=Value(now)),
                default=Coalesce("sent_at", "due_at"),
            )
        )
        .filter(at__gt=now - timedelta(days=1))
    )
    found = Taken()
    for channel, recipient, at in rows.values_list("channel", "recipient", "at"):
        found.add(channel, recipient, at)
    return found


def over(
    messages: Sequence[Message], now: datetime, zones: Mapping[int, ZoneInfo]
) -> set[int]:
    """Pks of those reminders that would be one too many today; one query.

    `zones`: the customer's, by the message's pk. The caller keeps others from claiming
    reminders at the same time.
    """
    today = taken({message.recipient for message in messages}, now)
    return {
        message.pk
        for message in messages
        if not today.take(message.channel, message.recipient, now, zones[message.pk])
    }
