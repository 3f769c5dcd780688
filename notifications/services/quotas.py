"""How many messages a day leave on a channel, where the merchant has set a limit.

What a person sends, a receipt, a sign-in mail goes all the same, and counts. What
leaves by itself waits for the next morning once the day's number is reached. The count
is on the row of the channel that claims lock anyway: no table is counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from django.db.models import F, Value
from django.db.models.functions import Greatest

from merchant_portal.business import services as business_services
from merchant_portal.lib import clock

from ..models import Allowance, ChannelName, Message

MORNING = wall_time(8)
# of the business: what the limit held back goes on then


@dataclass(frozen=True, slots=True)
class Use:
    """Of one channel today: so many of so many have left."""

    channel: str
    used: int
    limit: int

    @property
    def is_reached(self) -> bool:
        return self.used >= self.limit


def limits() -> dict[str, int]:
    """channel → most messages a day, for those with a limit; asks no database."""
    business = business_services.kept()
    known = {
        ChannelName.EMAIL: business.daily_email_limit,
        ChannelName.SMS: business.daily_sms_limit,
    }
    return {str(name): limit for name, limit in known.items() if limit is not None}


def today(now: datetime) -> date:
    """The day of the business."""
    return now.astimezone(_zone()).date()


def tomorrow(now: datetime) -> datetime:
    """When the limit lets go of what it held back, UTC."""
    day = today(now) + timedelta(days=1)
    return datetime.combine(day, MORNING, tzinfo=_zone()).astimezone(UTC)


def _zone() -> ZoneInfo:
    return ZoneInfo(business_services.kept().time_zone)


def over(
    going: Sequence[Message], rows: Mapping[str, Allowance], now: datetime
) -> set[int]:
    """Pks of those that must wait because their channel has had enough for today.

    `rows`: of the channels with a limit, locked. What was tried before has been counted.
    """
    known = limits()
    day = today(now)
    left = {
        name: known[name] - _used(row, day)
        for name, row in rows.items()
        if name in known
    }
    for message in going:
        if not message.is_automatic and message.channel in left and not message.tries:
            left[message.channel] -= 1
    waiting = set()
    for message in going:
        if not message.is_automatic or message.tries or message.channel not in left:
            continue
        if left[message.channel] > 0:
            left[message.channel] -= 1
        else:
            waiting.add(message.pk)
    return waiting


def count(
    taken: Sequence[Message], rows: Mapping[str, Allowance], now: datetime
) -> None:
    """Note that these, just claimed, leave; each counts at its first try."""
    day = today(now)
    first = Counter(m.channel for m in taken if m.tries == 1)
    for name, row in rows.items():
        if first[name]:
            row.used_today = _used(row, day) + first[name]
            row.counted_on = day
            row.save(update_fields=["used_today", "counted_on"])


def give_back(unsent: Sequence[Message]) -> None:
    """Those were counted and have not left; their next first try counts again."""
    first = Counter(m.channel for m in unsent if m.tries == 1)
    for name in sorted(set(first) & set(limits())):
        Allowance.objects.filter(channel=name).update(
            used_today=Greatest(F("used_today") - first[name], Value(0))
        )


def uses() -> list[Use]:
    """How the day stands on each channel with a limit, for people; one query."""
    known = limits()
    if not known:
        return []
    day = today(clock.now())
    rows = {row.channel: row for row in Allowance.objects.filter(channel__in=known)}
    return [
        Use(name, _used(rows[name], day) if name in rows else 0, limit)
        for name, limit in known.items()
    ]


def _used(row: Allowance, day: date) -> int:
    return row.used_today if row.counted_on == day else 0
