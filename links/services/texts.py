"""Which link a message from a customer's phone is about, where only one can be meant."""

import logging
from datetime import timedelta

from django.db import transaction

from merchant_portal.lib import clock
from notifications.models import ASKING_CATEGORIES, InboundMessage, Message
from notifications.services import inbound

from ..models import PaymentLink, ReplyKind
from . import replies
from .errors import LinkError
from .replies import Said

BATCH = 100
RECENT = timedelta(days=30)
# Who writes later than that after a link was sent hardly writes about it.
ENOUGH = 20
# Links of one number that are looked through; with two sent it is not clear already.

logger = logging.getLogger(__name__)


def look() -> int:
    """Make replies of what people wrote by SMS or WhatsApp; returns how many it looked at.

    What is about no link, or may be about several, waits for a person where all of it
    is listed.
    """
    pks = inbound.unlooked(BATCH)
    for pk in pks:
        _look(pk)
    return len(pks)


def _look(pk: int) -> None:
    with transaction.atomic():
        row = inbound.take(pk)
        if row is None:
            return
        link = _link_of(row)
        if link is None:
            return
        said = Said(ReplyKind.QUESTION, row.text, channel=row.channel)
        try:
            replies.give(link, said, is_payable=False)
        except LinkError as exc:  # many may pay it, too long, too many a day
            logger.info("text not given to its link: text=%s reason=%s", row.pk, exc)
            return
        inbound.attach(row, link.public_id)


def _link_of(row: InboundMessage) -> PaymentLink | None:
    """The one link that was lately sent to that address on that channel, if it is one."""
    links = PaymentLink.objects.filter(
        customer__contact_points__value=row.address,
        last_sent_at__gt=clock.now() - RECENT,
    ).order_by("-last_sent_at")[:ENOUGH]
    by_id = {link.public_id: link for link in links}
    sent = set(
        Message.objects.filter(
            reference__in=by_id,
            recipient=row.address,
            channel=row.channel,
            category__in=ASKING_CATEGORIES,
            sent_at__isnull=False,
        ).values_list("reference", flat=True)
    )
    return by_id[sent.pop()] if len(sent) == 1 else None
