"""The way in: a message is a row, written in the transaction that causes it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, ids, queue
from merchant_portal.lib.actors import Actor

from .. import kinds
from ..models import Category, ChannelName, Message, MessageContent, MessageState
from . import contents, layouts, opt_outs, rendering, whatsapp, wording
from .rendering import Rendered

SEND_DUE = "notifications.tasks.send_due"
CHUNK = 500  # rows in one INSERT or IN list; bounds the time SQLite is locked
RETRIABLE = frozenset({MessageState.FAILED, MessageState.UNKNOWN, MessageState.BOUNCED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """`reference`: public id of what it is about. `dedupe_key`: a second is ignored.

    `due_at`: aware; business time; None = now. `values`: what to say, for kinds whose
    words come from the caller; such a message is rendered at once.
    """

    kind: str
    channel: str
    recipient: str
    language: str
    reference: str
    dedupe_key: str
    due_at: datetime | None = None
    subject_id: str = ""
    is_automatic: bool = False
    values: Mapping[str, str] | None = None


def enqueue(
    *,
    kind: str,
    channel: str,
    recipient: str,
    language: str,
    reference: str,
    dedupe_key: str,
    due_at: datetime | None = None,
    subject_id: str = "",
    is_automatic: bool = False,
    values: Mapping[str, str] | None = None,
) -> Message | None:
    """Want one message, in the caller's transaction; workers wake when it commits.

    Whoever enqueues for a link holds that link's row lock. Returns None when a message
    of that `dedupe_key` exists; a recipient who opted out gets a row that says so.
    Raises kinds.UnknownKind or ValueError for a channel that the kind does not have.
    """
    stored = enqueue_many(
        [
            NewMessage(
                kind=kind,
                channel=channel,
                recipient=recipient,
                language=language,
                reference=reference,
                dedupe_key=dedupe_key,
                due_at=due_at,
                subject_id=subject_id,
                is_automatic=is_automatic,
                values=values,
            )
        ]
    )
    return stored[0] if stored else None


def enqueue_many(new: Sequence[NewMessage]) -> list[Message]:
    """Want many messages; returns those that are new, as rows. See `enqueue`."""
    if not new:
        return []
    now = clock.now()
    stored: list[Message] = []
    with transaction.atomic():
        for start in range(0, len(new), CHUNK):
            stored += _store(new[start : start + CHUNK], now)
        if any(message.state == MessageState.QUEUED for message in stored):
            queue.nudge(SEND_DUE)
    return stored


def want_many(new: Sequence[NewMessage]) -> None:
    """As `enqueue_many`, for a few whose words are not given and whose rows nobody
    needs: they are not read back."""
    if not new:
        return
    rows = _insert(new, clock.now())
    if any(row.state == MessageState.QUEUED for row in rows):
        queue.nudge(SEND_DUE)


def _insert(new: Sequence[NewMessage], now: datetime) -> list[Message]:
    """Rows as they were wanted; those whose key exists are not stored."""
    unwanted = opt_outs.unwanted([(item.channel, item.recipient) for item in new])
    rows = [_row(item, now, unwanted) for item in new]
    Message.objects.bulk_create(rows, ignore_conflicts=True)
    return rows


def _store(new: Sequence[NewMessage], now: datetime) -> list[Message]:
    rows = _insert(new, now)
    kept = Message.objects.in_bulk(
        [row.public_id for row in rows], field_name="public_id"
    )
    _store_given_words(new, rows, kept, now)
    return [kept[row.public_id] for row in rows if row.public_id in kept]


def _row(item: NewMessage, now: datetime, unwanted: opt_outs.Unwanted) -> Message:
    kind = kinds.get(item.kind)
    if item.channel not in kind.channels:
        raise ValueError(f"{item.kind} is not sent by {item.channel}.")
    refused = opt_outs.forbids(unwanted, item.channel, item.recipient, kind.category)
    return Message(
        kind=item.kind,
        category=kind.category,
        channel=item.channel,
        reference=item.reference,
        subject_id=item.subject_id,
        recipient=item.recipient,
        language=item.language or layouts.FALLBACK_LANGUAGE,
        dedupe_key=item.dedupe_key,
        is_automatic=item.is_automatic,
        state=MessageState.SUPPRESSED if refused else MessageState.QUEUED,
        due_at=item.due_at or now,
        created_at=now,
    )


def _store_given_words(
    new: Sequence[NewMessage],
    rows: Sequence[Message],
    kept: Mapping[str, Message],
    now: datetime,
) -> None:
    given = [
        (kept[row.public_id], item.values)
        for item, row in zip(new, rows, strict=True)
        if item.values is not None and row.public_id in kept
    ]
    if not given:
        return
    common, words = rendering.common_values(), wording.current()
    book = whatsapp.book_for([message for message, _values in given])
    MessageContent.objects.bulk_create(
        contents.content_of(message, {**common, **values}, now, words, book)
        for message, values in given
    )


def cancel(
    reference: str,
    *,
    categories: Collection[str] | None = None,
) -> int:
    """Withdraw what still waits for `reference`, in the caller's transaction.

    `categories`: of Category; None = all. Returns how many. What is being sent at this
    moment is beyond recall.
    """
    waiting = Message.objects.filter(reference=reference, state=MessageState.QUEUED)
    if categories is not None:
        waiting = waiting.filter(category__in=list(categories))
    return waiting.update(state=MessageState.CANCELED)


def put_off(reference: str, categories: Collection[str], until: datetime) -> int:
    """Let what is to leave by itself for `reference` leave at that moment, in the
    caller's transaction; returns how many. What is being sent is beyond recall."""
    return Message.objects.filter(
        reference=reference,
        category__in=list(categories),
        is_automatic=True,
        state=MessageState.QUEUED,
    ).update(due_at=until)


def preview(
    kind: str,
    channel: str,
    language: str,
    context: Mapping[str, str],
    link_url: str,
) -> Rendered:
    """Exactly what would be sent, by the same function; stores and sends nothing.

    `context`: the kind's placeholders. Raises PlaceholderError when one is missing.
    """
    values = {**rendering.common_values(), **context}
    rendered = rendering.render(kind, channel, language, values, wording.current())
    return rendering.fill_links(
        rendered, {"link_url": link_url, "unsubscribe_url": link_url}
    )


def send_as_given(
    rendered: Rendered, *, kind: str, recipient: str, language: str, reference: str
) -> Message:
    """An e-mail whose words are these, for a kind that has none of its own."""
    now = clock.now()
    with transaction.atomic():
        new = NewMessage(
            kind=kind,
            channel=ChannelName.EMAIL,
            recipient=recipient,
            language=language,
            reference=reference,
            dedupe_key=ids.new("once"),
        )
        unwanted = opt_outs.unwanted([(new.channel, new.recipient)])
        message = _row(new, now, unwanted)
        message.save(force_insert=True)
        name = rendering.common_values()["sender_name"]
        contents.kept_as(message, rendered, name, now).save(force_insert=True)
        if message.state == MessageState.QUEUED:
            queue.nudge(SEND_DUE)
    return message


def retry(message: Message, *, actor: Actor) -> Message | None:
    """Send again what failed or may not have arrived, as a new message.

    The new one names the old; asking twice makes one. Returns None when there is
    nothing to send again.
    """
    if message.state not in RETRIABLE:
        return None
    with transaction.atomic():
        again = enqueue(
            kind=message.kind,
            channel=message.channel,
            recipient=message.recipient,
            language=message.language,
            reference=message.reference,
            subject_id=message.subject_id,
            dedupe_key=f"again:{message.public_id}",
        )
        if again is None:
            return None
        if message.category == Category.SIGN_IN or kinds.get(message.kind).is_given:
            _copy_words(message, again)
        audit.record(
            actor.id, "message.sent_again", again.public_id, replaces=message.public_id
        )
    return again


def _copy_words(old: Message, new: Message) -> None:
    """Words that a caller gave exist nowhere but in the old message."""
    content = MessageContent.objects.filter(message=old).first()
    if content is not None:
        content.message = new
        content.save(force_insert=True)
