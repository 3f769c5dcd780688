"""Taking a request back that has reached somebody: nothing waits, nothing can be paid,
and whoever opens the link reads a polite word instead."""

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.lib.actors import Actor
from notifications.models import ASKING_CATEGORIES, Message, MessageState
from notifications.services import outbox

from ..models import PaymentLink
from . import links, recipients

NOT_REACHED = (
    MessageState.QUEUED,
    MessageState.CANCELED,
    MessageState.SUPPRESSED,
    MessageState.EXPIRED,
    MessageState.FAILED,
    MessageState.BOUNCED,
)


def default_reason(link: PaymentLink) -> str:
    """What the withdrawn page says when nobody writes anything else, in the customer's
    language."""
    with translation.override(recipients.language(link)):
        return _("This request was sent by mistake. There is nothing for you to pay.")


def recall(
    link: PaymentLink,
    *,
    actor: Actor,
    reason: str = "",
    tell: bool = True,
    version: int | None = None,
) -> bool:
    """Cancel it with a public reason; `tell` writes to every address that got it.

    What is handed over at this moment is beyond recall, and is told like the others.
    False and LinkConflict as `links.cancel`.
    """
    reason = reason.strip() or default_reason(link)
    with transaction.atomic(), audit.recorded_last():
        if not links.cancel(link, actor=actor, reason=reason, version=version):
            return False
        told = _tell(link) if tell else 0
        links.note(link, "link.recalled", actor, clock.now(), told=told)
        audit.record(actor.id, "link.recalled", link.public_id, told=told)
    return True


def reached(link: PaymentLink) -> set[tuple[str, str]]:
    """(channel, address) of all who got a message that asks for its money."""
    return set(
        Message.objects.filter(reference=link.public_id, category__in=ASKING_CATEGORIES)
        .exclude(state__in=NOT_REACHED)
        .values_list("channel", "recipient")
    )


def _tell(link: PaymentLink) -> int:
    language = recipients.language(link)
    messages = outbox.enqueue_many(
        [
            outbox.NewMessage(
                kind="cancellation",
                channel=channel,
                recipient=recipient,
                language=language,
                reference=link.public_id,
                dedupe_key=f"cancellation:{link.public_id}:{channel}:{place}",
            )
            for place, (channel, recipient) in enumerate(sorted(reached(link)))
        ]
    )
    return len(messages)
