"""Sending at a later moment, or now with some seconds to take it back.

Until its moment a planned send is one row and nothing else: the link, its reminders and
its timeline are as if nobody had asked. Whoever takes the row out of its waiting, under
the lock of its link, decides what becomes of it: the task that sends, the person who
takes it back, or the money that makes it pointless.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services.customers import zone_of
from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.crash import crash_at
from notifications.models import ChannelName

from ..models import PaymentLink, PlannedSend, PlanState
from . import links, planned, quiet, recipients, sending
from .errors import LinkConflict, LinkError

SEND_PLANNED = "links.tasks.send_planned"
FARTHEST = timedelta(days=366)
MOST_WAITING = 10
# of one link; a person who plans more has lost sight of them
BATCH = 200
SOON = timedelta(minutes=2)
# Within it a wake-up of its own comes to the second; else the sweep finds it.
MORNING = wall_time(9)

log = structlog.get_logger(__name__)


def local_moment(value: datetime, customer: Customer | None) -> datetime:
    """UTC; what has no offset is the time of the customer's zone.

    In the gap of a clock change the local time moves forward, in the overlap the
    first one counts. LinkError for a moment that no calendar holds.
    """
    try:
        if value.tzinfo is None:
            value = value.replace(tzinfo=zone_of(customer))
        return value.astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise LinkError(_("There is no such moment."), "send_at") from exc


def tomorrow_morning(customer: Customer | None) -> datetime:
    """Nine o'clock of the customer's next day, UTC."""
    zone = zone_of(customer)
    day = clock.now().astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, MORNING, tzinfo=zone).astimezone(UTC)


def is_at_night(link: PaymentLink, at: datetime) -> bool:
    """Whether reminders would not leave then; a person may, and is told."""
    phone = recipients.addresses(link).get(ChannelName.SMS, "")
    place = quiet.place_of(link.customer, phone, Business.objects.current())
    return quiet.allowed_at(at, place) > at


def plan(
    link: PaymentLink,
    channels: Sequence[str],
    *,
    at: datetime,
    actor: Actor,
    key: str,
) -> PlannedSend:
    """Send it at that moment; the same `key` again gives the same planned send.

    Raises LinkError for a moment gone by, too far away or after the link's end, and
    as `sending.send` for what could not be sent now either.
    """
    return _plan(link, channels, at, actor, key, is_undo=False)


def plan_undoable(
    link: PaymentLink,
    channels: Sequence[str],
    *,
    seconds: int,
    actor: Actor,
    key: str,
) -> PlannedSend:
    """Send it now, in so many seconds, unless somebody takes it back; else as `plan`."""
    at = clock.now() + timedelta(seconds=seconds)
    return _plan(link, channels, at, actor, key, is_undo=True)


def _plan(
    link: PaymentLink,
    channels: Sequence[str],
    at: datetime,
    actor: Actor,
    key: str,
    *,
    is_undo: bool,
) -> PlannedSend:
    wanted = sending.checked(channels)
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        if (made := locked.planned_sends.filter(key=key).first()) is not None:
            return made
        now = clock.now()
        sending.refuse_unsendable(locked, wanted, may_be_draft=True)
        check_moment(at, now, locked.expires_at)
        if len(planned.waiting(locked)) >= MOST_WAITING:
            raise LinkError(_("Enough is planned for this link already."))
        made = PlannedSend.objects.create(
            link=locked,
            channels=wanted,
            due_at=at,
            is_undo=is_undo,
            key=key,
            asked_by=actor.id,
            asked_at=now,
        )
        _wake(at, now)
        if not is_undo:
            links.note(locked, "send.planned", actor, now, **_detail(made))
            audit.record(actor.id, "send.planned", locked.public_id)
    return made


def move(plan: PlannedSend, *, at: datetime, actor: Actor) -> None:
    """Let it go at another moment; LinkConflict if it has gone or was taken back."""
    with transaction.atomic():
        locked = PaymentLink.objects.locked(plan.link_id)
        now = clock.now()
        check_moment(at, now, locked.expires_at)
        moved = PlannedSend.objects.filter(pk=plan.pk, state=PlanState.WAITING)
        if not moved.update(due_at=at, is_undo=False):
            raise LinkConflict(_("It has left already, or was taken back."))
        plan.refresh_from_db()
        _wake(at, now)
        links.note(locked, "send.planned", actor, now, **_detail(plan))
        audit.record(actor.id, "send.planned", locked.public_id)


def take_back(plan: PlannedSend, *, actor: Actor) -> bool:
    """See that it never goes; False if it has left already, or nothing waited.

    Nothing was sent, and nothing will be, when this says True.
    """
    with transaction.atomic():
        locked = PaymentLink.objects.locked(plan.link_id)
        now = clock.now()
        if not planned.settle(plan.pk, PlanState.TAKEN_BACK, now):
            return False
        links.note(locked, "send.taken_back", actor, now, channels=plan.channels)
        audit.record(actor.id, "send.taken_back", locked.public_id)
    return True


def send_due() -> int:
    """Send what is due, each in a transaction of its own; returns how many were settled.

    A link that somebody else holds waits for the next pass.
    """
    now = clock.now()
    due = PlannedSend.objects.filter(state=PlanState.WAITING, due_at__lte=now)
    found = due.order_by("due_at").values_list("pk", "link_id")[:BATCH]
    return sum(_send_one(pk, link_pk, now) for pk, link_pk in list(found))


def _send_one(pk: int, link_pk: int, now: datetime) -> bool:
    try:
        return _send_if_still_waiting(pk, link_pk, now)
    except LinkError as exc:
        # What it wrote is undone; the person who asked must learn of it all the same.
        return _note_failure(pk, link_pk, exc)


def _send_if_still_waiting(pk: int, link_pk: int, now: datetime) -> bool:
    with transaction.atomic():
        locked = _lock(link_pk)
        # A correction may have given it to the new link since.
        row = PlannedSend.objects.filter(pk=pk, link=link_pk, due_at__lte=now).first()
        if locked is None or row is None:
            return False
        if not planned.settle(pk, PlanState.GONE, now):
            return False
        crash_at("send.after_claim")
        sending.send(locked, row.channels, actor=Actor(row.asked_by), key=row.public_id)
    return True


def _note_failure(pk: int, link_pk: int, error: LinkError) -> bool:
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link_pk)
        now = clock.now()
        if not planned.settle(pk, PlanState.FAILED, now, error.message):
            return False
        row = PlannedSend.objects.get(pk=pk)
        asked_by = Actor(row.asked_by)
        links.note(locked, "send.failed", asked_by, now, error=error.message)
    log.warning("planned_send_failed", link=locked.public_id, field=error.field)
    return True


def _lock(link_pk: int) -> PaymentLink | None:
    return PaymentLink.objects.at_hand([link_pk]).get(link_pk)


def check_moment(at: datetime, now: datetime, closes_at: datetime | None) -> None:
    """LinkError for one at which a link that closes then, or never, cannot be sent."""
    if at <= now:
        raise LinkError(_("This moment has passed."), "send_at")
    if at - now > FARTHEST:
        raise LinkError(_("This is more than a year away."), "send_at")
    if closes_at is not None and closes_at <= at:
        raise LinkError(_("The link closes before that."), "send_at")


def _wake(at: datetime, now: datetime) -> None:
    if at - now <= SOON:
        seconds = max((at - now).total_seconds(), 0)
        queue.nudge_later(SEND_PLANNED, seconds + 0.1)


def _detail(row: PlannedSend) -> dict[str, object]:
    return {"channels": row.channels, "due_at": row.due_at.isoformat()}
