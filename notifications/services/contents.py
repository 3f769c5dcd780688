"""The words of messages: rendered at the first try, kept, filled when they leave."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection

from merchant_portal.lib import clock

from .. import kinds
from ..channels.base import Attachment
from ..models import Category, ChannelName, Message, MessageContent, MessageState
from . import rendering, unsubscribing, whatsapp, wording
from .layouts import NoTemplate
from .placeholders import PlaceholderError
from .rendering import Rendered, Unwritable
from .sms_parts import MOST_PARTS, sms_parts
from .wording import Wording

logger = logging.getLogger(__name__)
COLUMNS = 7
MOST_ROWS = 500
# in one INSERT, each a commit of its own; SQLite takes 999 parameters
Broken = dict[int, str]
# pk of a message that cannot be written: why, in words for staff


def prepare(messages: Sequence[Message]) -> tuple[dict[int, MessageContent], Broken]:
    """The stored words of each message, rendered now where there are none.

    Takes no lock and must run outside the claim.
    """
    ready = {
        content.pk: content
        for content in MessageContent.objects.filter(message__in=messages)
    }
    broken: Broken = {}
    missing = [message for message in messages if message.pk not in ready]
    if not missing:
        return ready, broken
    common = rendering.common_values()
    now = clock.now()
    words = wording.current()
    book = whatsapp.book_for(missing)
    fresh = []
    for name, group in kinds.by_kind(missing).items():
        values = _values(name, group, broken)
        for message in group:
            if message.pk in broken:
                continue
            try:
                every = {**common, **values[message.pk]}
                fresh.append(content_of(message, every, now, words, book))
            except KeyError:
                broken[message.pk] = "What this message is about is gone."
            except (PlaceholderError, NoTemplate, Unwritable) as exc:
                broken[message.pk] = str(exc)
    return {**ready, **_stored(fresh)}, broken


def _stored(fresh: Sequence[MessageContent]) -> dict[int, MessageContent]:
    """The words as they are kept; another worker's where it was quicker after a lapse.

    Written by hand, because bulk_create does not say which rows were new.
    """
    mine = {content.pk: content for content in fresh}
    new: set[int] = set()
    most = connection.features.max_query_params
    size = most // COLUMNS if most else MOST_ROWS
    for start in range(0, len(fresh), size):
        new |= _insert(fresh[start : start + size])
    others = (
        MessageContent.objects.in_bulk(mine.keys() - new)
        if len(new) < len(mine)
        else {}
    )
    return {**mine, **others}


def _insert(fresh: Sequence[MessageContent]) -> set[int]:
    """Pks of the rows that were new."""
    marks = ", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * len(fresh))
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notifications_messagecontent"  # noqa: S608  only marks
            " (message_id, sender, subject, text, html, template, rendered_at)"
            f" VALUES {marks} ON CONFLICT DO NOTHING RETURNING message_id",
            [
                value
                for row in fresh
                for value in (
                    row.pk,
                    row.sender,
                    row.subject,
                    row.text,
                    row.html,
                    row.template,
                    adapt(row.rendered_at),
                )
            ],
        )
        return {pk for (pk,) in cursor.fetchall()}


def _values(
    name: str, group: Sequence[Message], broken: Broken
) -> Mapping[int, kinds.Values]:
    """What the kind says of each message; a bad row does not hold up the others."""
    kind = kinds.get(name)
    try:
        return kind.context(group)
    except Exception:  # code of another app: any error may come
        logger.exception("context failed, trying one by one: kind=%s", name)
    values: dict[int, kinds.Values] = {}
    for message in group:
        try:
            values.update(kind.context([message]))
        except Exception:
            logger.exception("context failed: message=%s", message.public_id)
            broken[message.pk] = "This message could not be written; see the log."
    return values


def content_of(
    message: Message,
    values: Mapping[str, str],
    at: datetime,
    words: Wording,
    book: whatsapp.Book,
) -> MessageContent:
    """The rendered message as a row not yet saved; raises PlaceholderError, Unwritable."""
    rendered, template = _written(message, values, words, book)
    return kept_as(message, rendered, _sender_of(values), at, template)


def _sender_of(values: Mapping[str, str]) -> str:
    return values.get("sender_name") or values["business_name"]


def kept_as(
    message: Message,
    rendered: Rendered,
    sender_name: str,
    at: datetime,
    template: str = "",
) -> MessageContent:
    """What was rendered as a row not yet saved."""
    is_email = message.channel == ChannelName.EMAIL
    return MessageContent(
        message=message,
        sender=rendering.sender(sender_name) if is_email else "",
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        template=template,
        rendered_at=at,
    )


def _written(
    message: Message, values: Mapping[str, str], words: Wording, book: whatsapp.Book
) -> tuple[Rendered, str]:
    kind, language = message.kind, message.language
    if message.channel == ChannelName.WHATSAPP:
        return whatsapp.write(kind, language, message.recipient, values, words, book)
    rendered = rendering.render(kind, message.channel, language, values, words)
    if message.channel == ChannelName.SMS:
        count = sms_parts(rendered.text)
        if count.is_too_long:
            raise Unwritable(
                f"This SMS would have {count.parts} parts, at most {MOST_PARTS} are sent."
                " Write less, or send an e-mail."
            )
    return rendered, ""


def addresses(messages: Sequence[Message]) -> dict[int, dict[str, str]]:
    """The secret addresses for each message, made now and stored nowhere."""
    urls: dict[int, dict[str, str]] = {}
    for name, group in kinds.by_kind(messages).items():
        links = kinds.get(name).link_urls(group)
        for message in group:
            urls[message.pk] = {}
            if message.pk in links:
                urls[message.pk]["link_url"] = links[message.pk]
            if message.category == Category.REMINDER:
                urls[message.pk]["unsubscribe_url"] = unsubscribing.url_of(message)
    return urls


def files(messages: Sequence[Message]) -> dict[int, kinds.Files]:
    """What makes the files of each e-mail that has some; other channels carry none."""
    made: dict[int, kinds.Files] = {}
    emails = [each for each in messages if each.channel == ChannelName.EMAIL]
    for name, group in kinds.by_kind(emails).items():
        try:
            made.update(kinds.get(name).attachments(group))
        except Exception:  # code of another app: any error may come
            logger.exception("no files for these mails: kind=%s", name)
    return made


def made_of(make: kinds.Files, message: Message) -> Sequence[Attachment]:
    """The files of one e-mail; none where they cannot be made, so that it leaves."""
    try:
        return make()
    except Exception:  # code of another app; logged, and the mail leaves all the same
        logger.exception("files not made: message=%s", message.public_id)
        return ()


def as_rendered(content: MessageContent) -> Rendered:
    return Rendered(text=content.text, subject=content.subject, html=content.html)


HIDDEN_URL = "https://hidden.invalid/"
# Stands where a sign-in link was: whoever reads the mailbox must not take over accounts.


def shown(message: Message) -> Rendered | None:
    """The message as its reader sees it, for staff; None when it cannot be written.

    A message that has not been tried yet is rendered but not stored. The link of a
    sign-in mail is shown only where the mail was kept instead of sent.
    """
    content = MessageContent.objects.filter(message=message).first()
    if content is None:
        content = _unstored(message)
    if content is None:
        return None
    try:
        urls = addresses([message])[message.pk]
    except kinds.UnknownKind:
        urls = {}
    is_sign_in = message.category == Category.SIGN_IN
    if is_sign_in and message.state != MessageState.CAPTURED:
        urls = {}
    hidden = {"link_url": HIDDEN_URL, "unsubscribe_url": HIDDEN_URL}
    return rendering.fill_links(as_rendered(content), {**hidden, **urls})


def _unstored(message: Message) -> MessageContent | None:
    try:
        values = _values(message.kind, [message], {})
        every = {**rendering.common_values(), **values[message.pk]}
        words, book = wording.current(), whatsapp.book_for([message])
        return content_of(message, every, message.created_at, words, book)
    except (KeyError, kinds.UnknownKind, PlaceholderError, NoTemplate, Unwritable):
        return None
