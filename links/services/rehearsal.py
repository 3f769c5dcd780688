"""Who will be reminded of what, and when, if nobody pays or writes meanwhile.

The moments, the decisions, the quiet hours and the daily limit are those of the passes
that send: this module only keeps the calendar between them.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet

from customers.models import ContactPoint
from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from notifications.models import Category, Message

from ..models import (
    DueState,
    PaymentLink,
    ReminderDue,
    ReminderPlan,
    ReminderStep,
)
from . import (
    daily_limit,
    quiet,
    recipients,
    reminder_facts,
    reminder_rules,
    reminders,
    reminding,
)
from .reminder_rules import Facts

DAYS = 30
CHUNK = 1000
# links looked at together; what is kept of them is let go before the next ones
_READ = (
    *("public_id", "number", "status", "has_reminders", "reminder_plan"),
    *("last_sent_at", "shared_at", "last_channels", "due_on", "expires_at"),
    *("promise_due_at", "customer__name", "customer__language"),
    *("customer__time_zone", "customer__country"),
)
# of a link and its customer; the rest of the rows is left where it is
MESSAGE, TASK, SKIP = "message", "task", "skip"
_DUE, _LEAVE = 0, 1
# at one moment the pass comes before the sending


@dataclass(frozen=True, slots=True)
class Foretold:
    """One thing that will happen, or will not: `outcome` message, task or skip.

    `at`: UTC. `step`: None for the day that the customer named. `reason`: why a step is
    left out. `then`: what is tried should the message not arrive.
    """

    at: datetime
    outcome: str
    link: PaymentLink
    step: ReminderStep | None
    kind: str = ""
    channel: str = ""
    recipient: str = ""
    language: str = ""
    reason: str = ""
    then: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """A plan as it stands in a form, saved or not; unsaved steps have keys below zero.

    `takes_over`: it is to become the default.
    """

    plan: ReminderPlan
    steps: Sequence[ReminderStep]
    takes_over: bool = False


def rehearse(
    *,
    links: QuerySet[PaymentLink] | None = None,
    of_plan: int | None = None,
    edited: Edited | None = None,
) -> Iterator[Foretold]:
    """What the next 30 days bring, of all open links or of `links`, in no order.

    `of_plan`: key of the plan on which the links are. `edited`: as if that plan were
    saved now, and then only the links that are on it. A few queries for every thousand
    links; nothing is written or locked.
    """
    now = clock.now()
    until = now + timedelta(days=DAYS)
    business = Business.objects.current()
    found = PaymentLink.objects.all() if links is None else links
    for chunk in _chunks(found):
        yield from _Chunk(chunk, now, until, business, of_plan, edited).run()


def _chunks(links: QuerySet[PaymentLink]) -> Iterator[list[PaymentLink]]:
    """Links by customer; those who share an address are together, for the daily limit."""
    open_ = links.filter(reminders.IS_OUT).select_related("customer").only(*_READ)
    shared = (
        ContactPoint.objects.filter(is_primary=True)
        .values("kind", "value")
        .annotate(count=Count("customer"))
        .filter(count__gt=1)
    )
    together = set(
        ContactPoint.objects.filter(
            is_primary=True, value__in=shared.values("value")
        ).values_list("customer", flat=True)
    )
    if together:
        yield list(open_.filter(customer__in=together).order_by("pk"))
    chunk: list[PaymentLink] = []
    for link in open_.order_by("customer_id", "pk").iterator(CHUNK):
        if link.customer_id in together:
            continue
        is_full = len(chunk) >= CHUNK
        if is_full and link.customer_id != chunk[-1].customer_id:
            yield chunk
            chunk = []
        chunk.append(link)
    if chunk:
        yield chunk


@dataclass(slots=True)
class _Waiting:
    """A message that waits to leave."""

    facts: Facts
    step: ReminderStep | None
    kind: str
    channel: str
    recipient: str
    language: str
    then: tuple[str, ...] = ()
    order: int = 0


@dataclass(slots=True)
class _Chunk:
    """The days to come of some links, told by a heap of moments."""

    links: Sequence[PaymentLink]
    now: datetime
    until: datetime
    business: Business
    of_plan: int | None
    edited: Edited | None
    heap: list[tuple[datetime, int, int, int | _Waiting]] = field(default_factory=list)
    open_dues: dict[int, list[ReminderDue]] = field(default_factory=dict)
    steps: dict[int, ReminderStep] = field(default_factory=dict)
    facts: dict[int, Facts] = field(default_factory=dict)
    plans: Mapping[int, ReminderPlan] = field(default_factory=dict)
    places: dict[int, tuple[quiet.Place, ZoneInfo]] = field(default_factory=dict)
    taken: daily_limit.Taken = field(default_factory=daily_limit.Taken)
    count: int = 0

    def run(self) -> Iterator[Foretold]:
        yield from self._load()
        while self.heap:
            at, _what, _order, item = heapq.heappop(self.heap)
            if at > self.until:
                return
            if isinstance(item, _Waiting):
                yield from self._leave(item, at)
            else:
                yield from self._come_due(item, at)

    def _push(self, at: datetime, what: int, item: "int | _Waiting") -> None:
        """A message that is put off keeps its place in the queue."""
        order = item.order if isinstance(item, _Waiting) else 0
        if not order:
            self.count += 1
            order = self.count
        if isinstance(item, _Waiting):
            item.order = order
        heapq.heappush(self.heap, (max(at, self.now), what, order, item))

    def _load(self) -> Iterator[Foretold]:
        self.plans = reminders.plans_of(self.links)
        links = [link for link in self.links if self._concerns(link)]
        self.facts = reminder_facts.of(links, self.now)
        for plan in {plan.pk: plan for plan in self.plans.values()}.values():
            self.steps.update({step.pk: step for step in plan.steps.all()})
        if self.edited is not None:
            self.steps.update({step.pk: step for step in self.edited.steps})
        known: dict[int, list[ReminderDue]] = {}
        rows = (
            ReminderDue.objects.filter(link__in=links)
            .only("link", "step", "due_at", "state", "reason")
            .order_by("due_at", "pk")
        )
        for due in rows:
            known.setdefault(due.link_id, []).append(due)
        is_counting = self.edited and reminders.counts_replies(self.edited.steps)
        replied = reminders.replied_at(links if is_counting else ())
        planned: list[ReminderDue] = []
        for link in links:
            facts = self.facts[link.pk]
            self.places[link.pk] = (
                reminder_facts.place_of(facts, self.business),
                zone_of(link.customer, self.business),
            )
            dues = self._dues_of(link, known.get(link.pk, []), replied)
            for due in dues:
                if due.state == DueState.PLANNED:
                    planned.append(due)
                elif due.pk is None:
                    yield self._skip(link, due, due.due_at, due.reason)
        planned.sort(key=lambda due: (due.due_at, due.pk or math.inf))
        for due in planned:
            self.open_dues.setdefault(due.link_id, []).append(due)
            self._push(due.due_at, _DUE, due.link_id)
        self._load_waiting(links)

    def _concerns(self, link: PaymentLink) -> bool:
        plan = self.plans[link.pk]
        if self.edited is None:
            return self.of_plan in (None, plan.pk)
        is_taken_over = plan.is_default and link.reminder_plan_id is None
        return plan.pk == self.edited.plan.pk or (
            self.edited.takes_over and is_taken_over
        )

    def _dues_of(
        self,
        link: PaymentLink,
        known: Sequence[ReminderDue],
        replied: Mapping[int, datetime],
    ) -> Iterable[ReminderDue]:
        if self.edited is None:
            return known
        if not reminder_rules.wants_reminders(link):
            return ()
        kept_steps = {step.pk for step in self.edited.steps} | {None}
        _place, zone = self.places[link.pk]
        moments = reminders.moments_of(
            link, self.edited.steps, zone, replied.get(link.pk)
        )
        left = [due for due in known if due.step_id in kept_steps]
        change = reminders.changed(left, moments, link, self.now)
        return [*change.kept, *change.fresh]

    def _load_waiting(self, links: Sequence[PaymentLink]) -> None:
        """What is queued already leaves as well, and what left today counts."""
        by_reference = {link.public_id: self.facts[link.pk] for link in links}
        addresses = {
            address for facts in self.facts.values() for address in facts.known.values()
        }
        self.taken = daily_limit.taken(addresses, self.now)
        rows = Message.objects.filter(
            reference__in=by_reference,
            category=Category.REMINDER,
            is_automatic=True,
            state__in=reminder_facts.WAITING,
        )
        for row in rows.order_by("due_at", "id"):
            facts = by_reference[row.reference]
            step = self.steps.get(reminding.step_of(row))
            item = _Waiting(
                facts, step, row.kind, row.channel, row.recipient, row.language
            )
            facts.is_reminder_waiting = False
            facts.reminded_at = max(row.due_at, self.now)
            self._push(row.due_at, _LEAVE, item)

    def _come_due(self, link_pk: int, at: datetime) -> Iterator[Foretold]:
        waiting = self.open_dues.get(link_pk, [])
        due_now = [due for due in waiting if due.due_at <= at]
        if not due_now:
            return
        self.open_dues[link_pk] = [due for due in waiting if due.due_at > at]
        facts, link = self.facts[link_pk], self.facts[link_pk].link
        tasks = [due for due in due_now if reminder_rules.is_task(self._step(due))]
        messages = [due for due in due_now if due not in tasks]
        if tasks:
            ended = reminder_rules.ends(facts, at)
            for due in tasks:
                if ended:
                    yield self._skip(link, due, at, ended)
                else:
                    yield Foretold(at, TASK, link, self._step(due))
        if messages:
            yield from self._remind(facts, messages, at)

    def _remind(
        self, facts: Facts, dues: Sequence[ReminderDue], at: datetime
    ) -> Iterator[Foretold]:
        *older, newest = dues
        link, step = facts.link, self._step(newest)
        plan = self.plans[link.pk]
        if self.edited is not None:
            plan = self.edited.plan
        decision = reminder_rules.decide(facts, step, plan, at)
        if decision.until is not None:
            for due in dues:
                due.due_at, due.reason = decision.until, decision.reason
                self.open_dues[link.pk].append(due)
            self._push(decision.until, _DUE, link.pk)
            return
        if decision.reason:
            for due in dues:
                yield self._skip(link, due, at, decision.reason)
            return
        for due in older:
            yield self._skip(link, due, at, reminder_rules.LATER_STEP)
        place, _zone = self.places[link.pk]
        leaves_at = quiet.allowed_at(at, place)
        facts.reminded_at = leaves_at
        for channel in decision.channels:
            item = _Waiting(
                facts,
                step,
                reminder_rules.kind_of(step),
                channel,
                facts.known[channel],
                recipients.language(link, self.business),
                decision.rest,
            )
            self._push(leaves_at, _LEAVE, item)

    def _leave(self, item: _Waiting, at: datetime) -> Iterator[Foretold]:
        facts, link = item.facts, item.facts.link
        place, zone = self.places[link.pk]
        if ended := reminder_rules.ends(facts, at):
            yield Foretold(at, SKIP, link, item.step, item.kind, reason=ended)
            return
        rested = max(facts.rest_until or at, at)
        later = quiet.allowed_at(rested, place)
        if later <= at and not self.taken.take(item.channel, item.recipient, at, zone):
            later = quiet.next_morning(at, zone)
        if later > at:
            facts.reminded_at = later
            self._push(later, _LEAVE, item)
            return
        yield Foretold(
            at,
            MESSAGE,
            link,
            item.step,
            item.kind,
            item.channel,
            item.recipient,
            item.language,
            then=item.then,
        )

    def _step(self, due: ReminderDue) -> ReminderStep | None:
        return self.steps.get(due.step_id) if due.step_id is not None else None

    def _skip(
        self, link: PaymentLink, due: ReminderDue, at: datetime, reason: str
    ) -> Foretold:
        return Foretold(at, SKIP, link, self._step(due), reason=reason)
