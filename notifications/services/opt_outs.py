"""Who wants no reminders, or nothing at all."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction

from merchant_portal.lib import clock

from ..models import (
    ASKING_CATEGORIES,
    Category,
    ChannelName,
    Message,
    MessageState,
    OptOut,
)

Unwanted = frozenset[tuple[str, str, str]]
# (channel, address, scope) of the opt-outs that concern a batch
STOPS: dict[str, tuple[str, ...] | None] = {
    OptOut.Scope.REMINDERS: (Category.REMINDER,),
    OptOut.Scope.ASKING: ASKING_CATEGORIES,
    OptOut.Scope.ALL: None,
}
# Which categories each scope stops; None: every one.
MAX_DETAIL = 300  # width of the column


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

    An opt-out from reminders stops reminders only, one from being asked invitations
    too; receipts still arrive.
    """
    key = address_key(channel, recipient)
    return any(
        (channel, key, scope) in found and (stopped is None or category in stopped)
        for scope, stopped in STOPS.items()
    )


def store(
    channel: str,
    recipient: str,
    scope: OptOut.Scope,
    *,
    source: str,
    detail: str = "",
    message: Message | None = None,
) -> int:
    """Remember the wish and withdraw what waits for that address, both or neither.

    `detail`: in the carrier's own words; `message`: the one it was said of. Returns how
    many waiting messages were withdrawn; saying it twice is harmless.
    """
    key = address_key(channel, recipient)
    now = clock.now()
    said: dict[str, Any] = {
        "detail": detail[:MAX_DETAIL],
        "message": message,
        "heard_at": now,
    }
    with transaction.atomic():
        row, is_new = OptOut.objects.get_or_create(
            channel=channel,
            address=key,
            scope=scope,
            defaults={"source": source, "created_at": now, **said},
        )
        if not is_new and message is not None:
            # Who said it first stays: only they may take it back.
            OptOut.objects.filter(pk=row.pk).update(**said)
        if scope == OptOut.Scope.NOTHING:
            return 0
        OptOut.objects.filter(
            channel=channel, address=key, scope=OptOut.Scope.NOTHING
        ).delete()
        waiting = Message.objects.filter(
            channel=channel, recipient__iexact=recipient, state=MessageState.QUEUED
        )
        if (stopped := STOPS[scope]) is not None:
            waiting = waiting.filter(category__in=stopped)
        return waiting.update(state=MessageState.SUPPRESSED)


def remove(channel: str, recipient: str, *, sources: Collection[str]) -> int:
    """Forget opt-outs that came from `sources`, for example when someone texts START."""
    removed, _by_model = OptOut.objects.filter(
        channel=channel,
        address=address_key(channel, recipient),
        source__in=sources,
    ).delete()
    return removed


def arrives_again(message: Message) -> None:
    """Take an address off the list on which it only stood for what did not arrive."""
    OptOut.objects.filter(
        channel=message.channel,
        address=address_key(message.channel, message.recipient),
        scope=OptOut.Scope.NOTHING,
    ).exclude(message=message).delete()
