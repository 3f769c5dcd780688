"""Due moments become messages and tasks, each looked at again as it comes due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from customers.models import Customer
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, crash
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message
from notifications.services import outbox

from ..models import (
    Activity,
    DueState,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    StaffTask,
    TaskKind,
)
from . import (
    climbing,
    late_fees,
    notices,
    quiet,
    recipients,
    reminder_facts,
    reminder_rules,
    reminders,
)
from .reminder_rules import Facts

BATCH = 200
MOST_FEES = 20
# made in one pass: each takes its number from the series that new links wait for


@dataclass(slots=True)
class _Round:
    """What one pass decides, written in few statements at its end."""

    now: datetime
    business: Business
    fees: int = 0
    queued: list[ReminderDue] = field(default_factory=list)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    resting: list[ReminderDue] = field(default_factory=list)
    messages: list[outbox.NewMessage] = field(default_factory=list)
    climbs: dict[str, climbing.Wanted] = field(default_factory=dict)
    tasks: list[StaffTask] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)

    def let_rest(
        self, dues: Iterable[ReminderDue], until: datetime, reason: str
    ) -> None:
        for due in dues:
            due.due_at, due.reason = until, reason
            self.resting.append(due)

    def leave_out(self, dues: Iterable[ReminderDue], reason: str) -> None:
        self.dropped.setdefault(reason, []).extend(due.pk for due in dues)

    def note(self, link: PaymentLink, kind: str, **detail: object) -> None:
        self.activities.append(
            Activity(link=link, kind=kind, at=self.now, actor=SYSTEM.id, detail=detail)
        )


def enqueue_due() -> int:
    """Turn due moments into messages, one batch; returns how many moments it settled.

    Links are locked first, in the order of their keys, then their customers, so that
    nobody else reminds the same person; what somebody else holds waits for the next pass.
    """
    now = clock.now()
    with transaction.atomic():
        wanted = ReminderDue.objects.filter(
            state=DueState.PLANNED, due_at__lte=now
        ).order_by("due_at", "pk")
        link_pks = set(wanted.values_list("link_id", flat=True)[:BATCH])
        if not link_pks:
            return 0
        links = _with_customers(PaymentLink.objects.at_hand(link_pks))
        dues: dict[int, list[ReminderDue]] = {}
        for due in wanted.filter(link_id__in=links).select_related("step"):
            dues.setdefault(due.link_id, []).append(due)
        crash.crash_at("reminder.after_claim")
        this = _Round(now, Business.objects.current())
        _decide(this, links, dues)
        _write(this)
    return sum(len(of_link) for of_link in dues.values())


def _with_customers(links: dict[int, PaymentLink]) -> dict[int, PaymentLink]:
    """Those whose customer nobody else is reminding; the customers' rows are locked."""
    pks = {link.customer_id for link in links.values() if link.customer_id}
    # no_key: whoever makes a link for them meanwhile need not wait.
    free = Customer.objects.select_for_update(skip_locked=True, no_key=True)
    mine = {None, *free.filter(pk__in=pks).order_by("pk").values_list("pk", flat=True)}
    return {pk: link for pk, link in links.items() if link.customer_id in mine}


def _decide(
    this: _Round, links: dict[int, PaymentLink], dues: dict[int, list[ReminderDue]]
) -> None:
    facts = reminder_facts.of(list(links.values()), this.now)
    reminder_facts.join(facts, this.now)
    plans = reminders.plans_of(list(links.values()))
    for pk, of_link in sorted(dues.items(), key=lambda each: _turn(*each)):
        tasks = [due for due in of_link if reminder_rules.is_task(due.step)]
        if tasks:
            _make_tasks(this, facts[pk], tasks)
        messages = [due for due in of_link if due not in tasks]
        if messages:
            _remind(this, facts[pk], plans[pk], messages)


def _turn(pk: int, dues: Sequence[ReminderDue]) -> tuple[int, int]:
    """Of several links of one customer the firmest step speaks for all."""
    return (-reminder_rules.firmness(dues[-1].step), pk)


def _make_tasks(this: _Round, facts: Facts, dues: Sequence[ReminderDue]) -> None:
    if reason := reminder_rules.ends(facts, this.now):
        this.leave_out(dues, reason)
        return
    link = facts.link
    this.queued += dues
    for due in dues:
        this.tasks.append(
            StaffTask(
                link=link,
                kind=TaskKind.STEP,
                origin=f"step:{due.step_id}",
                text=str(due.step),
                assigned_to_id=link.created_by_id,
                due_at=this.now,
                created_at=this.now,
            )
        )
        this.note(link, "task.made", step=str(due.step))


def _remind(
    this: _Round, facts: Facts, plan: ReminderPlan, dues: Sequence[ReminderDue]
) -> None:
    *older, newest = dues
    decision = reminder_rules.decide(facts, newest.step, plan, this.now)
    if decision.until is not None:
        this.let_rest(dues, decision.until, decision.reason)
        return
    if decision.reason:
        this.leave_out(dues, decision.reason)
        if decision.reason == reminder_rules.TOGETHER_DONE:
            this.note(facts.link, "reminder.together")
        return
    at = quiet.allowed_at(this.now, reminder_facts.place_of(facts, this.business))
    if at > this.now and late_fees.minor(
        facts.link, newest.step, this.business, this.now
    ):
        # A fee is never older than the message that tells of it.
        this.let_rest(dues, at, reminder_rules.MORNING)
        return
    if newest.step is not None and newest.step.has_fee:
        if this.fees >= MOST_FEES:
            return  # still due: the next pass begins with it
        this.fees += 1
    this.leave_out(older, reminder_rules.LATER_STEP)
    fee = late_fees.charge(facts.link, newest.step, this.business, this.now)
    _queue(this, facts, newest, at, plan.ladder_hours, decision, fee is not None)


def _queue(
    this: _Round,
    facts: Facts,
    due: ReminderDue,
    at: datetime,
    ladder_hours: int,
    decision: reminder_rules.Decision,
    has_fee: bool,
) -> None:
    this.queued.append(due)
    link = facts.link
    subject = ""
    if (decision.is_together or has_fee) and link.customer is not None:
        subject = link.customer.public_id
        for each in facts.siblings:
            each.together_at = at
    for channel in decision.channels:
        key = f"reminder:{link.public_id}:{_name(due)}:{channel}"
        this.messages.append(
            outbox.NewMessage(
                kind=reminder_rules.kind_of(due.step),
                channel=channel,
                recipient=facts.known[channel],
                language=recipients.language(link, this.business),
                reference=link.public_id,
                subject_id=subject,
                dedupe_key=key,
                due_at=at,
                is_automatic=True,
            )
        )
        if decision.rest:
            this.climbs[key] = climbing.Wanted(link.pk, decision.rest, ladder_hours)
    this.note(link, "reminder.queued", channels=list(decision.channels))


def _name(due: ReminderDue) -> str:
    """Of a moment, so that each is told once; of a promise by its day."""
    return str(due.step_id or f"{due.due_at:%Y-%m-%d}")


def step_of(message: Message) -> int:
    """Key of the step that a waiting reminder is of; 0 where it is of none."""
    name = message.dedupe_key.split(":")[2:3]
    return int(name[0]) if name and name[0].isdecimal() else 0


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
    _write_tasks(this.tasks)
    climbing.watch(outbox.enqueue_many(this.messages), this.climbs)


def _write_tasks(tasks: Sequence[StaffTask]) -> None:
    """Those that are new are told of."""
    if not tasks:
        return
    StaffTask.objects.bulk_create(tasks, ignore_conflicts=True)
    ids = [task.public_id for task in tasks]
    new = set(
        StaffTask.objects.filter(public_id__in=ids).values_list("public_id", flat=True)
    )
    notices.tell([notices.of_task(task) for task in tasks if task.public_id in new])
