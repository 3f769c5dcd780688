"""What people write to our numbers: obeyed, answered once, kept for somebody to read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from customers.models import ContactKind, ContactPoint
from customers.services.customers import language_of
from merchant_portal.audit import services as audit
from merchant_portal.business import services as business_services
from merchant_portal.lib import clock, queue, text
from merchant_portal.staff.models import User

from ..models import ChannelName, InboundMessage, OptOut
from . import opt_outs, replies, sms_parts

LOOK = "links.tasks.look_at_texts"
MAX_TEXT = 1600  # Twilio's own limit
MOST_A_DAY = 50
# of one address; what is beyond is obeyed but not kept
ONCE_IN = timedelta(hours=24)
# Asked for help again within it, we do not repeat ourselves.
STOP_REPLY = "STOP reply"
REFUSED = "refused by twilio"
PHONES = (ChannelName.SMS, ChannelName.WHATSAPP)


@dataclass(frozen=True, slots=True)
class Heard:
    """`carrier_message_id`: the same at every repeat. `address`: E.164.

    `taken_as`: what the carrier took it for and answers itself: STOP, START, HELP.
    """

    carrier_message_id: str
    channel: str
    address: str
    words: str
    taken_as: str = ""


def hear(heard: Heard) -> str:
    """Obey it, keep it, and give what is to be answered at once, or nothing.

    A repeat changes nothing and is answered alike: the first answer may be lost.
    """
    with transaction.atomic():
        known = InboundMessage.objects.filter(
            carrier_message_id=heard.carrier_message_id
        ).first()
        if known is None:
            known, is_new = _keep(heard)
            if is_new:
                _act(known, heard)
    return known.answer


def _keep(heard: Heard) -> tuple[InboundMessage, bool]:
    return InboundMessage.objects.get_or_create(
        carrier_message_id=heard.carrier_message_id,
        defaults={
            "channel": heard.channel,
            "address": heard.address,
            "text": _fit_to_keep(heard.words),
            "meaning": _meaning(heard),
            "at": clock.now(),
        },
    )


def _fit_to_keep(words: str) -> str:
    """Without what cannot be stored; numbers of cards are not kept at all."""
    if text.looks_like_card_number(words):
        return "[This held the number of a card. It was not kept.]"
    kept = "".join(c for c in words if c.isprintable() or c in "\n\t\u200c\u200d")
    return text.without_tokens(kept)[:MAX_TEXT].strip()


def _meaning(heard: Heard) -> str:
    taken_as = heard.taken_as.lower()
    if taken_as in {replies.STOP, replies.START, replies.HELP}:
        return taken_as
    return replies.meaning(heard.words)


def _act(row: InboundMessage, heard: Heard) -> None:
    now, changes = row.at, 0
    if row.meaning == replies.STOP:
        changes = _stop(row.channel, row.address)
    elif row.meaning == replies.START:
        changes = _start(row.channel, row.address)
        if not changes:
            row.meaning = ""  # a mere yes, to whatever was said before
    if row.meaning:
        row.answer = _answer(row, heard, changes)
        row.looked_at = row.closed_at = now
    elif _is_flooding(row, now):
        row.text, row.looked_at, row.closed_at = "", now, now
    else:
        queue.nudge(LOOK)
    row.save(update_fields=["meaning", "answer", "text", "looked_at", "closed_at"])


def _stop(channel: str, address: str) -> int:
    """End all messages to that number, by SMS and WhatsApp alike; 0 = it was so before.

    They reach the same phone and the same person: going on by the other would be
    a way around what was asked. E-mail goes elsewhere and has a way out of its own.
    """
    new = 0
    for other in PHONES:
        source = STOP_REPLY if other == channel else _told_by(channel)
        new += _store(other, address, source, is_own=other == channel)
    return new


def _store(channel: str, address: str, source: str, *, is_own: bool) -> int:
    known = OptOut.objects.filter(
        channel=channel, address=address, scope=OptOut.Scope.ALL
    )
    if known.exists():
        # What they say on the channel itself counts for more than what follows from another.
        if is_own:
            known.filter(source__startswith=STOP_REPLY).update(source=source)
        return 0
    opt_outs.store(channel, address, OptOut.Scope.ALL, source=source)
    return 1


def _start(channel: str, address: str) -> int:
    """Take back what STOP on that very channel did, on both; returns how many."""
    own = {STOP_REPLY, REFUSED, *(_told_by(other) for other in PHONES)}
    removed = opt_outs.remove(channel, address, sources=own)
    for other in PHONES:
        if other != channel:
            removed += opt_outs.remove(other, address, sources={_told_by(channel)})
    return removed


def _told_by(channel: str) -> str:
    return f"{STOP_REPLY} by {channel}"


def _is_flooding(row: InboundMessage, now: datetime) -> bool:
    since = now - timedelta(days=1)
    today = InboundMessage.objects.filter(address=row.address, at__gt=since)
    return today.count() > MOST_A_DAY


# -- what is answered at once -------------------------------------------------


def _answer(row: InboundMessage, heard: Heard, changes: int) -> str:
    """To HELP once a day, to STOP once; nothing where the carrier answers itself."""
    if heard.taken_as:
        return ""
    if row.meaning == replies.HELP:
        return "" if _was_helped(row) else _words_of_help(_language(row.address), row)
    is_told = row.channel == ChannelName.SMS and replies.is_confirmed_by_twilio(
        heard.words
    )
    if row.meaning == replies.STOP and changes and not is_told:
        return _words_of_stop(_language(row.address), row)
    return ""


def _was_helped(row: InboundMessage) -> bool:
    return (
        InboundMessage.objects.filter(
            address=row.address,
            at__gt=row.at - ONCE_IN,
            channel=row.channel,
            meaning=replies.HELP,
        )
        .exclude(answer="")
        .exists()
    )


def _language(address: str) -> str:
    """Of the customer with that number, else the business's."""
    point = (
        ContactPoint.objects.filter(
            value=address, kind=ContactKind.PHONE, customer__erased_at=None
        )
        .select_related("customer")
        .order_by("-is_primary", "-id")
        .first()
    )
    return language_of(point.customer if point else None)


def _words_of_help(language: str, row: InboundMessage) -> str:
    business = business_services.kept()
    contact = ", ".join(part for part in (business.phone, business.email) if part)
    with translation.override(language):
        if contact:
            said = _(
                "This is %(name)s. You can reach us at %(contact)s."
                " Reply STOP to get no more messages."
            ) % {"name": business.name, "contact": contact}
        else:
            said = _("This is %(name)s. Reply STOP to get no more messages.") % {
                "name": business.name
            }
    return _fit(said, row)


def _words_of_stop(language: str, row: InboundMessage) -> str:
    with translation.override(language):
        said = _(
            "%(name)s will send no more messages to this number."
            " Reply START to get them again."
        ) % {"name": business_services.kept().name}
    return _fit(said, row)


def _fit(said: str, row: InboundMessage) -> str:
    return sms_parts.plain(said) if row.channel == ChannelName.SMS else said


# -- who reads the rest -------------------------------------------------------


def unlooked(limit: int) -> list[int]:
    """Pks of what was written and not yet looked at, oldest first."""
    new = InboundMessage.objects.filter(looked_at=None).order_by("id")
    return list(new.values_list("pk", flat=True)[:limit])


def take(pk: int) -> InboundMessage | None:
    """The right to look at one, in the caller's transaction; None = another has it."""
    taken = InboundMessage.objects.filter(pk=pk, looked_at=None).update(
        looked_at=clock.now()
    )
    return InboundMessage.objects.get(pk=pk) if taken else None


def attach(row: InboundMessage, reference: str) -> None:
    """It belongs to that link, where a person sees to it from now on."""
    InboundMessage.objects.filter(pk=row.pk).update(
        reference=reference, closed_at=clock.now()
    )


def close(row: InboundMessage, *, by: User) -> bool:
    """A person has seen to it; False if somebody had before."""
    with transaction.atomic():
        closed = InboundMessage.objects.filter(pk=row.pk, closed_at=None).update(
            closed_at=clock.now(), closed_by=by
        )
        if closed:
            audit.record(by.actor().id, "text.closed", row.carrier_message_id)
    return closed == 1
