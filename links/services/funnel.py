"""How far the newest links that were sent have come: delivered, started, paid."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from notifications.models import Category, Message, MessageState

from ..models import Checkout, CheckoutShare, LinkStatus, PaymentLink

DAYS = 30
MOST = 1_000
# links; of a shop that sends more the newest of them tell as much, and as fast


@dataclass(frozen=True, slots=True)
class Funnel:
    """Numbers of links. `delivered`: those of which a server or phone said so, which not
    every way to send does. `is_part`: more were sent in these days than are counted."""

    sent: int
    delivered: int
    started: int
    paid: int
    is_part: bool


def funnel(links: QuerySet[PaymentLink], now: datetime) -> Funnel:
    """`links`: those that the reader may see. At most four queries."""
    newest = (
        links.filter(first_sent_at__gte=now - timedelta(days=DAYS))
        .order_by("-first_sent_at")
        .values_list("pk", "public_id", "status", "amount_paid_minor", "uses")
    )
    rows = list(newest[: MOST + 1])
    is_part, rows = len(rows) > MOST, rows[:MOST]
    if not rows:
        return Funnel(0, 0, 0, 0, is_part=False)
    pks = [row[0] for row in rows]
    paid = {
        pk
        for pk, _public_id, status, minor, uses in rows
        if status == LinkStatus.PAID or minor or uses
    }
    return Funnel(
        len(rows),
        _delivered([row[1] for row in rows]),
        len(_started(pks) | paid),
        len(paid),
        is_part,
    )


def _delivered(references: list[str]) -> int:
    told = Message.objects.filter(
        reference__in=references,
        category=Category.INVITATION,
        state=MessageState.DELIVERED,
    )
    return told.order_by().values("reference").distinct().count()


def _started(pks: list[int]) -> set[int | None]:
    """By a checkout of its own, or of several links at once."""
    own = Checkout.objects.filter(link__in=pks).order_by()
    joint = CheckoutShare.objects.filter(link__in=pks).order_by()
    return {
        *own.values_list("link_id", flat=True).distinct(),
        *joint.values_list("link_id", flat=True).distinct(),
    }
