"""The shop's own copy of each mail that asked for money: a message of its own, after it.

The words are those of the mail. Its link works, for the shop is who asks; what would
stop the reminders leads to the message in the back-office instead.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

from django.conf import settings
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue

from .. import kinds
from ..models import (
    ASKING_CATEGORIES,
    Category,
    ChannelName,
    Message,
    MessageContent,
    MessageState,
)
from . import opt_outs, placeholders
from .rendering import MAX_SUBJECT_LENGTH

KIND = "copy"
SEND_DUE = "notifications.tasks.send_due"
logger = logging.getLogger(__name__)


def follow(messages: Iterable[Message]) -> None:
    """Want a copy of those that ask for money, where the shop wants copies, in the
    transaction that writes that they left. Never fails: the mail itself comes first."""
    asking = [
        message
        for message in messages
        if message.channel == ChannelName.EMAIL
        and message.category in ASKING_CATEGORIES
    ]
    if not asking:
        return
    business = business_services.kept()
    if not business.copy_invitations_to:
        return
    try:
        with transaction.atomic():
            _store(asking, business.copy_invitations_to, business.language)
    except DatabaseError:
        logger.exception("no copies of %s mails", len(asking))


def _store(originals: Sequence[Message], to: str, language: str) -> None:
    now = clock.now()
    unwanted = opt_outs.unwanted([(ChannelName.EMAIL, to)])
    is_refused = opt_outs.forbids(unwanted, ChannelName.EMAIL, to, Category.NOTICE)
    rows = [
        Message(
            kind=KIND,
            category=Category.NOTICE,
            channel=ChannelName.EMAIL,
            reference=message.public_id,
            recipient=to,
            language=message.language,
            dedupe_key=f"copy:{message.public_id}",
            state=MessageState.SUPPRESSED if is_refused else MessageState.QUEUED,
            due_at=now,
            created_at=now,
        )
        for message in originals
    ]
    Message.objects.bulk_create(rows, ignore_conflicts=True)
    kept = Message.objects.in_bulk(
        [row.public_id for row in rows], field_name="public_id"
    )
    words = MessageContent.objects.in_bulk([message.pk for message in originals])
    with override(language):
        mark = _("Copy: %(subject)s")
    MessageContent.objects.bulk_create(
        _content(kept[row.public_id], message, words[message.pk], mark)
        for row, message in zip(rows, originals, strict=True)
        if row.public_id in kept and message.pk in words
    )
    if kept and not is_refused:
        queue.nudge(SEND_DUE)


def _content(
    copy: Message, message: Message, words: MessageContent, mark: str
) -> MessageContent:
    page = reverse("admin:notifications_message_change", args=[message.pk])
    urls = {"unsubscribe_url": f"{settings.PUBLIC_URL}{page}"}
    subject = mark % {"subject": words.subject}
    return MessageContent(
        message=copy,
        sender=words.sender,
        subject=subject[:MAX_SUBJECT_LENGTH],
        text=placeholders.fill_some(words.text, urls),
        html=placeholders.fill_some(words.html, urls, as_html=True),
        rendered_at=copy.created_at,
    )


def _originals(copies: Sequence[Message]) -> dict[str, Message]:
    found = Message.objects.filter(public_id__in={copy.reference for copy in copies})
    return {message.public_id: message for message in found}


def link_urls(copies: Sequence[Message]) -> dict[int, str]:
    """The links of the mails themselves; one query, and those of their kinds."""
    originals = _originals(copies)
    urls: dict[str, str] = {}
    for name, group in kinds.by_kind(list(originals.values())).items():
        made = kinds.get(name).link_urls(group)
        urls |= {each.public_id: made[each.pk] for each in group if each.pk in made}
    return {copy.pk: urls[copy.reference] for copy in copies if copy.reference in urls}


def attachments(copies: Sequence[Message]) -> Mapping[int, kinds.Files]:
    """The files of the mails themselves."""
    originals = _originals(copies)
    files: dict[str, kinds.Files] = {}
    for name, group in kinds.by_kind(list(originals.values())).items():
        made = kinds.get(name).attachments(group)
        files |= {each.public_id: made[each.pk] for each in group if each.pk in made}
    return {
        copy.pk: files[copy.reference] for copy in copies if copy.reference in files
    }


def still_due(copies: Sequence[Message]) -> set[int]:
    """Those to the mailbox that is set now."""
    business = Business.objects.filter(pk=Business.ONLY_PK)
    to = business.values_list("copy_invitations_to", flat=True).first()
    return {copy.pk for copy in copies if to and copy.recipient == to}
