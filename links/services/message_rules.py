"""Whether a message about a link is still wanted, and when it may leave."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from notifications.models import Category, ChannelName, Message

from ..models import BulkState, LinkStatus, PaymentLink, PaymentState
from . import bulk_holds, daily_limit, pauses, quiet, recipients
from .message_values import links_of

LOOK_AGAIN = timedelta(hours=1)
# How often a message of a paused job is looked at; resuming makes it due at once.


def still_asking(messages: Sequence[Message]) -> set[int]:
    """Those whose link still asks for money; no locks, one query.

    Three more where some leave by themselves: their sending to many was not stopped,
    no payment is on its way, and no day was named since.
    """
    asking = set(
        PaymentLink.objects.filter(
            public_id__in={message.reference for message in messages},
            status=LinkStatus.ACTIVE,
        ).values_list("public_id", flat=True)
    )
    wanted = [message for message in messages if message.reference in asking]
    automatic = [message for message in wanted if message.is_automatic]
    if not automatic:
        return {message.pk for message in wanted}
    held = bulk_holds.states(automatic)
    paying = set(
        PaymentLink.objects.filter(
            public_id__in={message.reference for message in automatic},
            payments__state=PaymentState.PROCESSING,
        ).values_list("public_id", flat=True)
    )
    promised_at = pauses.promised_at({message.reference for message in automatic})
    return {
        message.pk
        for message in wanted
        if not message.is_automatic
        or (
            held.get(message.pk) != BulkState.STOPPED
            and message.reference not in paying
            and not _is_replaced(message, promised_at.get(message.reference))
        )
    }


def still_reminding(messages: Sequence[Message]) -> set[int]:
    """As above, and reminders are wanted, no payment is on its way, and no day was
    named since, which is reminded of by itself; two queries."""
    asking = set(
        PaymentLink.objects.filter(
            public_id__in={message.reference for message in messages},
            status=LinkStatus.ACTIVE,
            has_reminders=True,
        )
        .exclude(payments__state=PaymentState.PROCESSING)
        .values_list("public_id", flat=True)
    )
    promised_at = pauses.promised_at(asking)
    return {
        message.pk
        for message in messages
        if message.reference in asking
        and not _is_replaced(message, promised_at.get(message.reference))
    }


def _is_replaced(message: Message, promised_at: datetime | None) -> bool:
    """Whether the day that the customer named takes the place of this message."""
    return (
        message.is_automatic
        and promised_at is not None
        and message.created_at <= promised_at
    )


def next_allowed(messages: Sequence[Message], now: datetime) -> dict[int, datetime]:
    """Reminders and sendings to many wait for the morning at night, where one got
    enough for the day, and while the customer waits for an answer or the job is paused.

    An outage or a retry carries them there. What a person sends goes at once.
    """
    automatic = [message for message in messages if message.is_automatic]
    if not automatic:
        return {}
    found = links_of(automatic).select_related("customer")
    links = {link.public_id: link for link in found}
    business = Business.objects.current()
    phones = _phones([each for each in links.values() if _needs_phone(each, business)])
    rest_until = pauses.rest_until(list(links))
    later: dict[int, datetime] = {}
    days: dict[int, ZoneInfo] = {}
    for message in automatic:
        link = links.get(message.reference)
        customer = link.customer if link else None
        days[message.pk] = zone_of(customer, business)
        phone = phones.get(link.pk, "") if link else ""
        place = quiet.place_of(customer, phone, business)
        rested = max(rest_until.get(message.reference, now), now)
        if (at := quiet.allowed_at(rested, place)) > now:
            later[message.pk] = at
    for pk, state in bulk_holds.states(_invitations(automatic)).items():
        if state == BulkState.PAUSED:
            later[pk] = max(later.get(pk, now), now + LOOK_AGAIN)
    awake = [message for message in automatic if message.pk not in later]
    for pk in daily_limit.over(awake, now, days) if awake else ():
        later[pk] = quiet.next_morning(now, days[pk])
    return later


def _needs_phone(link: PaymentLink, business: Business) -> bool:
    """Whether the country of their number says where, or when, they rest."""
    if link.customer is None:
        return False
    has_rests = business.rests_on_weekends or business.rests_on_holidays
    return has_rests or not link.customer.time_zone


def _invitations(messages: Sequence[Message]) -> list[Message]:
    """Those that a sending to many may have caused."""
    return [m for m in messages if m.category == Category.INVITATION]


def _phones(links: Sequence[PaymentLink]) -> dict[int, str]:
    """link pk → its customer's number; one query, none without links."""
    known = recipients.addresses_of_many(links)
    return {pk: found.get(ChannelName.SMS, "") for pk, found in known.items()}
