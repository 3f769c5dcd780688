"""Half a year of a small shop, lived through the product's own services.

The clock is moved, the seed decides everything else: the same seed gives the same
customers, links, amounts, moments and ends.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from customers.models import Customer
from customers.services import customers
from links.models import LinkStatus, PaymentLink, PaymentState, TrainingSession
from links.providers import training as training_provider
from links.services import (
    checkouts,
    inbox,
    links,
    manual,
    refunding,
    reminding,
    sending,
    training,
)
from links.services.amounts import LineData
from links.services.links import LinkData
from merchant_portal.lib import clock
from merchant_portal.lib.actors import Actor
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.services import delivery

from .people import WARES, Person, make_person, price_in

SLOT = timedelta(hours=8)
# how often the sample shop's outbox is emptied; real ones are emptied at once
BATCH = 200
GROWTH = 0.5
# below 1: more links towards the end; the shop is doing well
ENDS = (
    # how a link ends, how often, after how many days at the earliest and latest
    ("paid", 45, (0.35, 2.5)),
    ("paid", 20, (3.2, 9.0)),
    ("cash", 8, (0.5, 6.0)),
    ("declined_then_paid", 7, (0.35, 4.0)),
    ("canceled", 4, (0.35, 3.0)),
    ("paid_twice", 1, (0.35, 3.0)),
    ("never", 16, (1.0, 2.0)),
)
GIVEN_BACK = 0.05
# of those that were paid: half of it goes back some days later


@dataclass(frozen=True, slots=True)
class _Step:
    """Something that happens at a moment, and what follows from it.

    `link_pk`: of a link whose messages must have left before.
    """

    at: datetime
    what: Callable[[], Iterator["_Step"]]
    link_pk: int | None = None


@dataclass(slots=True)
class Story:
    """`actors`: the staff who make links. `until`: the present; nothing comes after."""

    seed: int
    count: int
    until: datetime
    actors: list[Actor]
    days: int = 182
    on_progress: Callable[[int], None] = lambda done: None
    rng: random.Random = field(init=False)
    second_rng: random.Random = field(init=False)  # of what came into the story later
    people: list[tuple[Person, Customer]] = field(default_factory=list)
    made: int = 0
    _todo: list[tuple[datetime, int, "_Step"]] = field(default_factory=list)
    _remind_at: set[datetime] = field(default_factory=set)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 - sample data, not secrets
        self.second_rng = random.Random(self.seed + 1)  # noqa: S311 - the same

    def tell(self) -> int:
        """Live through it all; returns how many links there are now."""
        for at in self._openings():
            self._plan(_Step(at, self._new_link))
        while self._todo:
            at = self._live_a_slot()
            self._empty_outbox(at)
            self.on_progress(self.made)
        return self.made

    def _plan(self, step: "_Step") -> None:
        if step.at <= self.until:
            heapq.heappush(self._todo, (step.at, next(self._order), step))

    def _live_a_slot(self) -> datetime:
        """The next hours in one commit: one for each step would wait for the disk.

        Ends before a link that was just sent is paid: its invitation leaves first.
        """
        slot_end = self._todo[0][0] + SLOT
        just_sent: set[int | None] = set()
        with transaction.atomic():
            while self._todo and self._todo[0][0] < slot_end:
                if self._todo[0][2].link_pk in just_sent:
                    break
                at, _number, step = heapq.heappop(self._todo)
                with clock.frozen(at):
                    for later in step.what():
                        self._plan(later)
                        if later.link_pk is not None:
                            just_sent.add(later.link_pk)
        return at

    def _openings(self) -> list[datetime]:
        start = self.until - timedelta(days=self.days)
        moments = [
            (start + timedelta(days=self.days * self.rng.random() ** GROWTH)).replace(
                hour=self.rng.choice((8, 9, 10, 11, 13, 14, 15, 16, 17)),
                minute=self.rng.randrange(60),
                second=self.rng.randrange(60),
                microsecond=0,
            )
            for _number in range(self.count)
        ]
        return sorted(min(moment, self.until) for moment in moments)

    def _empty_outbox(self, at: datetime) -> None:
        with clock.frozen(at):
            while claims := delivery.claim(BATCH):
                delivery.deliver(claims)
                if len(claims) < BATCH:
                    break

    def _customer(self, actor: Actor) -> Customer:
        if self.people and self.rng.random() < 0.55:
            return self.rng.choice(self.people)[1]
        person = make_person(self.rng, len(self.people))
        customer = customers.create(
            customers.CustomerData(
                name=person.name,
                email=person.email,
                phone=person.phone,
                language=person.country.language,
                time_zone=person.time_zone,
                country=person.country.code,
            ),
            actor=actor,
        )
        self.people.append((person, customer))
        return customer

    def _new_link(self) -> Iterator["_Step"]:
        actor = self.rng.choice(self.actors)
        customer = self._customer(actor)
        person = next(p for p, known in self.people if known.pk == customer.pk)
        now = clock.now()
        due_on = None
        if self.rng.random() < 0.7:
            due_on = (now + timedelta(days=self.rng.choice((5, 7, 14, 30)))).date()
        link = links.create(
            LinkData(
                customer=customer,
                currency=person.country.currency,
                lines=tuple(self._lines(person)),
                due_on=due_on,
            ),
            actor=actor,
        )
        self.made += 1
        channels = ["email"]
        if person.phone and self.rng.random() < 0.5:
            channels.append("sms" if self.made % 3 else "whatsapp")
        yield _Step(
            now + timedelta(minutes=self.rng.randrange(1, 30)),
            lambda: self._send(link, channels, actor),
        )

    def _lines(self, person: Person) -> Iterator[LineData]:
        for name, cents in self.rng.sample(WARES, self.rng.choice((1, 1, 1, 2, 3))):
            yield LineData(
                name,
                price_in(person.country.currency, cents),
                quantity_milli=self.rng.choice((1000, 1000, 1000, 2000, 3000)),
                discount_bp=self.rng.choice((0, 0, 0, 0, 500, 1000)),
                tax_bp=1900 if person.country.currency == "EUR" else 0,
            )

    def _send(
        self, link: PaymentLink, channels: list[str], actor: Actor
    ) -> Iterator["_Step"]:
        sending.send(link, channels, actor=actor)
        (end,) = self.rng.choices(ENDS, [weight for _name, weight, _days in ENDS])
        name, _weight, (earliest, latest) = end
        at = clock.now() + timedelta(days=self.rng.uniform(earliest, latest))
        yield _Step(at, lambda: self._end(link, name, actor), link.pk)
        for due in link.reminders_due.order_by("due_at"):
            if due.due_at not in self._remind_at:  # one pass takes all that is due
                self._remind_at.add(due.due_at)
                yield _Step(due.due_at, self._remind)

    def _remind(self) -> Iterator["_Step"]:
        reminding.enqueue_due()
        return iter(())

    def _end(self, link: PaymentLink, name: str, actor: Actor) -> Iterator["_Step"]:
        link.refresh_from_db()
        if link.status != LinkStatus.ACTIVE or name == "never":
            return
        if name == "canceled":
            links.cancel(link, actor=actor, reason="Ordered by mistake")
        elif name == "cash":
            manual.record_payment(
                link,
                amount_minor=link.balance.amount_minor,
                method="cash",
                actor=actor,
            )
        elif name == "paid_twice":
            owed = link.balance.amount_minor
            self._pay(link, "approve")
            manual.record_payment(
                link, amount_minor=owed, method="cash", actor=actor, note="At the till"
            )
        elif name == "declined_then_paid":
            self._pay(link, "decline")
            later = clock.now() + timedelta(minutes=self.rng.randrange(3, 90))
            yield _Step(later, lambda: self._end(link, "paid", actor))
        else:
            self._pay(link, "approve")
            if self.second_rng.random() < GIVEN_BACK:
                later = clock.now() + timedelta(days=self.second_rng.uniform(1, 9))
                yield _Step(later, lambda: self._give_back(link))

    def _give_back(self, link: PaymentLink) -> Iterator["_Step"]:
        """Half of it, asked for and approved by the owner, if there is one."""
        owner = User.objects.filter(role=Role.OWNER).order_by("pk").first()
        payment = link.payments.filter(state=PaymentState.SUCCEEDED).first()
        if owner is not None and payment is not None and payment.amount_minor > 1:
            refund = refunding.propose(
                payment,
                amount_minor=payment.amount_minor // 2,
                actor=owner.actor(),
                reason="One piece was broken",
            )
            refunding.approve(refund, user=owner)
            refunding.send(refund.pk)
            self._hear()
        return iter(())

    def _pay(self, link: PaymentLink, outcome: str) -> None:
        """As the customer does: open, answer, and the webhook comes."""
        checkouts.start(link.pk, "training")
        checkout = link.checkouts.latest("pk")
        training_provider.answer(
            TrainingSession.objects.get(checkout_reference=checkout.public_id), outcome
        )
        self._hear()

    def _hear(self) -> None:
        training.deliver_webhooks()
        for pk in inbox.due():
            inbox.process(pk)
