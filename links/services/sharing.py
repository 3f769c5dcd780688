"""Handing a link over by hand: an app of the sender's opens with the words in it.

Whether they then press "send" there nobody here can see, so it is never called sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.lib.actors import Actor
from notifications.models import ChannelName
from notifications.services import outbox, rendering

from ..models import LinkStatus, PaymentLink
from . import links, message_values, pages, recipients, reminders
from .errors import LinkConflict, LinkError

KIND = "link.shared"
SAME_AGAIN = timedelta(minutes=1)
# A second click on the same way within it is the same opening.
ABOVE = "\N{UPWARDS ARROW}"
# in the words for Telegram, which puts the address on top of them


class Way(StrEnum):
    """How a link is handed over; the last two are taken along in the clipboard."""

    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    SMS = "sms"
    EMAIL = "email"
    COPY_TEXT = "copy_text"
    COPY_LINK = "copy_link"


WAYS = frozenset(Way)
APPS = (Way.WHATSAPP, Way.TELEGRAM, Way.SMS, Way.EMAIL)
MAX_TEXT = 1500  # some of the apps cut longer addresses
TARGETS = ("https://wa.me", "https://t.me", "sms:", "mailto:")
# where a form that shares may lead in the end, and nowhere else


@dataclass(frozen=True, slots=True)
class Words:
    """What is shared: the words of the SMS that we would send, and a mail's subject."""

    text: str
    subject: str
    url: str
    language: str


def words_of(link: PaymentLink, description: str) -> Words:
    """In the customer's language, by the functions that make the real messages.

    `description`: of its first line.
    """
    language = recipients.language(link)
    values = message_values.values_of(link, description, language)
    url = pages.url_of(link)

    def said(channel: str) -> rendering.Rendered:
        return outbox.preview("invitation", channel, language, values, url)

    return Words(
        text=said(ChannelName.SMS).text,
        subject=said(ChannelName.EMAIL).subject,
        url=url,
        language=language,
    )


def templates_of(words: Words, known: Mapping[str, str]) -> dict[str, str]:
    """App → its address with `{text}` where the words go, percent-encoded; of Telegram
    `{words}`, which are the text with an arrow for the address.

    `known`: channel → address of the customer; without one the app asks to whom.
    """
    phone, email = known.get(ChannelName.SMS, ""), known.get(ChannelName.EMAIL, "")
    return {
        Way.WHATSAPP: f"https://wa.me/{quote(phone.removeprefix('+'))}?text={{text}}",
        Way.TELEGRAM: f"https://t.me/share/url?url={_quoted(words.url)}&text={{words}}",
        # "?&" is what both iOS (which wants "&") and Android (which wants "?") read.
        Way.SMS: f"sms:{quote(phone, safe='+')}?&body={{text}}",
        Way.EMAIL: f"mailto:{quote(email, safe='@')}?subject={_quoted(words.subject)}"
        "&body={text}",
    }


def address(
    way: str, text: str, words: Words, known: Mapping[str, str] | None = None
) -> str:
    """What opens that app with `text` in it; empty for what only goes by clipboard."""
    template = templates_of(words, known or {}).get(way, "")
    lines = "\r\n".join(text.splitlines()) if way == Way.EMAIL else text
    above = " ".join(text.replace(words.url, f" {ABOVE} ").split(" "))
    return template.replace("{text}", _quoted(lines)).replace("{words}", _quoted(above))


def check_text(link: PaymentLink, text: str) -> None:
    """LinkError for words that would reach nobody, or not in one piece."""
    if len(text) > MAX_TEXT:
        raise LinkError(
            _("This is too long: at most %(count)d characters.") % {"count": MAX_TEXT},
            "text",
        )
    if pages.url_of(link) not in text:
        raise LinkError(
            _("The text lacks the address of the page, so nobody could pay."), "text"
        )


def _quoted(text: str) -> str:
    return quote(text, safe="")


def note(
    link: PaymentLink, way: str, *, actor: Actor, remind: Sequence[str] = ()
) -> None:
    """Keep that it was opened to share; a draft becomes active first.

    It does not count as sent. `remind`: channels on which we are to remind, asked once;
    without any, nobody is reminded of a link that was never sent by us. Raises LinkError
    for an unknown way or channel, LinkConflict for a link that asks for nothing any more.
    """
    if way not in WAYS:
        raise LinkError(_("There is no such way to share."), "way")
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        now = clock.now()
        if locked.status == LinkStatus.DRAFT:
            links.activate_locked(locked, actor, now)
        if locked.status != LinkStatus.ACTIVE or locked.is_past_expiry(now):
            raise LinkConflict(
                _("This link is %s; there is nothing to share.")
                % locked.get_status_display().lower()
            )
        is_new = not _is_same_again(locked, way, actor, now)
        wanted = _channels(locked, remind)
        if is_new or wanted:
            _keep(locked, wanted, now)
        if is_new:
            links.note(locked, KIND, actor, now, way=str(way))
            audit.record(actor.id, KIND, locked.public_id, way=str(way))
    link.refresh_from_db()


def may_ask_to_remind(link: PaymentLink) -> bool:
    """Whether nobody said yet if we are to remind of it."""
    return link.has_reminders and not link.is_reusable and not link.last_channels


def _channels(locked: PaymentLink, remind: Iterable[str]) -> list[str]:
    """Those that are asked for now and can be had."""
    if not may_ask_to_remind(locked):
        return []
    known = recipients.addresses(locked)
    return [channel for channel in dict.fromkeys(remind) if channel in known]


def _keep(locked: PaymentLink, wanted: list[str], now: datetime) -> None:
    locked.shared_at = now
    if wanted:
        locked.last_channels = wanted
    locked.save(update_fields=["shared_at", "last_channels"])
    if wanted:
        reminders.plan(locked)


def _is_same_again(locked: PaymentLink, way: str, actor: Actor, now: datetime) -> bool:
    newest = locked.activities.filter(kind=KIND, at__gt=now - SAME_AGAIN)
    return newest.filter(actor=actor.id, detail__way=str(way)).exists()
