"""A year of a shop's reminders, moment by moment, with all that comes between."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from itertools import pairwise

from django.db.models import Min, QuerySet

from customers.models import Customer
from customers.services import customers
from links.models import (
    Anchor,
    Climb,
    ClimbState,
    DueState,
    LinkStatus,
    PayerReply,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
    ReplyKind,
    StaffTask,
    StepAct,
    Tone,
)
from links.services import (
    climbing,
    links,
    pausing,
    payments,
    planning,
    rehearsal,
    reminding,
    replies,
    sending,
)
from links.services.errors import LinkError
from links.tests.factories import make_link, make_seen, make_user
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Category, Message, MessageState, OptOut
from notifications.services import claims, opt_outs

from .people import PEOPLE, YEAR, Person

START = datetime(YEAR, 1, 1, 9, tzinfo=UTC)
END = datetime(YEAR + 1, 1, 1, 9, tzinfo=UTC)
QUIET = tuple(datetime(YEAR, month, 1, 9, tzinfo=UTC) for month in (3, 6, 11))
# From each of these on nothing happens by chance for 30 days: foretold, then lived.
CALM_BEFORE = timedelta(days=12)
# no carrier fails any more; what climbs has climbed
FORETOLD = timedelta(days=rehearsal.DAYS)
OUTAGE = timedelta(hours=6)
OUTAGES = 10
LOOK_EVERY = 40
STEPS: tuple[tuple[Anchor, int, wall_time, StepAct, Tone, list[str]], ...] = (
    (Anchor.SENT, 2, wall_time(2, 30), StepAct.MESSAGE, Tone.FRIENDLY, []),
    (Anchor.DUE, -2, wall_time(9, 0), StepAct.MESSAGE, Tone.FRIENDLY, []),
    (
        Anchor.DUE,
        0,
        wall_time(13, 0),
        StepAct.MESSAGE,
        Tone.FRIENDLY,
        ["sms", "email"],
    ),
    (Anchor.DUE, 1, wall_time(6, 0), StepAct.MESSAGE, Tone.FIRM, []),
    (Anchor.DUE, 7, wall_time(10, 0), StepAct.MESSAGE, Tone.FIRM, ["email", "sms"]),
    (Anchor.DUE, 14, wall_time(23, 15), StepAct.MESSAGE, Tone.LAST, []),
    (Anchor.DUE, 21, wall_time(10, 0), StepAct.TASK, Tone.FRIENDLY, []),
    (Anchor.EXPIRY, -3, wall_time(20, 30), StepAct.MESSAGE, Tone.LAST, []),
    (Anchor.REPLY, 4, wall_time(15, 0), StepAct.MESSAGE, Tone.FRIENDLY, []),
)
ACTS = (*["pay"] * 6, "again", "ask", "promise", "pause", "pause all", "stop", "cancel")

Foreseen = set[tuple[str, int, str, datetime]]
# (link, step, channel, when) of what was foretold, or sent; `task` as a channel


@dataclass
class Year:
    """`sent`: everything that left: the message, when, and that an outage ended then."""

    chance: random.Random
    rests: bool
    wants: int
    surprise: bool = False  # somebody pays in a month of which nothing was foretold
    enough: "Callable[[Year], bool]" = lambda _year: False  # asked now and then
    people: dict[int, Person] = field(default_factory=dict)
    paid_at: dict[str, datetime] = field(default_factory=dict)
    sent: list[tuple[datetime, Message]] = field(default_factory=list)
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    events: list[tuple[datetime, str, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def live(self) -> None:
        """From the first of January to the last of December."""
        self._settle_in()
        at: datetime | None = START
        quiet, looks = list(QUIET), 0
        while at is not None and at < END:
            looks += 1
            if looks % LOOK_EVERY == 0 and self.enough(self):
                return
            with clock.frozen(at):
                self._happen(at)
                if quiet and at >= quiet[0]:
                    quiet.pop(0)
                    self._work(at)
                    at = self._foretell_and_live(at)
                    continue
                if not self._is_out(at):
                    self._work(at)
                    self._pay_at_the_last_minute(at)
            at = self._next(at, self._times_to_come(at, quiet))

    def _settle_in(self) -> None:
        Business.objects.current()
        Business.objects.update(
            rests_on_weekends=self.rests,
            rests_on_holidays=self.rests,
            country="DE",
            time_zone="Europe/Berlin",
            currency="EUR",
        )
        self.staff = make_user()
        self.plan = ReminderPlan.objects.create(name="All year", ladder_hours=6)
        names = ("anchor", "offset_days", "local_time", "act", "tone", "ladder")
        for values in STEPS:
            step = ReminderStep(plan=self.plan, **dict(zip(names, values, strict=True)))
            if step.offset_days in (1, 14):
                step.fee_minor, step.interest_bp = 500, 900
            step.save()
        self.customers = [self._customer(number) for number in range(len(PEOPLE) * 2)]
        planning.use_for_customer(self.customers[0], self.plan, by=self.staff)
        for number in range(self.wants):
            # A third in the days before a month of quiet, which then has most to tell.
            at = self._moment() if number % 3 else self._just_before_quiet(number)
            self.events.append((at, "send", number))
        for _each in range(OUTAGES):
            at = self._moment()
            self.outages.append((at, at + OUTAGE))
        self.events.sort()
        self.outages.sort()

    def _customer(self, number: int) -> Customer:
        person = PEOPLE[number % len(PEOPLE)]
        made = customers.create(
            customers.CustomerData(
                name=f"Person {number}",
                email=f"person{number}@example.com",
                phone=person.phone,
                time_zone=person.zone,
                country=person.country,
            ),
            actor=SYSTEM,
        )
        self.people[made.pk] = person
        return made

    def _moment(self) -> datetime:
        """Any second of the year but those of a month of quiet."""
        while True:
            seconds = self.chance.randrange(int((END - START).total_seconds()))
            at = START + timedelta(seconds=seconds)
            if not any(
                each - CALM_BEFORE <= at <= each + FORETOLD + OUTAGE for each in QUIET
            ):
                return at

    def _just_before_quiet(self, number: int) -> datetime:
        minutes = self.chance.randrange(1, int(CALM_BEFORE.total_seconds() / 60))
        month = QUIET[0] if number % 6 == 0 else self.chance.choice(QUIET)
        return month - timedelta(minutes=minutes)

    def _happen(self, at: datetime) -> None:
        while self.events and self.events[0][0] <= at:
            _at, what, number = self.events.pop(0)
            try:
                getattr(self, f"_{what.replace(' ', '_')}")(number, at)
            except LinkError:
                self.counts["refused"] += 1
            else:
                self.counts[what] += 1

    def _send(self, number: int, at: datetime) -> None:
        is_one_of_many = number % 6 == 0
        customer = self.customers[0 if is_one_of_many else number % len(self.customers)]
        # One customer gets more in a day than they may.
        due_on = self._some_day(at.date()) if self.chance.random() < 0.8 else None
        if is_one_of_many:
            due_on = _the_same_day(at)
        expires_at = (
            at + timedelta(days=self.chance.randrange(2, 60), hours=7)
            if self.chance.random() < 0.3
            else None
        )
        link = make_link(customer, due_on=due_on, expires_at=expires_at)
        if self.chance.random() < 0.7:
            planning.use_for_link(link, self.plan, by=self.staff)
        has_phone = bool(self.people[customer.pk].phone)
        ways = (
            ["email", "sms"] if has_phone and self.chance.random() < 0.5 else ["email"]
        )
        sending.send(link, ways, actor=SYSTEM)
        self._fail_when_it_hurts(link)
        for _each in range(self.chance.randrange(3)):
            later = at + timedelta(minutes=self.chance.randrange(60 * 24 * 40))
            act = self.chance.choice(ACTS)
            is_quiet = any(
                each - CALM_BEFORE <= later <= each + FORETOLD for each in QUIET
            )
            if later < END and not is_quiet:
                self.events.append((later, act, link.pk))
        self.events.sort()

    def _some_day(self, day: date) -> date:
        return day + timedelta(days=self.chance.choice((*[1] * 12, *range(2, 25))))

    def _pay(self, pk: int, at: datetime) -> None:
        link = PaymentLink.objects.get(pk=pk)
        payments.record(make_seen(link, payment_id=f"tpy_{pk}", occurred_at=at))
        self.paid_at.setdefault(link.public_id, at)

    def _again(self, pk: int, at: datetime) -> None:
        link = PaymentLink.objects.get(pk=pk)
        sending.send(link, link.last_channels, actor=SYSTEM)

    def _ask(self, pk: int, at: datetime) -> None:
        self._reply(pk, replies.Said(ReplyKind.QUESTION, "Is that right?"))
        later = at + timedelta(days=self.chance.randrange(1, 20))
        if not any(each - CALM_BEFORE <= later <= each + FORETOLD for each in QUIET):
            self.events.append((later, "answer", pk))
            self.events.sort()

    def _answer(self, pk: int, at: datetime) -> None:
        reply = PayerReply.objects.filter(link=pk, closed_at=None).first()
        if reply is not None:
            replies.close(reply, by=self.staff)

    def _promise(self, pk: int, at: datetime) -> None:
        day = self._some_day(at.date())
        self._reply(pk, replies.Said(ReplyKind.PROMISE, promised_on=day))

    def _reply(self, pk: int, said: replies.Said) -> None:
        link = PaymentLink.objects.select_related("customer").get(pk=pk)
        replies.give(link, said, is_payable=link.status == LinkStatus.ACTIVE)

    def _pause(self, pk: int, at: datetime) -> None:
        until = at + timedelta(days=self.chance.randrange(1, 30))
        link = PaymentLink.objects.get(pk=pk)
        pausing.pause(link, reason="By agreement", until=until, by=self.staff)

    def _pause_all(self, pk: int, at: datetime) -> None:
        customer = PaymentLink.objects.select_related("customer").get(pk=pk).customer
        assert customer is not None
        until = at + timedelta(days=self.chance.randrange(1, 20))
        pausing.pause(customer, reason="On holiday", until=until, by=self.staff)

    def _stop(self, pk: int, at: datetime) -> None:
        link = PaymentLink.objects.select_related("customer").get(pk=pk)
        assert link.customer is not None
        if self.chance.random() < 0.2:
            point = link.customer.contact_points.filter(kind="email").get()
            opt_outs.store("email", point.value, OptOut.Scope.REMINDERS, source="STOP")

    def _cancel(self, pk: int, at: datetime) -> None:
        links.cancel(PaymentLink.objects.get(pk=pk), actor=SYSTEM)

    def _pay_at_the_last_minute(self, at: datetime) -> None:
        """Some pay while a reminder waits for the morning."""
        waiting = Message.objects.filter(
            state=MessageState.QUEUED, category=Category.REMINDER, due_at__gt=at
        ).order_by("pk")
        for message in waiting:
            when = message.due_at - timedelta(minutes=1)
            if when > at and not self._is_calm(when) and self.chance.random() < 0.1:
                link = PaymentLink.objects.get(public_id=message.reference)
                self.events.append((when, "pay", link.pk))
        self.events.sort()

    def _fail_when_it_hurts(self, link: PaymentLink) -> None:
        """An outage over two moments of one link, where they are near each other."""
        dues = link.reminders_due.filter(state=DueState.PLANNED).order_by("due_at")
        moments = list(dues.values_list("due_at", flat=True))
        for first, second in pairwise(moments):
            start = first - timedelta(minutes=10)
            if second < start + OUTAGE and not self._is_calm(start):
                self.outages.append((start, start + OUTAGE))

    def _is_out(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self.outages)

    def _is_calm(self, at: datetime) -> bool:
        return any(each - CALM_BEFORE <= at <= each + FORETOLD for each in QUIET)

    def _work(self, at: datetime) -> None:
        """What the sweeps and a worker do at this moment."""
        while links.expire_due():
            pass
        while planning.replan():
            pass
        while reminding.enqueue_due():
            pass
        while climbing.climb_due():
            pass
        while held := claims.claim(200):
            for each in held:
                self._carry(each.message, at)

    def _carry(self, message: Message, at: datetime) -> None:
        fails = not self._is_calm(at) and self.chance.random() < 0.05
        state = MessageState.FAILED if fails else MessageState.DELIVERED
        sent_at = None if fails else at
        Message.objects.filter(pk=message.pk).update(
            state=state, sent_at=sent_at, lease_until=None
        )
        message.state = state
        climbing.heard_of(message)
        if not fails:
            self.sent.append((at, message))

    def _times_to_come(self, at: datetime, quiet: list[datetime]) -> Iterator[datetime]:
        yield from (each for each, _what, _number in self.events[:1])
        yield from (each for each in quiet[:1] if each > at)
        yield from (end for _start, end in self.outages if end > at)

    def _next(self, at: datetime, others: Iterator[datetime]) -> datetime | None:
        """The next moment at which something is due."""
        rows: list[tuple[QuerySet[ReminderDue | Message | Climb | PaymentLink], str]]
        rows = [
            (ReminderDue.objects.filter(state=DueState.PLANNED), "due_at"),
            (Message.objects.filter(state=MessageState.QUEUED), "due_at"),
            (Climb.objects.filter(state=ClimbState.OPEN), "check_at"),
            (PaymentLink.objects.filter(status=LinkStatus.ACTIVE), "expires_at"),
        ]
        found = [
            query.filter(**{f"{name}__gt": at}).aggregate(first=Min(name))["first"]
            for query, name in rows
        ]
        return min(
            (each for each in [*found, *others] if each is not None), default=None
        )

    def _foretell_and_live(self, start: datetime) -> datetime:
        """Foretell 30 days, live them, and note what came otherwise."""
        foretold = self._foretold()
        if self.surprise and foretold:
            reference = min(foretold, key=lambda each: each[3])[0]
            self._pay(PaymentLink.objects.get(public_id=reference).pk, start)
        until, first = start + FORETOLD, len(self.sent)
        tasks = set(StaffTask.objects.values_list("pk", flat=True))
        at = start
        while (later := self._next(at, iter(()))) is not None and later <= until:
            at = later
            with clock.frozen(at):
                self._work(at)
        lived = {
            _of(message, when)
            for when, message in self.sent[first:]
            if message.category == Category.REMINDER
        }
        made = StaffTask.objects.exclude(pk__in=tasks).select_related("link")
        lived |= {
            (task.link.public_id, int(task.origin.split(":")[1]), "task", task.due_at)
            for task in made
        }
        self.counts["foretold"] += len(foretold)
        self.differences += [f"foretold only: {each}" for each in foretold - lived]
        self.differences += [f"lived only: {each}" for each in lived - foretold]
        return until

    def _foretold(self) -> Foreseen:
        return {
            (
                each.link.public_id,
                each.step.pk if each.step else 0,
                each.channel or "task",
                each.at,
            )
            for each in rehearsal.rehearse()
            if each.outcome != rehearsal.SKIP
        }


def _the_same_day(at: datetime) -> date:
    """The tenth day of the next month of quiet, or a week from then."""
    ahead = next((each for each in QUIET if each >= at), at)
    return ahead.date() + timedelta(days=9)


def _of(message: Message, at: datetime) -> tuple[str, int, str, datetime]:
    return (message.reference, reminding.step_of(message), message.channel, at)
