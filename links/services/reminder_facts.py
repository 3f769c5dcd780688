"""What decides about the reminders of many links, read in few queries."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from merchant_portal.business.models import Business
from notifications.models import (
    Category,
    ChannelName,
    Message,
    MessageState,
)
from notifications.services import opt_outs

from ..models import Payment, PaymentLink, PaymentState
from . import pauses, quiet, recipients
from .reminder_rules import BETWEEN_REMINDERS, Facts

WAITING = frozenset({MessageState.QUEUED, MessageState.SENDING})
REACHED_NOBODY = frozenset({MessageState.FAILED, MessageState.BOUNCED})


def _reminder(_link: PaymentLink) -> Category:
    return Category.REMINDER


def of(
    links: Collection[PaymentLink],
    now: datetime,
    *,
    category_of: Callable[[PaymentLink], Category] = _reminder,
) -> dict[int, Facts]:
    """link pk → what is known of it at `now`; the links come with their customers.

    `category_of`: of what kind the next message of a link would be. Seven queries,
    however many links.
    """
    references = [link.public_id for link in links]
    processing = set(
        Payment.objects.filter(
            link__in=links, state=PaymentState.PROCESSING
        ).values_list("link_id", flat=True)
    )
    resting = pauses.rests(references)
    reminded = _reminded(references, now)
    known = recipients.addresses_of_many(links)
    unwanted = opt_outs.unwanted(
        {pair for addresses in known.values() for pair in addresses.items()}
    )
    facts: dict[int, Facts] = {}
    for link in links:
        last = reminded.get(link.public_id, _Last())
        rest = resting.get(link.public_id)
        addresses = known.get(link.pk, {})
        facts[link.pk] = Facts(
            link=link,
            known=addresses,
            unwanted=_forbidden(unwanted, addresses, category_of(link)),
            is_processing=link.pk in processing,
            reminded_at=last.at,
            is_reminder_waiting=last.is_waiting,
            rest_until=rest.until if rest else None,
            rest_reason=rest.reason if rest else "",
        )
    return facts


def place_of(facts: Facts, business: Business) -> quiet.Place:
    """Where on the clock and calendar the customer of a link may be."""
    phone = facts.known.get(ChannelName.SMS, "")
    return quiet.place_of(facts.link.customer, phone, business)


@dataclass(frozen=True, slots=True)
class _Last:
    at: datetime | None = None
    is_waiting: bool = False


def _reminded(references: Collection[str], now: datetime) -> dict[str, _Last]:
    """When each was reminded last, of those within 12 hours, and whether one waits.

    One that waits for its carrier counts: after a long pause two would leave at once.
    So does an invitation that left by itself, up a ladder or to many, unless it came
    back.
    """
    since = now - BETWEEN_REMINDERS
    rows = (
        Message.objects.filter(
            Q(due_at__gt=since) | Q(sent_at__gt=since) | Q(state__in=WAITING),
            Q(category=Category.REMINDER)
            | Q(category=Category.INVITATION, is_automatic=True),
            reference__in=references,
        )
        .exclude(state__in=[MessageState.CANCELED, MessageState.SUPPRESSED])
        .exclude(category=Category.INVITATION, state__in=REACHED_NOBODY)
        .values_list("reference", "due_at", "sent_at", "state", "category")
    )
    found: dict[str, _Last] = {}
    for reference, due_at, sent_at, state, category in rows:
        before = found.get(reference, _Last())
        times = [at for at in (before.at, due_at, sent_at) if at is not None]
        waits = state in WAITING and category == Category.REMINDER
        found[reference] = _Last(max(times), before.is_waiting or waits)
    return found


def _forbidden(
    found: opt_outs.Unwanted, addresses: Mapping[str, str], category: Category
) -> frozenset[str]:
    """The channels of these addresses on which such a message is not wanted."""
    return frozenset(
        channel
        for channel, address in addresses.items()
        if opt_outs.forbids(found, channel, address, category)
    )
