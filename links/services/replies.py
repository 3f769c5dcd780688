"""What customers answer on the page of a link, and what staff answer to that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import format_date
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, pictures, text
from merchant_portal.lib.actors import PAYER, Actor
from merchant_portal.lib.languages import locale_of
from merchant_portal.staff.models import User
from notifications.models import Category, ChannelName
from notifications.services import outbox

from ..models import DueState, News, PayerReply, PaymentLink, ReplyKind
from . import links, notices, pauses, recipients, reminders, words
from .errors import LinkConflict, LinkError

K = ReplyKind
MAX_TEXT = 1000
MAX_PROOF_BYTES = 2_000_000
LATEST_PROMISE = timedelta(days=90)
MOST_A_DAY = 10
# of one link; whoever has more to say is better called
SAME_AGAIN = timedelta(hours=1)
# The same words within it are the same form sent twice.
NEEDS_TEXT = frozenset({K.AMOUNT, K.QUESTION})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it was typed; `proof`: the bytes of a picture or PDF, or none.

    `channel`: by what it came, where not from the page of the link.
    """

    kind: str
    text: str = ""
    promised_on: date | None = None
    proof: bytes = b""
    channel: str = ""


class TooManyReplies(LinkError):
    """This link got as many answers today as anybody will read."""


def kinds_for(link: PaymentLink, *, is_payable: bool) -> Sequence[ReplyKind]:
    """What can be answered to it: where nothing is asked, only questions are left.

    Of a link that many may pay nobody knows who wrote, so nobody could be answered.
    """
    if link.is_reusable:
        return ()
    return tuple(K) if is_payable else (K.QUESTION,)


def give(link: PaymentLink, said: Said, *, is_payable: bool) -> PayerReply:
    """Keep what a customer answered, and let the reminders rest.

    The same form again within an hour is the answer that is here. LinkError names the field
    that cannot be: kind, text, promised_on or proof; TooManyReplies for the day.
    """
    checked = _checked(link, said, is_payable=is_payable)
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        now = clock.now()
        if (known := _same(locked, checked, now)) is not None:
            return known
        _refuse_flood(locked, now)
        reply = PayerReply.objects.create(
            link=locked,
            kind=checked.kind,
            text=checked.text,
            promised_on=checked.promised_on,
            proof=checked.proof or None,
            proof_type=proof_type(checked.proof) if checked.proof else "",
            at=now,
        )
        links.note(locked, "payer.replied", PAYER, now, **_detail(reply, said.channel))
        day = reply.promised_on
        if day is not None and _plan_promise(locked, day, now):
            PayerReply.objects.filter(pk=reply.pk).update(closed_at=now)
            reply.closed_at = now
        else:
            reminders.plan(locked)
            reminders.rest(locked, now + pauses.PATIENCE)
            notices.tell(
                [notices.Happening(News.REPLIED, reply.public_id, now, locked)]
            )
    return reply


def _plan_promise(locked: PaymentLink, day: date, now: datetime) -> bool:
    """Put the promise in the place of the next reminder; False where none is sent, so
    that a person has to see to it."""
    zone = zone_of(locked.customer)
    locked.promise_due_at = pauses.promise_due_at(day, now, zone)
    locked.save(update_fields=["promise_due_at"])
    reminders.plan(locked)
    if not locked.reminders_due.filter(step=None, state=DueState.PLANNED).exists():
        return False
    outbox.cancel(locked.public_id, categories=[Category.REMINDER])
    return True


def _checked(link: PaymentLink, said: Said, *, is_payable: bool) -> Said:
    if said.kind not in kinds_for(link, is_payable=is_payable):
        raise LinkError(_("Please choose what you want to tell us."), "kind")
    kind = ReplyKind(said.kind)
    try:
        written = text.without_tokens(text.clean_block(said.text, MAX_TEXT))
    except text.TextError as exc:
        raise LinkError(str(exc), "text") from exc
    if text.looks_like_card_number(written):
        raise LinkError(
            _("This looks like a card number. Please never write it down here."), "text"
        )
    if kind in NEEDS_TEXT and not written:
        raise LinkError(_("Please write a few words, so that we can help."), "text")
    promised = _promise(link, said.promised_on) if kind == K.PROMISE else None
    if said.proof:
        proof_type(said.proof)
    return Said(kind, written, promised, said.proof)


def _promise(link: PaymentLink, day: date | None) -> date:
    if day is None:
        raise LinkError(_("Please say on which day."), "promised_on")
    first, last = promise_days(link, clock.now())
    if not first <= day <= last:
        language = get_language() or "en"
        said = format_date(last, "long", locale=locale_of(language))
        raise LinkError(
            _("Please choose a day from today until %(date)s.") % {"date": said},
            "promised_on",
        )
    return day


def promise_days(
    link: PaymentLink, now: datetime, business: Business | None = None
) -> tuple[date, date]:
    """First and last day that can be promised, by the customer's calendar: 90 days, but
    not the day on which the link closes. The last may come before the first."""
    zone = zone_of(link.customer, business)
    today = now.astimezone(zone).date()
    last = today + LATEST_PROMISE
    if link.expires_at is not None:
        last = min(last, link.expires_at.astimezone(zone).date() - timedelta(days=1))
    return today, last


def proof_type(data: bytes) -> str:
    """pdf, png, jpeg or webp, by what is in it; LinkError for anything else."""
    if len(data) > MAX_PROOF_BYTES:
        raise LinkError(_("This file is larger than 2 MB."), "proof")
    if data.startswith(b"%PDF-"):
        return "pdf"
    if kind := pictures.kind_of(data):
        return kind
    raise LinkError(_("Please choose a picture or a PDF."), "proof")


def _same(locked: PaymentLink, said: Said, now: datetime) -> PayerReply | None:
    """The newest answer, if it is this very form and nothing came of it yet."""
    newest = locked.replies.filter(at__gt=now - SAME_AGAIN).order_by("-id").first()
    if newest is None or newest.closed_by_id is not None:
        return None
    before = (newest.kind, newest.text, newest.promised_on, bytes(newest.proof or b""))
    is_same = before == (said.kind, said.text, said.promised_on, said.proof)
    return newest if is_same else None


def _refuse_flood(locked: PaymentLink, now: datetime) -> None:
    today = locked.replies.filter(at__gt=now - timedelta(days=1))
    if today.count() >= MOST_A_DAY:
        raise TooManyReplies(
            _("We have got many messages from you today and will read them all."),
            "kind",
        )


def _detail(reply: PayerReply, channel: str) -> dict[str, str]:
    known = {"reply": reply.public_id, "said": reply.kind, "text": reply.text}
    if channel:
        known["channel"] = channel
    if reply.promised_on is not None:
        known["day"] = reply.promised_on.isoformat()
    return known


def answer(reply: PayerReply, text_: str, *, by: User) -> None:
    """Write back on the channels of the last send, or by the first that there is.

    LinkError without words or without an address, LinkConflict if it was closed before.
    """
    written = words.clean_block(text_, "answer")
    if not written:
        raise LinkError(_("Write an answer first."), "answer")
    with transaction.atomic():
        locked = PaymentLink.objects.locked(reply.link_id)
        now = clock.now()
        known = recipients.addresses(locked)
        channels = [name for name in locked.last_channels if name in known]
        channels = (
            channels or [name for name in ChannelName.values if name in known][:1]
        )
        if not channels:
            raise LinkError(_("The customer has no address to write to."), "answer")
        _close(reply, locked, now, by, written)
        outbox.enqueue_many(
            [
                outbox.NewMessage(
                    kind="answer",
                    channel=channel,
                    recipient=known[channel],
                    language=recipients.language(locked),
                    reference=locked.public_id,
                    subject_id=reply.public_id,
                    dedupe_key=f"answer:{reply.public_id}:{channel}",
                )
                for channel in channels
            ]
        )


def close(reply: PayerReply, *, by: User) -> None:
    """Say that a person saw to it in another way; LinkConflict if it was closed before."""
    with transaction.atomic():
        locked = PaymentLink.objects.locked(reply.link_id)
        _close(reply, locked, clock.now(), by, "")


def _close(
    reply: PayerReply, locked: PaymentLink, now: datetime, by: User, written: str
) -> None:
    closed = PayerReply.objects.filter(pk=reply.pk, closed_at__isnull=True).update(
        closed_at=now, closed_by=by, answer=written
    )
    if not closed:
        raise LinkConflict(_("Somebody has seen to this in the meantime."))
    kind = "reply.answered" if written else "reply.closed"
    actor: Actor = by.actor()
    links.note(locked, kind, actor, now, reply=reply.public_id)
    audit.record(actor.id, kind, locked.public_id, reply=reply.public_id)
    if not locked.replies.filter(closed_at__isnull=True).exists():
        reminders.go_on(locked)
