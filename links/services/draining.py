"""Working off everything that is due in this process; no broker, no waiting."""

from dataclasses import dataclass
from datetime import datetime

from merchant_portal.lib import clock
from notifications.models import Message, MessageState
from notifications.services import delivery

from ..models import (
    Climb,
    ClimbState,
    DueState,
    LinkStatus,
    PaymentLink,
    PlannedSend,
    PlanState,
    ReminderDue,
    TrainingPayment,
)
from ..providers.base import ProviderError
from . import (
    bulk_work,
    checkouts,
    climbing,
    inbox,
    later,
    links,
    planning,
    reminding,
    training,
)

BATCH = 200


@dataclass(slots=True)
class Done:
    """How much was worked off."""

    reminders: int = 0
    messages: int = 0
    events: int = 0
    checkouts: int = 0


def drain(until: datetime) -> Done:
    """Live from now to `until`, stopping at each moment at which something is due.

    So a reminder leaves at its own hour, and a plan's steps leave one by one, as
    they would have.
    """
    done = Done()
    at = clock.now()
    _work(done)
    while (moment := _next_moment(at)) is not None and moment <= until:
        at = moment
        with clock.frozen(at):
            _work(done)
    if at < until:
        with clock.frozen(until):
            _work(done)
    return done


def _next_moment(after: datetime) -> datetime | None:
    """The next time at which something comes due that no provider is asked about."""
    due = [
        ReminderDue.objects.filter(state=DueState.PLANNED, due_at__gt=after)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first(),
        Message.objects.filter(state=MessageState.QUEUED, due_at__gt=after)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first(),
        Climb.objects.filter(state=ClimbState.OPEN, check_at__gt=after)
        .order_by("check_at")
        .values_list("check_at", flat=True)
        .first(),
        PaymentLink.objects.filter(status=LinkStatus.ACTIVE, expires_at__gt=after)
        .order_by("expires_at")
        .values_list("expires_at", flat=True)
        .first(),
        PlannedSend.objects.filter(state=PlanState.WAITING, due_at__gt=after)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first(),
        TrainingPayment.objects.filter(webhook_at__gt=after)
        .order_by("webhook_at")
        .values_list("webhook_at", flat=True)
        .first(),
    ]
    return min((moment for moment in due if moment is not None), default=None)


def _work(done: Done) -> None:
    training.deliver_webhooks()
    for pk in inbox.due():
        done.events += inbox.process(pk)
    for pk in checkouts.due_for_check():
        try:
            checkouts.settle(pk)
        except ProviderError:
            continue  # its next look is on its row
        done.checkouts += 1
    while links.expire_due():
        pass
    while planning.replan():
        pass
    while later.send_due():
        pass
    for pk in bulk_work.due():
        while bulk_work.work(pk):
            pass
    while settled := reminding.enqueue_due():
        done.reminders += settled
    while climbing.climb_due():
        pass
    while claims := delivery.claim(BATCH):
        delivery.deliver(claims)
        done.messages += len(claims)
