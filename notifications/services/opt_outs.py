"""Who wants no reminders, or nothing at all."""

from collections.abc import Collection, Iterable

from django.db import transaction

from merchant_portal.lib import clock

from ..models import Category, ChannelName, Message, MessageState, OptOut

Unwanted = frozenset[tuple[str, str, str]]
# (channel, address, scope) of the opt-outs that concern a batch


def address_key(channel: str, recipient: str) -> str:
    """How an address is written in OptOut: e-mail without regard to case."""
    return recipient.casefold() if channel == ChannelName.EMAIL else recipient


def unwanted(addresses: Iterable[tuple[str, str]]) -> Unwanted:
    """The opt-outs of these (channel, recipient) pairs; one query."""
    keys = {(channel, address_key(channel, one)) for channel, one in addresses}
    found = OptOut.objects.filter(
        channel__in={channel for channel, _key in keys},
        address__in={key for _channel, key in keys},
    )
    return frozenset(found.values_list("channel", "address", "scope"))


def forbids(found: Unwanted, channel: str, recipient: str, category: str) -> bool:
    """Whether a message of that category must not go there.

    An opt-out from reminders stops reminders only; receipts still arrive.
    """
    key = address_key(channel, recipient)
    if (channel, key, OptOut.Scope.ALL) in found:
        return True
    is_reminder = category == Category.REMINDER
    return is_reminder and (channel, key, OptOut.Scope.REMINDERS) in found


def store(channel: str, recipient: str, scope: OptOut.Scope, *, source: str) -> int:
    """Remember the wish and withdraw what waits for that address, both or neither.

    Returns how many waiting messages were withdrawn; saying it twice is harmless.
    """
    with transaction.atomic():
        OptOut.objects.get_or_create(
            channel=channel,
            address=address_key(channel, recipient),
            scope=scope,
            defaults={"source": source, "created_at": clock.now()},
        )
        waiting = Message.objects.filter(
            channel=channel, recipient__iexact=recipient, state=MessageState.QUEUED
        )
        if scope == OptOut.Scope.REMINDERS:
            waiting = waiting.filter(category=Category.REMINDER)
        return waiting.update(state=MessageState.SUPPRESSED)


def remove(channel: str, recipient: str, *, sources: Collection[str]) -> int:
    """Forget opt-outs that came from `sources`, for example when someone texts START."""
    removed, _by_model = OptOut.objects.filter(
        channel=channel,
        address=address_key(channel, recipient),
        source__in=sources,
    ).delete()
    return removed
