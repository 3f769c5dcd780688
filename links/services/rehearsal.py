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

from django.db.models import QuerySet

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
    late_fees,
    quiet,
    recipients,
    rehearsal_links,
    reminder_facts,
    reminder_rules,
    reminders,
    reminding,
)
from .reminder_rules import Facts

DAYS = 30
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
    for chunk in rehearsal_links.chunks(found):
        yield from _Chunk(chunk, now, until, business, of_plan, edited).run()


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
    is_together: bool = False
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
                continue
            for link_pk in self._in_turn(item, at):
                yield from self._come_due(link_pk, at)

    def _in_turn(self, first: int, at: datetime) -> list[int]:
        """All links of which something comes due at this moment, as a pass takes them."""
        pks = {first}
        while self.heap and self.heap[0][:2] == (at, _DUE):
            item = heapq.heappop(self.heap)[3]
            pks |= {item} if isinstance(item, int) else set()
        due = {pk: self._due(pk, at) for pk in pks}
        return sorted(
            (pk for pk in pks if due[pk]),
            key=lambda pk: (-reminder_rules.firmness(self._step(due[pk][-1])), pk),
        )

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
        reminder_facts.join(self.facts, self.now)
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
                facts,
                step,
                row.kind,
                row.channel,
                row.recipient,
                row.language,
                is_together=bool(row.subject_id),
            )
            facts.is_reminder_waiting = False
            facts.reminded_at = max(row.due_at, self.now)
            self._push(row.due_at, _LEAVE, item)

    def _come_due(self, link_pk: int, at: datetime) -> Iterator[Foretold]:
        waiting = self.open_dues.get(link_pk, [])
        due_now = self._due(link_pk, at)
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
            self._put_off(link.pk, dues, decision.until, decision.reason)
            return
        if decision.reason:
            for due in dues:
                yield self._skip(link, due, at, decision.reason)
            return
        place, _zone = self.places[link.pk]
        leaves_at = quiet.allowed_at(at, place)
        fee = late_fees.minor(link, step, self.business, at)
        if fee and leaves_at > at:
            self._put_off(link.pk, dues, leaves_at, reminder_rules.MORNING)
            return
        for due in older:
            yield self._skip(link, due, at, reminder_rules.LATER_STEP)
        is_together = decision.is_together or fee > 0
        self._note_leaving(facts, leaves_at, is_together=is_together)
        for channel in decision.channels:
            item = _Waiting(
                facts,
                step,
                reminder_rules.kind_of(step),
                channel,
                facts.known[channel],
                recipients.language(link, self.business),
                decision.rest,
                is_together,
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
            self._note_leaving(facts, later, is_together=item.is_together)
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

    def _due(self, link_pk: int, at: datetime) -> list[ReminderDue]:
        """What of a link is due, in the order in which a pass reads it."""
        found = [due for due in self.open_dues.get(link_pk, ()) if due.due_at <= at]
        return sorted(found, key=lambda due: (due.due_at, due.pk or math.inf))

    def _put_off(
        self, link_pk: int, dues: Sequence[ReminderDue], until: datetime, reason: str
    ) -> None:
        for due in dues:
            due.due_at, due.reason = until, reason
            self.open_dues[link_pk].append(due)
        self._push(until, _DUE, link_pk)

    @staticmethod
    def _note_leaving(facts: Facts, at: datetime, *, is_together: bool) -> None:
        facts.reminded_at = at
        if is_together:
            for each in facts.siblings:
                each.together_at = at

    def _step(self, due: ReminderDue) -> ReminderStep | None:
        return self.steps.get(due.step_id) if due.step_id is not None else None

    def _skip(
        self, link: PaymentLink, due: ReminderDue, at: datetime, reason: str
    ) -> Foretold:
        return Foretold(at, SKIP, link, self._step(due), reason=reason)
