"""Sends that wait: who settles one, settles it once."""

from collections.abc import Sequence
from datetime import datetime

from merchant_portal.lib import clock

from ..models import PaymentLink, PlannedSend, PlanState


def settle(pk: int, new: PlanState, at: datetime, reason: str = "") -> bool:
    """Take one out of its waiting; False if somebody did before.

    The caller holds the link locked, and does in the same transaction what `new` says.
    """
    moved = PlannedSend.objects.filter(pk=pk, state=PlanState.WAITING).update(
        state=new, reason=reason[:200], settled_at=at
    )
    return moved == 1


def drop(locked: PaymentLink, reason: str) -> int:
    """Leave out all that waits for a link that the caller holds locked."""
    return locked.planned_sends.filter(state=PlanState.WAITING).update(
        state=PlanState.DROPPED, reason=reason[:200], settled_at=clock.now()
    )


def carry_over(rows: Sequence[PlannedSend], fresh: PaymentLink) -> None:
    """Let what waited for a link go for the one that takes its place, in the
    transaction that closes the old one."""
    if rows:
        PlannedSend.objects.filter(pk__in=[row.pk for row in rows]).update(
            link=fresh, state=PlanState.WAITING, reason="", settled_at=None
        )


def waiting(link: PaymentLink) -> Sequence[PlannedSend]:
    """What will go, soonest first; one query."""
    return list(
        link.planned_sends.filter(state=PlanState.WAITING).order_by("due_at", "pk")
    )
