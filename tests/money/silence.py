"""Links paid, given back and disputed on a day on which only looks and sweeps tell of it."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from django.db import connection

from customers.models import Customer
from links import tasks
from links.models import Dispute, Payment, PaymentLink, Refund, WebhookEvent
from links.services import (
    checkouts,
    comparing,
    disputes,
    links,
    reconcile,
    refunding,
)
from links.services.errors import LinkError
from links.tests.factories import make_link
from merchant_portal.lib import queue
from merchant_portal.staff.models import User
from proofs import books

from .day import Day, Money, Providers

TICK_SECONDS = 1800
TICKS = 48  # a day
QUIET = 6  # nothing happens any more; the looks of an hour's distance come
SLUGS = ("stripe", "square", "paypal")
# What becomes of a link, and of the money that it brought.
FATES = (
    *["pay"] * 9,
    "later",
    "later",
    "bounces",
    "second try",
    "second try",
    "declined",
    "two payments",
    "two payments",
    "nobody",
)
# What becomes of money that nobody gives back: the payer disputes it, and how that goes.
DISPUTES: tuple[tuple[str, ...], ...] = (
    *[("none",)] * 5,
    ("open",),
    ("open", "answered"),
    ("open", "answered", "won"),
    ("open", "lost"),
    ("open", "answered", "lost"),
)
BACK = (*["keep"] * 5, "all", "part", "part", "parts", "by us")


@dataclass(frozen=True)
class Opened:
    """A try at a provider: its session there, and the page to pay on."""

    session: str
    url: str


@dataclass
class Silence:
    """`looks`, `sweeps`: what is left to the product; without them it is the control."""

    day: Day
    providers: Providers
    customer: Customer
    owner: User
    chance: random.Random
    looks: bool = True
    sweeps: bool = True
    counted: Counter[str] = field(default_factory=Counter)
    _plan: dict[int, list[Callable[[], None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _tick: int = 0

    def live(self, count: int) -> None:
        """`count` links through the day."""
        for _link in range(count):
            self._plan[self.chance.randrange(TICKS - 12)].append(self._begin)
        with queue.silenced():
            for tick in range(TICKS + QUIET):
                self._tick = tick
                self.day.move_to(tick * TICK_SECONDS)
                self._end_refunds()
                for act in self._plan.pop(tick, []):
                    act()
                self._sweep()
        assert not self._plan

    # -- what people do ----------------------------------------------------------------

    def _begin(self) -> None:
        fate = self.chance.choice(FATES)
        slug = self.chance.choice(SLUGS)
        currency = "EUR" if slug == "square" else self.chance.choice(("EUR", "USD"))
        self.counted[f"{fate} by {slug}"] += 1
        link = make_link(
            self.customer,
            amount_minor=self.chance.randrange(500, 20_000),
            currency=currency,
            has_reminders=False,
        )
        first = self._open(link, slug)
        if first is None or fate == "nobody":
            return
        if fate == "two payments":
            self._pay_twice(link, slug, first)
            return
        outcome = {"later": "later", "bounces": "later"}.get(fate, "pay")
        if fate in ("second try", "declined"):
            outcome = "decline"
        self.providers.press(first.url, outcome)
        if fate == "second try":
            self._later(2, 6, lambda: self._try_again(link, slug))
        if outcome == "later":
            succeeds = fate == "later"
            self._later(
                2,
                6,
                lambda: self.providers.settle(slug, first.session, succeeded=succeeds),
            )
        if fate in ("pay", "later"):
            self._give_back_later(link, slug, first.session, after=7)

    def _pay_twice(self, link: PaymentLink, slug: str, first: Opened) -> None:
        """At another provider too, before the first session is closed there."""
        takes = [s for s in SLUGS if link.currency == "EUR" or s != "square"]
        other = self._open(link, self.chance.choice([s for s in takes if s != slug]))
        for opened in (other, first):
            if opened is not None:
                self.providers.press(opened.url, "pay")
        self._give_back_later(link, slug, first.session)

    def _open(self, link: PaymentLink, slug: str) -> Opened | None:
        """Session and page of a new try, or None where the product refuses one."""
        try:
            url = checkouts.start(link.pk, slug)
        except LinkError:
            self.counted["refused"] += 1
            return None
        newest = link.checkouts.order_by("-pk")[0]
        return Opened(newest.provider_session_id, url)

    def _try_again(self, link: PaymentLink, slug: str) -> None:
        opened = self._open(link, slug)
        if opened is not None:
            self.providers.press(opened.url, "pay")
            self._give_back_later(link, slug, opened.session)

    def _give_back_later(
        self, link: PaymentLink, slug: str, session: str, after: int = 1
    ) -> None:
        back = self.chance.choice(BACK)
        if back == "keep":
            self._dispute_later(link, slug, session, after)
        minor = link.amount_minor
        parts = {
            "all": [minor],
            "part": [minor // 3],
            "parts": [minor // 3, minor // 4],
            "by us": [minor // 2],
        }.get(back, [])
        give = self._give_back_ourselves if back == "by us" else self._give_back
        for part in parts:
            act = partial(give, slug, session, part, link.currency)
            self._later(after, after + 3, act)

    def _dispute_later(
        self, link: PaymentLink, slug: str, session: str, after: int
    ) -> None:
        minor = self.chance.choice((link.amount_minor, link.amount_minor // 2))
        for number, step in enumerate(self.chance.choice(DISPUTES)):
            act = partial(self._dispute, slug, session, step, minor)
            self._later(after + 2 * number, after + 2 * number + 1, act)

    def _dispute(self, slug: str, session: str, step: str, minor: int) -> None:
        payment = self.providers.paid(slug, session)
        if not payment or step == "none":
            return
        if step == "open":
            self.providers.open_dispute(slug, payment, minor)
        elif dispute := self.providers.dispute_of(slug, payment):
            self.providers.move_dispute(slug, dispute, step)

    def _give_back(self, slug: str, session: str, minor: int, currency: str) -> None:
        payment = self.providers.paid(slug, session)
        if payment:
            is_slow = self.chance.random() < 0.3
            if slug == "stripe":
                self.providers.control(slug, refunds_pending=is_slow)
            elif slug == "paypal":
                self.providers.control(slug, refunds_at_once=not is_slow)
            self.providers.give_back(slug, payment, minor, currency)

    def _give_back_ourselves(
        self, slug: str, session: str, minor: int, currency: str
    ) -> None:
        name = self.providers.paid(slug, session)
        payment = Payment.objects.filter(
            account__slug=slug, provider_payment_id=name, state="succeeded"
        ).first()
        if payment is not None:
            self.counted["given back by us"] += 1
            refund = refunding.propose(
                payment, amount_minor=minor, actor=self.owner.actor(), reason="Rain"
            )
            refunding.approve(refund, user=self.owner)

    def _end_refunds(self) -> None:
        for slug, refund in list(self.providers.pending_refunds()):
            succeeds = slug == "paypal" or self.chance.random() < 0.8
            self.providers.end_refund(slug, refund, succeeds=succeeds)

    def _later(self, least: int, most: int, act: Callable[[], None]) -> None:
        self._plan[self._tick + self.chance.randint(least, most)].append(act)

    # -- what the product does -----------------------------------------------------------

    def _sweep(self) -> None:
        """As `tasks.sweep` does every ten seconds; twice is enough for a half hour."""
        for _time in range(2):
            links.expire_due()
            if self.looks:
                for pk in checkouts.due_for_check(limit=1000):
                    tasks.settle_checkout(pk)
                    self.counted["looks"] += 1
                for pk in refunding.due(limit=1000):
                    tasks.settle_refund(pk)
                for pk in disputes.due(limit=1000):
                    tasks.settle_dispute(pk)
            if self.sweeps:
                for pk in reconcile.due():
                    tasks.sweep_account(pk)
                    self.counted["sweeps"] += 1

    # -- what must be ----------------------------------------------------------------

    def findings(self) -> list[str]:
        """Where our books are not those of the providers, or not whole."""
        found = list(books.check(connection))
        found += _apart("payment", _payments(), self.providers.captured())
        found += _apart("refund", _refunds(), self.providers.refunded())
        found += _apart("dispute", _disputes(), self.providers.disputed())
        ours = {
            currency: (sums.captured, sums.refunded)
            for currency, sums in books.read(connection).items()
        }
        theirs = {
            currency: (sums.captured, sums.refunded)
            for currency, sums in self.providers.totals().items()
        }
        if ours != theirs:
            found.append(f"captured and refunded: {ours} here, {theirs} there")
        if WebhookEvent.objects.exists():
            found.append("a webhook came")
        return found

    def differences(self) -> list[str]:
        return [said for slug in SLUGS for said in comparing.compare(slug).found]

    def figures(self) -> dict[str, int]:
        sums = books.read(connection)
        return {
            "payments": Payment.objects.filter(state="succeeded").count(),
            "failed payments": Payment.objects.filter(state="failed").count(),
            "refunds": Refund.objects.filter(state="succeeded").count(),
            "failed refunds": Refund.objects.filter(state="failed").count(),
            "disputes": Dispute.objects.count(),
            "disputes lost": Dispute.objects.filter(state="lost").count(),
            "disputes won": Dispute.objects.filter(state="won").count(),
            "proposed": Refund.objects.filter(state="proposed").count(),
            "events dropped": self.providers.events(),
            **{f"kept {c}": s.captured - s.refunded for c, s in sums.items()},
            **{name: self.counted[name] for name in ("looks", "sweeps")},
        }


def _payments() -> list[Money]:
    rows = Payment.objects.filter(state="succeeded")
    return list(
        rows.values_list(
            "account__slug", "provider_payment_id", "amount_minor", "currency"
        )
    )


def _refunds() -> list[Money]:
    rows = Refund.objects.filter(state="succeeded")
    return list(
        rows.values_list(
            "payment__account__slug", "provider_refund_id", "amount_minor", "currency"
        )
    )


def _disputes() -> list[Money]:
    rows = Dispute.objects.values_list(
        "account__slug", "provider_dispute_id", "state", "amount_minor", "currency"
    )
    return [(s, f"{name} {state}", minor, c) for s, name, state, minor, c in rows]


def _apart(what: str, ours: list[Money], theirs: set[Money]) -> list[str]:
    found = [f"{what} {row} is missing" for row in sorted(theirs - set(ours))]
    found += [f"{what} {row} is not theirs" for row in sorted(set(ours) - theirs)]
    twice = [row for row, times in Counter(ours).items() if times > 1]
    return found + [f"{what} {row} is booked twice" for row in twice]
