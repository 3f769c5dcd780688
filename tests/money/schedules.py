"""One story told in order, once, and told by eight senders at once: the same rows.

What was only in passing may be missed, as by a person who looks later: a payment that was
under way, a refund that succeeded before it failed. What lasts must be there, once.
"""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Barrier, Lock
from typing import Any

from django.db import connections

from customers.models import Customer
from links.models import DailyTotal, PaymentLink, Refund, WebhookEvent
from links.models.checkouts import FINAL
from links.services import checkouts, links
from links.tests.factories import make_link
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message

from .hooks import Hook
from .stories import PRICE_MINOR, Step, Story, Telling
from .truth import Bank

SENDERS = 8
MOST_COPIES = 5
END_SECONDS = 60.0


class Differs(AssertionError):
    """A schedule did not end in the rows of the telling in order."""


@dataclass(frozen=True)
class Ends:
    """What is left in the books; `passing` may be less, never more."""

    lasting: dict[str, Any]
    passing: Counter[str]

    def differences(self, other: "Ends") -> list[str]:
        """What `other`, a schedule, has otherwise than this telling in order."""
        found = [
            f"{name}: {self.lasting[name]} in order, {other.lasting[name]} here"
            for name in self.lasting
            if self.lasting[name] != other.lasting[name]
        ]
        if more := other.passing - self.passing:
            found.append(f"in passing too often: {dict(more)}")
        return found


class Senders:
    """Eight threads that stay, each with a connection of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(SENDERS, "sender")

    def send(self, telling: Telling, items: list[Step | Hook], at: datetime) -> None:
        """All items in their order by whoever is free; a step happens as it is taken."""
        left, lock = iter(items), Lock()

        def work() -> None:
            with clock.frozen(at), queue.silenced():
                while True:
                    with lock:
                        item = next(left, None)
                        if isinstance(item, Step):
                            telling.happen(item)
                    if item is None:
                        return
                    if isinstance(item, Hook):
                        item.deliver()

        jobs = [self._pool.submit(work) for _sender in range(SENDERS)]
        errors = [job.exception(END_SECONDS) for job in jobs]
        for error in errors:
            if error is not None:
                raise Differs(f"a sender failed: {error!r}") from error

    def close(self) -> None:
        barrier = Barrier(SENDERS, timeout=10)

        def leave() -> None:
            barrier.wait()
            connections.close_all()

        for job in [self._pool.submit(leave) for _sender in range(SENDERS)]:
            job.result(END_SECONDS)
        self._pool.shutdown()


@contextmanager
def senders() -> Iterator[Senders]:
    made = Senders()
    try:
        yield made
    finally:
        made.close()


class Teller:
    """Tells stories to a shop. `counted`: what happened, over all of them."""

    def __init__(
        self, bank: Bank, customer: Customer, crowd: Senders, chance: random.Random
    ) -> None:
        self.counted: Counter[str] = Counter()
        self._bank = bank
        self._customer = customer
        self._crowd = crowd
        self._chance = chance

    def in_order(self, story: Story, at: datetime) -> Ends:
        with clock.frozen(at), queue.silenced():
            link, telling = self._begin(story, at)
            before = _totals()
            for number, step in enumerate(story.steps):
                telling.happen(step)
                for hook in telling.hooks(number):
                    hook.deliver()
            return self._ends(link, before)

    def shuffled(self, story: Story, at: datetime) -> Ends:
        with clock.frozen(at), queue.silenced():
            link, telling = self._begin(story, at)
            before = _totals()
            items = self._schedule(telling)
            self._crowd.send(telling, items, at)
            self.counted["deliveries"] += sum(isinstance(i, Hook) for i in items)
            return self._ends(link, before)

    def _begin(self, story: Story, at: datetime) -> tuple[PaymentLink, Telling]:
        self._bank.forget()
        link = make_link(self._customer, amount_minor=PRICE_MINOR, has_reminders=False)
        sessions = []
        for life in story.lives:
            checkouts.start(link.pk, life.slug)
            newest = link.checkouts.order_by("-pk")[0]
            sessions.append(newest.provider_session_id)
        if story.is_canceled:
            link.refresh_from_db()
            links.cancel(link, actor=SYSTEM)
        return link, Telling(story, self._bank, sessions, at)

    def _schedule(self, telling: Telling) -> list[Step | Hook]:
        """Steps in their order; each event one to five times, anywhere after its step."""
        steps = telling.story.steps
        moments = sorted(self._chance.random() for _step in steps)
        items: list[tuple[float, int, Step | Hook]] = []
        for number, (step, moment) in enumerate(zip(steps, moments, strict=True)):
            items.append((moment, number, step))
        told = [
            (hook, moments[number])
            for number in range(len(steps))
            for hook in telling.hooks(number)
        ]
        for hook, moment in told:
            self.counted["events"] += 1
            for _copy in range(self._chance.randint(1, MOST_COPIES)):
                when = self._chance.uniform(moment, 1)
                items.append((when, len(items), hook))
        return [item for _when, _number, item in sorted(items, key=lambda i: i[:2])]

    def _ends(self, link: PaymentLink, before: Counter[tuple[str, str]]) -> Ends:
        """Money first, then a look at the sessions, whose end may be left to it."""
        lasting, passing = _told(link)
        link.refresh_from_db()
        payments = link.payments.select_related("account")
        refunds = Refund.objects.filter(payment__link=link).select_related(
            "payment__account"
        )
        ends = {
            "link": (link.status, link.amount_paid_minor, link.paid_at),
            "payments": sorted(_payment(payment) for payment in payments),
            "refunds": sorted(_refund(refund) for refund in refunds),
            "told": lasting,
            "totals": _totals() - before,
            "events left": WebhookEvent.objects.exclude(state="done").count(),
        }
        for checkout in link.checkouts.exclude(state__in=FINAL):
            checkouts.settle(checkout.pk)
        sessions = link.checkouts.values_list("account__slug", "state")
        ends["sessions"] = sorted(sessions)
        return Ends(ends, passing)


def _told(link: PaymentLink) -> tuple[Counter[str], Counter[str]]:
    """Lines of the timeline and messages: of how it is now, and of how it was."""
    names = {
        p.public_id: p.account.slug for p in link.payments.select_related("account")
    }
    states = dict(link.payments.values_list("public_id", "state"))
    for refund in Refund.objects.filter(payment__link=link):
        names[refund.public_id] = _refund_name(refund)
        states[refund.public_id] = refund.state
    lasting: Counter[str] = Counter()
    passing: Counter[str] = Counter()
    lines = link.activities.exclude(kind__startswith="checkout.")
    for kind, detail in lines.values_list("kind", "detail"):
        subject = detail.get("refund") or detail.get("payment") or ""
        is_last = not subject or kind.endswith(f".{states[subject]}")
        (lasting if is_last else passing)[f"{kind} {names.get(subject, '')}"] += 1
    messages = Message.objects.filter(reference=link.public_id)
    for key in messages.values_list("dedupe_key", flat=True):
        kind, subject, channel = key.split(":")
        is_last = states[subject] == "succeeded"
        (lasting if is_last else passing)[f"{kind} {names[subject]} {channel}"] += 1
    return lasting, passing


def _payment(payment: Any) -> tuple[object, ...]:
    return (
        payment.account.slug,
        payment.state,
        payment.amount_minor,
        payment.currency,
        payment.surplus_minor,
        payment.refunded_minor,
        payment.mismatch,
        payment.is_late,
        payment.fee_minor or 0,
        payment.method,
        payment.failure,
        payment.occurred_at,
        payment.checkout_id is not None,
    )


def _refund(refund: Refund) -> tuple[object, ...]:
    return (
        _refund_name(refund),
        refund.state,
        refund.amount_minor,
        refund.failure,
        str(refund.occurred_at),
        str(refund.next_check_at),
    )


def _refund_name(refund: Refund) -> str:
    number = refund.provider_refund_id.rpartition("-")[2]
    return f"{refund.payment.account.slug} {refund.origin} {number}"


def _totals() -> Counter[tuple[str, str]]:
    """Amounts, fees and counts by measure and method; zero counts as not there."""
    sums: Counter[tuple[str, str]] = Counter()
    for row in DailyTotal.objects.exclude(measure="sent"):
        heading = f"{row.measure} {row.currency} {row.method}"
        sums[heading, "sum"] += row.amount_minor
        sums[heading, "fees"] += row.fee_minor
        sums[heading, "count"] += row.count
    return sums
