"""Friendly reminders: the due moments of a link, written as rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Max, Q, QuerySet, prefetch_related_objects

from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from notifications.models import ASKING_CATEGORIES
from notifications.services import outbox

from ..models import (
    Anchor,
    ClimbState,
    CustomerPlan,
    DueState,
    LinkStatus,
    PayerReply,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
)
from .reminder_rules import (
    BETWEEN_REMINDERS,
    EXPIRED,
    PROMISED,
    RESTED,
    RESTING,
    moment,
    wants_reminders,
)

DEFAULT_STEPS = ((Anchor.SENT, 3), (Anchor.DUE, 0), (Anchor.DUE, 7))
IS_OUT = Q(status=LinkStatus.ACTIVE) & (
    Q(last_sent_at__isnull=False) | Q(shared_at__isnull=False)
)
# links that went to somebody and ask for money
Moments = Mapping[int | None, datetime | None]
# key of a step, None for the promised day → when it comes due, or that it does not


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


def plan_of(link: PaymentLink) -> ReminderPlan:
    """The link's own plan, else its customer's, else the business's."""
    return plans_of([link])[link.pk]


def plans_of(links: Collection[PaymentLink]) -> dict[int, ReminderPlan]:
    """link pk → its plan with its steps; few queries, however many links."""
    named = {link.reminder_plan_id for link in links if link.reminder_plan_id}
    open_ = [link for link in links if not link.reminder_plan_id]
    of_customers = dict(
        CustomerPlan.objects.filter(
            customer__in={link.customer_id for link in open_ if link.customer_id}
        ).values_list("customer_id", "plan_id")
        if open_
        else ()
    )
    wanted = {*named, *of_customers.values()}
    known = ReminderPlan.objects.prefetch_related("steps").in_bulk(wanted)
    chosen: dict[int, ReminderPlan] = {}
    fallback: ReminderPlan | None = None
    for link in links:
        key = link.reminder_plan_id or of_customers.get(link.customer_id or 0)
        if key is None:
            fallback = fallback or _with_steps(default_plan())
        found = known[key] if key is not None else fallback
        if found is not None:
            chosen[link.pk] = found
    return chosen


def _with_steps(plan: ReminderPlan) -> ReminderPlan:
    prefetch_related_objects([plan], "steps")
    return plan


def plan(link: PaymentLink) -> None:
    """`plan_many` for one link."""
    plan_many([link])


def plan_many(links: Sequence[PaymentLink]) -> None:
    """Write the due moments of links that the caller holds locked; few queries, however
    many links.

    Steps that were sent or left out before stay as they are; open ones move.
    """
    now = clock.now()
    wanted = [link for link in links if wants_reminders(link)]
    unwanted = [link for link in links if not wants_reminders(link)]
    if unwanted:
        _drop(ReminderDue.objects.filter(link__in=unwanted), "no reminders wanted")
    if not wanted:
        return
    plans = plans_of(wanted)
    known: dict[int, list[ReminderDue]] = {}
    for due in ReminderDue.objects.filter(link__in=wanted):
        known.setdefault(due.link_id, []).append(due)
    replied = replied_at(
        [link for link in wanted if counts_replies(plans[link.pk].steps.all())]
    )
    business = Business.objects.current()
    changes = []
    for link in wanted:
        zone = zone_of(link.customer, business)
        steps = plans[link.pk].steps.all()
        moments = moments_of(link, steps, zone, replied.get(link.pk))
        changes.append(changed(known.get(link.pk, []), moments, link, now))
    moving = [due.pk for change in changes for due in change.moving]
    if moving:
        ReminderDue.objects.filter(pk__in=moving).delete()
    ReminderDue.objects.bulk_create([due for change in changes for due in change.fresh])


def counts_replies(steps: Iterable[ReminderStep]) -> bool:
    """Whether one of them counts from the customer's last reply."""
    return any(step.anchor == Anchor.REPLY for step in steps)


def replied_at(links: Collection[PaymentLink]) -> dict[int, datetime]:
    """link pk → when its customer wrote last; one query, none without links."""
    if not links:
        return {}
    rows = PayerReply.objects.filter(link__in=links).values("link")
    return dict(rows.annotate(last=Max("at")).values_list("link", "last"))


def moments_of(
    link: PaymentLink,
    steps: Iterable[ReminderStep],
    zone: ZoneInfo,
    replied: datetime | None,
) -> Moments:
    """When each step comes due for this link."""
    return {step.pk: moment(link, step, zone, replied) for step in steps}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a link's due moments: some go, some are new, the rest stays."""

    moving: Sequence[ReminderDue]
    kept: Sequence[ReminderDue]
    fresh: Sequence[ReminderDue]


def changed(
    known: Sequence[ReminderDue], moments: Moments, link: PaymentLink, now: datetime
) -> Change:
    """The rows that follow from where the steps come due now; writes nothing."""
    promised = link.promise_due_at
    moving = [
        due for due in known if _moves(due, moments.get(due.step_id), promised, now)
    ]
    kept = [due for due in known if due not in moving]
    done = {due.step_id for due in kept}
    fresh = [
        _planned(link, step, at, promised, now)
        for step, at in moments.items()
        if at is not None and at > now and step not in done
    ]
    if promised is not None and promised > now:
        told = [due for due in kept if due.step_id is None and due.due_at == promised]
        if not told:
            fresh.append(ReminderDue(link=link, step=None, due_at=promised))
    return Change(moving, kept, fresh)


def _moves(
    due: ReminderDue, at: datetime | None, promised: datetime | None, now: datetime
) -> bool:
    """Whether a row gives way to what its step's moment is now, `at`; of a promise,
    to the day that the customer named last.

    What is overdue waits for its pass, and what rests for the end of that, unless its
    moment lies ahead again or is gone: with its plan, its due date, a new promise.
    """
    is_ahead = at is not None and at > now
    if due.state != DueState.PLANNED:
        return due.reason == PROMISED and is_ahead
    if due.step_id is None:
        is_gone = promised is not None and promised > now and promised != due.due_at
    else:
        is_gone = at is None
    waits = due.due_at <= now or due.reason in RESTING
    return is_ahead or is_gone or not waits


def _planned(
    link: PaymentLink,
    step: int | None,
    at: datetime,
    promised: datetime | None,
    now: datetime,
) -> ReminderDue:
    """What comes before the promised moment, or with it, is left out at once."""
    due = ReminderDue(link=link, step_id=step, due_at=at)
    if promised is not None and at <= promised:
        due.state, due.reason, due.settled_at = DueState.DROPPED, PROMISED, now
    return due


def rest(link: PaymentLink, until: datetime) -> None:
    """What waits to leave by itself rests, and what rests already rests till then; the
    caller holds the link locked. Moments that come due meanwhile are put off by the
    pass, as are those for which something else rests longer."""
    link.reminders_due.filter(state=DueState.PLANNED, reason__in=RESTING).update(
        due_at=until
    )
    outbox.put_off(link.public_id, ASKING_CATEGORIES, until)


def go_on(link: PaymentLink) -> None:
    """What rested goes on, half a day from now at the earliest; the caller holds the
    link locked."""
    soon = clock.now() + BETWEEN_REMINDERS
    link.reminders_due.filter(
        Q(reason__in=RESTING) | Q(due_at__lt=soon), state=DueState.PLANNED
    ).update(due_at=soon, reason=RESTED)
    outbox.put_off(link.public_id, ASKING_CATEGORIES, soon)
    link.climbs.filter(state=ClimbState.OPEN, check_at__gt=soon).update(check_at=soon)


def plan_again(link: PaymentLink) -> None:
    """`plan` for a link opened again: what its expiry left out is open once more."""
    link.reminders_due.filter(state=DueState.DROPPED, reason=EXPIRED).delete()
    plan(link)


def carry_over(old: PaymentLink, fresh: PaymentLink) -> None:
    """Let the link that takes another's place keep its plan and its pause, in the
    transaction that closes the old one."""
    old.pauses.filter(ended_at__isnull=True).update(link=fresh)
    if fresh.reminder_plan_id is None and old.reminder_plan_id is not None:
        fresh.reminder_plan_id = old.reminder_plan_id
        fresh.save(update_fields=["reminder_plan"])


def drop(link: PaymentLink, reason: str) -> int:
    """Leave out every open due moment of a link that the caller holds locked."""
    return _drop(link.reminders_due.all(), reason)


def _drop(rows: QuerySet[ReminderDue], reason: str) -> int:
    return rows.filter(state=DueState.PLANNED).update(
        state=DueState.DROPPED, reason=reason[:40], settled_at=clock.now()
    )
