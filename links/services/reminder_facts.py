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
from . import pauses, quiet, recipients, reminders
from .reminder_rules import BETWEEN_REMINDERS, TOGETHER, Facts

WAITING = frozenset({MessageState.QUEUED, MessageState.SENDING})
REACHED_NOBODY = frozenset({MessageState.FAILED, MessageState.BOUNCED})
NEVER_CAME = REACHED_NOBODY | {
    MessageState.CANCELED,
    MessageState.SUPPRESSED,
    MessageState.EXPIRED,
}
SIBLING = (
    *("public_id", "status", "has_reminders", "last_sent_at", "shared_at"),
    *("last_channels", "due_on", "expires_at", "promise_due_at", "customer__public_id"),
    *("amount_kind", "is_reusable", "fee_of", "number", "currency", "deposit_minor"),
    *("amount_minor", "amount_paid_minor"),
)
# of another link of the same customer; the rest of its row is left where it is


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


def join(facts: Mapping[int, Facts], now: datetime) -> None:
    """Tell each link of what else its customer was asked for, and when a reminder named
    all of it; nine queries at most where something else is open."""
    customers = {
        each.link.customer_id for each in facts.values() if each.link.customer_id
    }
    others = PaymentLink.objects.filter(reminders.IS_OUT, customer__in=customers)
    more = others.exclude(pk__in=facts).select_related("customer").only(*SIBLING)
    everything = dict(facts)
    if unknown := list(more):
        everything |= of(unknown, now)
    by_customer: dict[int, list[Facts]] = {}
    for each in everything.values():
        if each.link.customer_id is not None:
            by_customer.setdefault(each.link.customer_id, []).append(each)
    several = {pk: group for pk, group in by_customer.items() if len(group) > 1}
    named = _named_together([one for group in several.values() for one in group], now)
    for group in several.values():
        for each in group:
            each.siblings = [one for one in group if one is not each]
            times = [
                at
                for at, reference in named.get(each.link.customer_id or 0, ())
                if reference != each.link.public_id
            ]
            each.together_at = max(times, default=None)


def _named_together(
    facts: Collection[Facts], now: datetime
) -> dict[int, list[tuple[datetime, str]]]:
    """customer pk → when a reminder for all they owe left within a day, or will, and
    about which link; one query, none where nobody owes several."""
    customers = {
        each.link.customer.public_id: each.link.customer.pk
        for each in facts
        if each.link.customer is not None
    }
    addresses = {address for each in facts for address in each.known.values()}
    if not customers:
        return {}
    since = now - TOGETHER
    rows = Message.objects.filter(
        Q(due_at__gt=since) | Q(sent_at__gt=since) | Q(state__in=WAITING),
        category=Category.REMINDER,
        recipient__in=addresses,
        subject_id__in=customers,
    ).exclude(state__in=NEVER_CAME)
    found: dict[int, list[tuple[datetime, str]]] = {}
    for subject, reference, due_at, sent_at, state in rows.values_list(
        "subject_id", "reference", "due_at", "sent_at", "state"
    ):
        at = sent_at or due_at
        if state in WAITING:
            at = max(due_at, now)
        found.setdefault(customers[subject], []).append((at, reference))
    return found


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
