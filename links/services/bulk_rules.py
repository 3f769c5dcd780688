"""By what a link of a sending to many is sent, or why it is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifications.models import Category, ChannelName
from notifications.services import opt_outs

from ..models import LinkStatus, Payment, PaymentLink, PaymentState, Way
from . import pauses, recipients
from .reminder_rules import PROMISED

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
    """link pk → what is to be done with it; four queries for any number of links.

    `failed_at`: by link pk the send that reached nobody, which counts for nothing.
    """
    known = recipients.addresses_of_many(links)
    processing = set(
        Payment.objects.filter(
            link__in=links, state=PaymentState.PROCESSING
        ).values_list("link_id", flat=True)
    )
    rests = pauses.rests([link.public_id for link in links])
    found: dict[int, Verdict] = {}
    for link in links:
        reason = _reason(link, now, failed_at.get(link.pk))
        if not reason and link.pk in processing:
            reason = PROCESSING
        rest = rests.get(link.public_id)
        if not reason and rest is not None and rest.until > now:
            reason = rest.reason
        found[link.pk] = (
            Verdict(reason=reason) if reason else _address(known.get(link.pk, {}), way)
        )
    return _without_opted_out(found, {link.pk: link for link in links})


def _reason(link: PaymentLink, now: datetime, failed_at: datetime | None) -> str:
    if link.status not in (LinkStatus.ACTIVE, LinkStatus.DRAFT):
        return f"link {link.status}"
    if link.is_past_expiry(now):
        return f"link {LinkStatus.EXPIRED}"
    sent_at = link.last_sent_at
    if sent_at is not None and sent_at != failed_at and now - sent_at < RECENTLY:
        return RECENT
    if link.promise_due_at is not None and link.promise_due_at > now:
        return PROMISED
    return ""


def _address(known: Mapping[str, str], way: str) -> Verdict:
    for channel in _CHANNELS[way]:
        if channel in known:
            return Verdict(channel, known[channel])
    return Verdict(reason=NO_ADDRESS)


def _without_opted_out(
    found: dict[int, Verdict], links: Mapping[int, PaymentLink]
) -> dict[int, Verdict]:
    """Who wants no reminders is not asked again by the hundred either."""
    going = {pk: one for pk, one in found.items() if not one.reason}
    unwanted = opt_outs.unwanted([(v.channel, v.recipient) for v in going.values()])
    for pk, one in going.items():
        is_first = links[pk].last_sent_at is None
        category = Category.INVITATION if is_first else Category.REMINDER
        if opt_outs.forbids(unwanted, one.channel, one.recipient, category):
            found[pk] = Verdict(one.channel, reason=OPTED_OUT)
    return found
