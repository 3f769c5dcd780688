"""News of messages about links that did not arrive: by signal, and by the sweep."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from merchant_portal.lib import clock
from notifications.models import Message, MessageState

from ..models import News, PaymentLink, ToldMessage
from . import notices

S = MessageState
BAD = frozenset({S.FAILED, S.BOUNCED, S.COMPLAINED})
NEWEST = 500
RECENT = timedelta(days=3)
# What the sweep looks at; what is older was told, or nobody was there to be told.


def heard_of(message: Message, **_signal: object) -> None:
    """A message came to its end; a bad one is told of. The sweep finds it as well."""
    if message.state in BAD and message.reference.startswith("plk_"):
        _tell([message])


def look() -> int:
    """Tell of what no signal told of, one batch; returns how many."""
    newest = Message.objects.filter(state__in=[S.FAILED, S.BOUNCED]).order_by("-id")
    keys = list(newest.values_list("pk", flat=True)[:NEWEST])
    if not keys:
        return 0
    told = ToldMessage.objects.filter(message=OuterRef("pk"))
    found = Message.objects.filter(
        ~Exists(told),
        pk__in=keys,
        reference__startswith="plk_",
        created_at__gt=clock.now() - RECENT,
    )
    return _tell(list(found))


def _tell(messages: Sequence[Message]) -> int:
    """Of several who tell the same at once one is first; the others tell nothing new,
    for the keys of what they write are the same."""
    if not messages:
        return 0
    now = clock.now()
    with transaction.atomic():
        links = PaymentLink.objects.in_bulk(
            {message.reference for message in messages}, field_name="public_id"
        )
        notices.tell(
            [
                notices.Happening(
                    News.UNDELIVERED,
                    message.public_id,
                    now,
                    links[message.reference],
                )
                for message in messages
                if message.reference in links
            ]
        )
        ToldMessage.objects.bulk_create(
            [ToldMessage(message=message) for message in messages],
            ignore_conflicts=True,
        )
    return len(messages)
