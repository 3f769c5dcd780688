"""What waits to leave for a link, as its page and the list show it."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.business.models import Business

from ..models import PaymentLink, PlannedSend, PlanState
from ..services import later
from . import formats, history


def rows(
    link: PaymentLink, waiting: Sequence[PlannedSend], now: datetime
) -> list[dict[str, Any]]:
    """One of each planned send; `seconds` until it leaves."""
    if not waiting:
        return []
    zone = zone_of(link.customer, Business.objects.current())
    return [
        {
            "pk": row.pk,
            "is_undo": row.is_undo,
            "seconds": max(math.ceil((row.due_at - now).total_seconds()), 0),
            "at": formats.weekday_moment(row.due_at, zone),
            "typed": f"{row.due_at.astimezone(zone):%Y-%m-%dT%H:%M}",
            "channels": history.channel_names(row.channels),
            "is_at_night": not row.is_undo and later.is_at_night(link, row.due_at),
        }
        for row in waiting
    ]


def with_next_send(links: QuerySet[PaymentLink]) -> QuerySet[PaymentLink]:
    """Links that know `next_send_at`, when the next planned send leaves, or None."""
    waiting = PlannedSend.objects.filter(link=OuterRef("pk"), state=PlanState.WAITING)
    return links.annotate(
        next_send_at=Subquery(waiting.order_by("due_at").values("due_at")[:1])
    )


def refresh_after(rows_: Sequence[dict[str, Any]]) -> int:
    """Seconds until a page without script should look again; 0: it need not."""
    waits = [row["seconds"] for row in rows_ if row["is_undo"]]
    return min(waits) + 2 if waits else 0


def leaves(at: datetime, link: PaymentLink, zone: Any) -> str:
    """For the list: when the next one leaves; `zone`: of the business."""
    customer = link.customer
    place = zone_of(customer) if customer and customer.time_zone else zone
    return _("leaves %s, their time") % formats.weekday_moment(at, place)
