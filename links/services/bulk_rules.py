"""By what a link of a sending to many is sent, or why it is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.models import Category, ChannelName

from ..models import LinkStatus, PaymentLink, Way
from . import reminder_facts
from .reminder_rules import BETWEEN, PROMISED, Facts

RECENTLY = timedelta(hours=24)

NO_ADDRESS = "no address"
OPTED_OUT = "opted out"
RECENT = "sent within 24 hours"
PROCESSING = "a payment is on its way"
STOPPED = "stopped"
# beside `link <status>` and those of reminders, the reasons that an item can have

_CHANNELS: dict[str, tuple[ChannelName, ...]] = {
    Way.EITHER: (ChannelName.EMAIL, ChannelName.SMS),
    Way.EMAIL: (ChannelName.EMAIL,),
    Way.SMS: (ChannelName.SMS,),
}
NOTHING_FAILED: Mapping[int, datetime] = {}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` says why not, and is empty where it is sent to `recipient`."""

    channel: str = ""
    recipient: str = ""
    reason: str = ""


def verdicts(
    links: Sequence[PaymentLink],
    way: str,
    now: datetime,
    failed_at: Mapping[int, datetime] = NOTHING_FAILED,
) -> dict[int, Verdict]:
    """link pk → what is to be done with it; few queries for any number of links.

    `failed_at`: by link pk the send that reached nobody, which counts for nothing.
    """
    known = reminder_facts.of(links, now, category_of=_category)
    found: dict[int, Verdict] = {}
    for link in links:
        facts = known[link.pk]
        reason = _reason(facts, now, failed_at.get(link.pk))
        found[link.pk] = Verdict(reason=reason) if reason else _address(facts, way)
    return found


def _category(link: PaymentLink) -> Category:
    """Who wants no reminders is asked once, and not again by the hundred either."""
    is_first = link.last_sent_at is None
    return Category.INVITATION if is_first else Category.REMINDER


def _reason(facts: Facts, now: datetime, failed_at: datetime | None) -> str:
    link = facts.link
    if link.status not in (LinkStatus.ACTIVE, LinkStatus.DRAFT):
        return f"link {link.status}"
    if link.is_past_expiry(now):
        return f"link {LinkStatus.EXPIRED}"
    sent_at = link.last_sent_at
    if sent_at is not None and sent_at != failed_at and now - sent_at < RECENTLY:
        return RECENT
    if link.promise_due_at is not None and link.promise_due_at > now:
        return PROMISED
    if facts.is_processing:
        return PROCESSING
    if facts.rest_until is not None and facts.rest_until > now:
        return facts.rest_reason
    return BETWEEN if facts.is_just_reminded(now) else ""


def _address(facts: Facts, way: str) -> Verdict:
    """The first of the way's channels on which the customer may be asked."""
    reason = NO_ADDRESS
    for channel in _CHANNELS[way]:
        if channel in facts.unwanted:
            reason = OPTED_OUT
        elif channel in facts.known:
            return Verdict(channel, facts.known[channel])
    return Verdict(reason=reason)
