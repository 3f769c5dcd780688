"""Friendly reminders: due moments as rows, looked at again when they come due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from customers.services import zones
from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, crash
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Category, ChannelName, Message, MessageState
from notifications.services import outbox

from ..models import (
    Activity,
    Anchor,
    DueState,
    LinkStatus,
    Payment,
    PaymentLink,
    PaymentState,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
)
from . import pauses, recipients

AFTER_MANUAL_SEND = timedelta(hours=24)
BETWEEN_REMINDERS = timedelta(hours=12)
EARLIEST, LATEST = wall_time(8), wall_time(21)
# quiet hours: reminders leave between these local times
WITHIN = timedelta(days=2)
# Zones up to 13 hours apart share a moment of the day; those of Antarctica do not.
BATCH = 200

PROMISED = "promised to pay later"
UNANSWERED = "the customer waits for an answer"
EXPIRED = f"link {LinkStatus.EXPIRED}"
# why a step was left out that an extended link may still want

DEFAULT_STEPS = ((Anchor.SENT, 3), (Anchor.DUE, 0), (Anchor.DUE, 7))


def default_plan() -> ReminderPlan:
    """The business's plan; made on first use: 3 days after sending, due, 7 days on."""
    plan, created = ReminderPlan.objects.get_or_create(
        is_default=True, defaults={"name": "Friendly"}
    )
    if created:
        ReminderStep.objects.bulk_create(
            ReminderStep(plan=plan, anchor=anchor, offset_days=days)
            for anchor, days in DEFAULT_STEPS
        )
    return plan


def moment(link: PaymentLink, step: ReminderStep, zone: ZoneInfo) -> datetime | None:
    """When the step comes due for this link, UTC; None if its anchor is not known.

    In the gap of a clock change the local time moves forward, in the overlap the
    first one counts.
    """
    if step.anchor == Anchor.DUE:
        day = link.due_on
    else:
        sent = link.last_sent_at or link.shared_at
        day = sent.astimezone(zone).date() if sent else None
    if day is None:
        return None
    local = datetime.combine(
        day + timedelta(days=step.offset_days), step.local_time, tzinfo=zone
    )
    return local.astimezone(UTC)


def plan(link: PaymentLink) -> None:
    """Write the due moments of a link that the caller holds locked.

    Steps that were sent or left out before stay as they are; open ones move.
    """
    if not _wants_reminders(link):
        drop(link, "no reminders wanted")
        return
    now = clock.now()
    zone = zone_of(link.customer)
    chosen = link.reminder_plan or default_plan()
    moments: dict[int | None, datetime | None] = {
        step.pk: moment(link, step, zone) for step in chosen.steps.all()
    }
    known = list(link.reminders_due.all())
    moving = [due for due in known if _moves(due, moments.get(due.step_id), now)]
    if moving:
        link.reminders_due.filter(pk__in=[due.pk for due in moving]).delete()
    kept = [due for due in known if due not in moving]
    done = {due.step_id for due in kept}
    promised = link.promise_due_at
    rows = [
        ReminderDue(link=link, step_id=step, due_at=at, **_planned(at, promised, now))
        for step, at in moments.items()
        if at is not None and at > now and step not in done
    ]
    if promised is not None and promised > now:
        told = [due for due in kept if due.step_id is None and due.due_at == promised]
        if not told:
            rows.append(ReminderDue(link=link, step=None, due_at=promised))
    ReminderDue.objects.bulk_create(rows)


def _moves(due: ReminderDue, at: datetime | None, now: datetime) -> bool:
    """Whether a row gives way to what its step's moment is now, `at`.

    What is overdue waits for its pass, and what rests for the answer.
    """
    is_ahead = at is not None and at > now
    if due.state == DueState.PLANNED:
        return due.reason != UNANSWERED and (due.due_at > now or is_ahead)
    return due.reason == PROMISED and is_ahead


def _planned(at: datetime, promised: datetime | None, now: datetime) -> dict[str, Any]:
    """What comes before the promised moment, or with it, is left out at once."""
    if promised is None or at > promised:
        return {}
    return {"state": DueState.DROPPED, "reason": PROMISED, "settled_at": now}


def rest(link: PaymentLink, until: datetime) -> None:
    """Reminders that wait to leave rest; the caller holds the link locked. Moments that
    come due meanwhile are put off by the pass."""
    outbox.put_off(link.public_id, Category.REMINDER, until)


def go_on(link: PaymentLink) -> None:
    """What rested goes on, half a day from now at the earliest; the caller holds the
    link locked."""
    soon = clock.now() + BETWEEN_REMINDERS
    link.reminders_due.filter(
        Q(reason=UNANSWERED) | Q(due_at__lt=soon), state=DueState.PLANNED
    ).update(due_at=soon, reason="")
    outbox.put_off(link.public_id, Category.REMINDER, soon)


def plan_again(link: PaymentLink) -> None:
    """`plan` for a link opened again: what its expiry left out is open once more."""
    link.reminders_due.filter(state=DueState.DROPPED, reason=EXPIRED).delete()
    plan(link)


def _wants_reminders(link: PaymentLink) -> bool:
    return (
        link.has_reminders
        and link.status == LinkStatus.ACTIVE
        and (link.last_sent_at is not None or _is_asked_to_remind(link))
    )


def _is_asked_to_remind(link: PaymentLink) -> bool:
    """Whether staff, who shared it by hand, said on which channels to remind."""
    return link.shared_at is not None and bool(link.last_channels)


def drop(link: PaymentLink, reason: str) -> int:
    """Leave out every open due moment of a link that the caller holds locked."""
    return link.reminders_due.filter(state=DueState.PLANNED).update(
        state=DueState.DROPPED, reason=reason[:40], settled_at=clock.now()
    )


@dataclass(slots=True)
class _Round:
    """What one pass decides, written in few statements at its end."""

    now: datetime
    business: Business
    queued: list[ReminderDue] = field(default_factory=list)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    resting: list[ReminderDue] = field(default_factory=list)
    messages: list[outbox.NewMessage] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)

    def let_rest(self, dues: Iterable[ReminderDue], until: datetime) -> None:
        for due in dues:
            due.due_at, due.reason = until, UNANSWERED
            self.resting.append(due)

    def leave_out(self, dues: Iterable[ReminderDue], reason: str) -> None:
        self.dropped.setdefault(reason, []).extend(due.pk for due in dues)


def enqueue_due() -> int:
    """Turn due moments into messages, one batch; returns how many moments it settled.

    Links are locked first, in the order of their keys; a link that somebody else
    holds waits for the next pass.
    """
    now = clock.now()
    with transaction.atomic():
        wanted = ReminderDue.objects.filter(
            state=DueState.PLANNED, due_at__lte=now
        ).order_by("due_at")
        link_pks = set(wanted.values_list("link_id", flat=True)[:BATCH])
        if not link_pks:
            return 0
        links = {
            link.pk: link
            for link in PaymentLink.objects.select_for_update(
                of=("self",), skip_locked=True
            )
            .filter(pk__in=link_pks)
            .select_related("customer")
            .order_by("pk")
        }
        dues: dict[int, list[ReminderDue]] = {}
        for due in wanted.filter(link_id__in=links):
            dues.setdefault(due.link_id, []).append(due)
        crash.crash_at("reminder.after_claim")
        this = _Round(now, Business.objects.current())
        _decide(this, links, dues)
        _write(this)
    return sum(len(of_link) for of_link in dues.values())


def _decide(
    this: _Round, links: dict[int, PaymentLink], dues: dict[int, list[ReminderDue]]
) -> None:
    processing = set(
        Payment.objects.filter(
            link_id__in=links, state=PaymentState.PROCESSING
        ).values_list("link_id", flat=True)
    )
    references = [link.public_id for link in links.values()]
    rest_until = pauses.rest_until(references)
    reminded = _reminded(references, this.now)
    known = recipients.addresses_of_many(links.values())
    for pk, of_link in dues.items():
        link = links[pk]
        reason = _reason_to_leave_out(link, this.now, pk in processing, reminded)
        if not reason and not any(c in known.get(pk, {}) for c in link.last_channels):
            reason = "no address"
        if reason:
            this.leave_out(of_link, reason)
            continue
        if (until := rest_until.get(link.public_id, this.now)) > this.now:
            this.let_rest(of_link, until)
            continue
        *older, newest = of_link
        this.leave_out(older, "a later step came due")
        _queue(this, link, newest, known[pk])


def _reminded(references: list[str], now: datetime) -> set[str]:
    """Those whose last reminder is younger than 12 hours, or still waits to leave.

    One that waits for its carrier counts: after a long pause two would leave at once.
    """
    since = now - BETWEEN_REMINDERS
    return set(
        Message.objects.filter(
            Q(due_at__gt=since)
            | Q(sent_at__gt=since)
            | Q(state__in=[MessageState.QUEUED, MessageState.SENDING]),
            category=Category.REMINDER,
            reference__in=references,
        )
        .exclude(state__in=[MessageState.CANCELED, MessageState.SUPPRESSED])
        .values_list("reference", flat=True)
    )


def _reason_to_leave_out(
    link: PaymentLink, now: datetime, is_processing: bool, reminded: set[str]
) -> str:
    if not _wants_reminders(link):
        return f"link {link.status}"
    if link.is_past_expiry(now):
        return EXPIRED
    if is_processing:
        return "a payment is on its way"
    asked = [at for at in (link.last_sent_at, link.shared_at) if at is not None]
    if now - max(asked) < AFTER_MANUAL_SEND:
        return "sent by hand within 24 hours"
    if link.public_id in reminded:
        return "reminded within 12 hours"
    return ""


def _queue(
    this: _Round, link: PaymentLink, due: ReminderDue, known: dict[str, str]
) -> None:
    this.queued.append(due)
    phone = known.get(ChannelName.SMS, "")
    at = outside_quiet_hours(
        this.now, zones.candidates(link.customer, phone, this.business)
    )
    channels = [channel for channel in link.last_channels if channel in known]
    this.messages += [
        outbox.NewMessage(
            kind="reminder",
            channel=channel,
            recipient=known[channel],
            language=recipients.language(link, this.business),
            reference=link.public_id,
            dedupe_key=f"reminder:{link.public_id}:{_name(due)}:{channel}",
            due_at=at,
            is_automatic=True,
        )
        for channel in channels
    ]
    this.activities.append(
        Activity(
            link=link,
            kind="reminder.queued",
            at=this.now,
            actor=SYSTEM.id,
            detail={"channels": channels},
        )
    )


def _name(due: ReminderDue) -> str:
    """Of a moment, so that each is told once; of a promise by its day."""
    return str(due.step_id or f"{due.due_at:%Y-%m-%d}")


def outside_quiet_hours(at: datetime, zones: Sequence[ZoneInfo]) -> datetime:
    """`at`, or the next moment at which a reminder may leave in each of the zones.

    Where no moment of two days suits all of them, the first zone decides alone.
    """
    moment = at
    while moment - at <= WITHIN:
        later = max(_awake(moment, zone) for zone in zones)
        if later == moment:
            return moment
        moment = later
    return _awake(at, zones[0])


def _awake(at: datetime, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    if EARLIEST <= local.time() < LATEST:
        return at
    if local.time() >= LATEST:
        return next_morning(at, zone)
    return datetime.combine(local.date(), EARLIEST, tzinfo=zone).astimezone(UTC)


def next_morning(at: datetime, zone: ZoneInfo) -> datetime:
    """When reminders may leave again on the day after `at` in that zone."""
    day = at.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(day, EARLIEST, tzinfo=zone).astimezone(UTC)


def _write(this: _Round) -> None:
    ReminderDue.objects.filter(pk__in=[due.pk for due in this.queued]).update(
        state=DueState.QUEUED, settled_at=this.now
    )
    for reason, pks in this.dropped.items():
        ReminderDue.objects.filter(pk__in=pks).update(
            state=DueState.DROPPED, reason=reason, settled_at=this.now
        )
    ReminderDue.objects.bulk_update(this.resting, ["due_at", "reason"])
    Activity.objects.bulk_create(this.activities)
    outbox.enqueue_many(this.messages)
