"""Sending a link to its customer, asked for by staff or a key."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import Actor
from notifications.models import ChannelName, Message
from notifications.services import outbox

from ..models import LinkStatus, PaymentLink
from . import climbing, links, recipients, reminders, totals
from .errors import LinkConflict, LinkError

MAX_KEY = 40
# so that the whole dedupe key fits its column


def send(
    link: PaymentLink, channels: Sequence[str], *, actor: Actor, key: str = ""
) -> list[Message]:
    """Queue the invitation on each channel; a draft becomes active first.

    `key`: of the form or request, so that a repeat sends nothing twice. Goes at
    once: a person asked for it. Raises LinkError for a channel without an address,
    LinkConflict for a link that asks for nothing any more.
    """
    wanted = checked(channels)
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        if locked.status == LinkStatus.DRAFT:
            links.activate_locked(locked, actor, clock.now())
        known = refuse_unsendable(locked, wanted)
        messages = _enqueue(locked, wanted, known, key or ids.new("snd"))
        climbing.watch_invitations({locked: messages})
        if messages:
            _note_sent(locked, wanted, actor)
    link.refresh_from_db()
    return messages


def checked(channels: Sequence[str]) -> list[str]:
    """Names of channels, each once; LinkError for none and for one that is unknown."""
    wanted = list(dict.fromkeys(channels))
    if not wanted:
        raise LinkError(_("Choose at least one way to send it."), "channels")
    if unknown := set(wanted) - set(ChannelName.values):
        raise LinkError(
            _("There is no channel called %s.") % ", ".join(sorted(unknown)), "channels"
        )
    return wanted


def refuse_unsendable(
    locked: PaymentLink, wanted: Sequence[str], *, may_be_draft: bool = False
) -> dict[str, str]:
    """The addresses of a link that the caller holds locked, by channel.

    Raises as `send`. `may_be_draft`: it becomes active only when it goes.
    """
    known = recipients.addresses(locked)
    sendable = {LinkStatus.ACTIVE, *([LinkStatus.DRAFT] if may_be_draft else [])}
    if locked.status not in sendable or locked.is_past_expiry(clock.now()):
        raise LinkConflict(
            _("This link is %s; there is nothing to send.")
            % locked.get_status_display().lower()
        )
    for channel in wanted:
        if channel not in known:
            raise LinkError(
                _("The customer has no e-mail address.")
                if channel == ChannelName.EMAIL
                else _("The customer has no phone number."),
                "channels",
            )
    return known


def _enqueue(
    locked: PaymentLink, wanted: list[str], known: dict[str, str], key: str
) -> list[Message]:
    language = recipients.language(locked)
    return outbox.enqueue_many(
        [
            outbox.NewMessage(
                kind="invitation",
                channel=channel,
                recipient=known[channel],
                language=language,
                reference=locked.public_id,
                dedupe_key=f"invitation:{locked.public_id}:{channel}:{key[:MAX_KEY]}",
            )
            for channel in wanted
        ]
    )


def _note_sent(locked: PaymentLink, wanted: list[str], actor: Actor) -> None:
    now = clock.now()
    is_first = locked.last_sent_at is None
    locked.last_sent_at = now
    locked.last_channels = wanted
    if is_first:
        locked.first_sent_at, locked.first_sent_minor = now, locked.amount_minor
    locked.save(update_fields=PaymentLink.OF_SENDING)
    links.note(locked, "link.sent", actor, now, channels=wanted)
    reminders.plan(locked)
    sums = totals.Changes()
    if is_first:
        sums.add([], totals.of_link(locked))
    sums.write()
    audit.record(actor.id, "link.sent", locked.public_id, channels=wanted)
