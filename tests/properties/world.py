"""The product in one process, with its clock, its carriers and its bank held in hand.

One example is one transaction that is rolled back at its end. What the product commits
is a savepoint in it; what it wants done after a commit is done when the process that
committed has ended, as a test of Django's does.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace, TracebackType
from typing import TypeVar

import pytest
from django.db import connection, transaction

from customers.models import Customer
from links import tasks as link_tasks
from links.models import PaymentLink
from links.providers.base import Provider
from links.providers.registry import get_provider
from links.providers.stripe import StripeProvider
from links.services import (
    accounts,
    checkouts,
    inbox,
    reminders,
    reviewing,
    sending,
    storing,
)
from links.services.errors import LinkError
from links.tests.factories import make_customer, make_link, make_user
from links.webhooks import views as webhook_views
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, crash, queue
from merchant_portal.staff.models import User
from notifications import tasks as message_tasks
from notifications.channels import base as channels
from notifications.models import Category, Message
from notifications.services import claims, delivery, outcomes

from .bank import Bank
from .carrier import Carrier, Killed

T = TypeVar("T")
START = datetime.fromisoformat("2026-06-15T12:00:00+00:00")
ELSEWHERE = (
    "api.",
    "bulk.",
    "capture.",
    "import.",
    "refund.",
    "send.",
)  # of what is not in this world
POINTS = tuple(
    sorted(point for point in crash.POINTS if not point.startswith(ELSEWHERE))
)
MAY_LEAVE_AFTER = timedelta(seconds=claims.FRESH_SECONDS)
TASKS: dict[str, Callable[..., object]] = {
    "links.tasks.check_checkout": link_tasks.check_checkout,
    "links.tasks.close_checkout": link_tasks.close_checkout,
    "links.tasks.compare_account": link_tasks.compare_account,
    "links.tasks.deliver_training_webhooks": link_tasks.deliver_training_webhooks,
    "links.tasks.look_at_texts": link_tasks.look_at_texts,
    "links.tasks.process_webhook": link_tasks.process_webhook,
    "links.tasks.send_planned": link_tasks.send_planned,
    "links.tasks.send_refund": link_tasks.send_refund,
    "links.tasks.settle_checkout": link_tasks.settle_checkout,
    "links.tasks.settle_dispute": link_tasks.settle_dispute,
    "links.tasks.settle_refund": link_tasks.settle_refund,
    "links.tasks.sweep_account": link_tasks.sweep_account,
    "links.tasks.work_bulk": link_tasks.work_bulk,
    "notifications.tasks.send_due": message_tasks.send_due,
}


@dataclass(frozen=True, slots=True)
class Base:
    """What is there before every example, committed."""

    owner: User
    customers: tuple[Customer, ...]
    link: PaymentLink
    acts: tuple[tuple[str, str], ...]
    audit_pk: int


def furnish() -> Base:
    """A business with accounts, an owner and two customers, one of whom has a link."""
    with clock.frozen(START), queue.silenced():
        Business.objects.current()
        reminders.default_plan()
        for slug in ("stripe", "training", "manual"):
            accounts.get(slug)
        people = (
            make_customer(),
            make_customer("Ben", "ben@example.com", "", "Asia/Kolkata", "de"),
        )
        owner = make_user(email="owner@shop.example")
        newest = AuditEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
        link = make_link(people[0], due_on=START.date() + timedelta(days=2))
        sending.send(link, ("email", "sms"), actor=owner.actor())
    acts = (("link.created", link.public_id), ("link.sent", link.public_id))
    return Base(owner, people, link, acts, newest or 0)


class World:
    """`counted`: how often what happened, over all examples of a run."""

    def __init__(self, base: Base, counted: Counter[str]) -> None:
        self.base = base
        self.at = START
        self.counted = counted
        self.bank = Bank(lambda: self.at)
        self.carrier = Carrier(self._stand_still, self._look_at)
        self.nudges: list[tuple[str, tuple[int | str, ...]]] = []
        self.dies_at = ""
        self.dies_in = 0
        self.links: list[int] = [base.link.pk]
        self.held: list[list[claims.Claim]] = []
        self.acts: list[tuple[str, str]] = list(base.acts)
        self.handed_over_late: list[str] = []
        self.reaped_at = START

    # -- time and processes ----------------------------------------------------

    def move(self, **delta: float) -> None:
        self.at += timedelta(**delta)
        clock._frozen_at.set(self.at)

    def run(self, job: Callable[[], T]) -> T | None:
        """One request or task, to its end or its death; then what its commits want.

        None when it died, or when the product refused what it was asked.
        """
        try:
            return job()
        except Killed as death:
            self.counted[f"died at {death}"] += 1
            self.carrier.fates.clear()
            return None
        except LinkError:
            return None
        finally:
            _run_what_commits_want()

    def will_die(self, point: str) -> None:
        """The next to come by `point` dies there; nothing new when it is empty."""
        self.dies_at = point or self.dies_at

    def act(self, action: str, object_id: str) -> None:
        """A person's act was done: the record must hold it."""
        self.acts.append((action, object_id))

    def _note_nudge(
        self, name: str, args: tuple[int | str, ...], _delay: float = 0.0
    ) -> None:
        self.nudges.append((name, args))

    def take_nudge(self, place: int) -> None:
        """A worker does what it was woken for."""
        name, args = self.nudges.pop(place % len(self.nudges))
        self.run(lambda: TASKS[name](*args))

    def take_all_nudges(self) -> None:
        for _once in range(100):
            if not self.nudges:
                return
            self.take_nudge(0)

    def sweep_messages(self) -> None:
        self.reaped_at = self.at
        self.run(message_tasks.sweep)

    def _stand_still(self) -> None:
        """A sender freezes for longer than its lease; others go on meanwhile."""
        fates, self.carrier.fates = self.carrier.fates, []
        point, self.dies_at = self.dies_at, ""
        passes, self.dies_in = self.dies_in, 0
        self.move(seconds=claims.LEASE.total_seconds() + 1)
        self.sweep_messages()
        self.carrier.fates, self.dies_at, self.dies_in = fates, point, passes

    def _pass(self, point: str) -> None:
        """A crash point of the product: the chosen one, or the last of so many."""
        self.dies_in -= 1
        if point == self.dies_at or self.dies_in == 0:
            self.dies_at = ""
            raise Killed(point)

    def _look_at(self, public_id: str) -> None:
        """Whether a message that asks is taken later than it may be after an end."""
        message = Message.objects.get(public_id=public_id)
        if message.category not in (Category.INVITATION, Category.REMINDER):
            return
        link = PaymentLink.objects.get(public_id=message.reference)
        ended_at = link.paid_at or link.closed_at
        if ended_at is not None and self.at - ended_at > MAY_LEAVE_AFTER:
            self.handed_over_late.append(public_id)

    # -- the product's seams ---------------------------------------------------

    def provider(self, slug: str) -> Provider:
        if slug == "stripe":
            return StripeProvider(http_client=self.bank)
        return get_provider(slug)

    @contextmanager
    def living(self) -> Iterator[None]:
        """The product lives in this world inside the block."""
        logging.disable(logging.ERROR)
        with pytest.MonkeyPatch.context() as patch, clock.frozen(self.at):
            for place in (inbox, checkouts, accounts, webhook_views):
                patch.setattr(place, "get_provider", self.provider)
            for place in (claims, delivery):
                patch.setattr(place, "get_channel", self.carrier.channel)
            for place in (claims, delivery, outcomes, crash):
                patch.setattr(place, "crash_at", self._pass)
            still = SimpleNamespace(monotonic=lambda: self.at.timestamp())
            for place in (claims, delivery, outcomes, channels):
                patch.setattr(place, "time", still)
            for place in (inbox, reviewing):
                patch.setattr(place, "Now", lambda: self.at)
            patch.setattr(outcomes.Sent, "__exit__", _leave_unless_dead)
            patch.setattr(clock, "database_now", lambda: self.at)
            patch.setitem(storing._NOW, "postgresql", _Moment(self))
            publisher = SimpleNamespace(put=self._note_nudge)
            patch.setattr(queue, "_publisher", publisher)
            try:
                yield
            finally:
                logging.disable(logging.NOTSET)


class _Moment:
    """The world's time as an expression of SQL, at the moment of asking."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __str__(self) -> str:
        return f"'{self._world.at.isoformat()}'::timestamptz"


_leave = outcomes.Sent.__exit__


def _leave_unless_dead(
    sent: outcomes.Sent,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
) -> None:
    """A process that died writes nothing down on its way out."""
    if not isinstance(error, Killed):
        _leave(sent, kind, error, trace)


def _run_what_commits_want() -> None:
    while connection.run_on_commit:
        connection.run_on_commit.pop(0)[1]()


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction of which nothing stays; what was deferred is checked at its end."""
    with transaction.atomic():
        yield
        connection.check_constraints()
        connection.run_on_commit.clear()
        transaction.set_rollback(True)
