"""One link paid at two providers within fifty milliseconds."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connections

from customers.models import Customer
from links.models import LinkStatus, PaymentLink, Refund
from links.models.checkouts import FINAL
from links.providers.base import SeenState
from links.services import checkouts
from links.tests.factories import make_link
from merchant_portal.lib import clock, queue
from notifications.models import Message

from .hooks import hook
from .truth import Bank

PRICE_MINOR = 1250
WITHIN_SECONDS = 0.05
TAKES_ITSELF = ("stripe", "square")
KIND = {"stripe": "checkout.session.completed", "square": "payment.updated"}
WAIT_SECONDS = 30.0


@dataclass
class Races:
    """Runs races one after the other. `counted`: how often what happened."""

    bank: Bank
    customer: Customer
    chance: random.Random
    counted: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def two_that_take(self) -> None:
        """Both take the money by themselves, and say so at about the same moment."""
        with queue.silenced():
            link = make_link(self.customer, amount_minor=PRICE_MINOR)
        sessions = [self._session(link, slug) for slug in self._mixed()]
        late = self.chance.uniform(0, WITHIN_SECONDS)
        self._together(
            lambda: self._pay_and_tell(sessions[0], 0),
            lambda: self._pay_and_tell(sessions[1], late),
        )
        self._look(link)
        first = link.payments.order_by("pk")[0].account.slug
        self.counted[f"{first} booked first"] += 1
        self._judge_both(link)

    def one_that_waits(self, *, in_turn: bool = False) -> None:
        """PayPal's order is agreed; while we look whether to take it, another pays.

        `in_turn`: we look when the other has paid, and not at about that moment.
        """
        with queue.silenced():
            link = make_link(self.customer, amount_minor=PRICE_MINOR)
        other = self._session(link, self.chance.choice(TAKES_ITSELF))
        agreed = self._session(link, "paypal")
        self.bank.agree(agreed)
        checkout = link.checkouts.get(provider_session_id=agreed)
        was_paid: list[bool] = []

        waits = [self.chance.uniform(0, WITHIN_SECONDS) for _side in range(2)]

        def take() -> None:
            time.sleep(waits[0])
            fresh = PaymentLink.objects.get(pk=link.pk)
            was_paid.append(fresh.status == LinkStatus.PAID)
            checkouts.settle(checkout.pk)

        if in_turn:
            self._together(lambda: self._pay_and_tell(other, 0))
            self._together(take)
        else:
            self._together(take, lambda: self._pay_and_tell(other, waits[1]))
        self._look(link)
        is_taken = agreed in self.bank.captures
        if is_taken and was_paid == [True]:
            self._find(link, "money was taken although the link was paid before")
        if not is_taken and self.bank.paid(other) is None:
            self._find(link, "nobody took any money")
        if is_taken and self.bank.paid(other):
            self.counted["both took money"] += 1
            self._judge_both(link)
        else:
            self.counted["paypal alone" if is_taken else "capture refused"] += 1
            self._judge_one(link)

    # -- what happens ----------------------------------------------------------------

    def _mixed(self) -> list[str]:
        return self.chance.sample(TAKES_ITSELF, 2)

    @staticmethod
    def _session(link: PaymentLink, slug: str) -> str:
        with queue.silenced():
            checkouts.start(link.pk, slug)
        return str(link.checkouts.order_by("-pk")[0].provider_session_id)

    def _pay_and_tell(self, session: str, wait: float) -> None:
        """The payer's money is taken; the webhook comes, and the page of return."""
        time.sleep(wait)
        paid = self.bank.pay(session, SeenState.SUCCEEDED, clock.now())
        if paid is None:
            return  # closed in time
        slug = session.partition("-")[0]
        told = hook(
            KIND[slug],
            slug=slug,
            number=session,
            session_id=session,
            payment_id=paid,
        )
        told.deliver()

    def _together(self, *jobs: Callable[[], object]) -> None:
        def run(job: Callable[[], object]) -> None:
            try:
                with queue.silenced():
                    job()
            finally:
                connections.close_all()

        with ThreadPoolExecutor(len(jobs), "payer") as pool:
            for done in [pool.submit(run, job) for job in jobs]:
                done.result(WAIT_SECONDS)

    @staticmethod
    def _look(link: PaymentLink) -> None:
        """What the sweep does next, with all that is still open."""
        with queue.silenced():
            for checkout in link.checkouts.exclude(state__in=FINAL):
                checkouts.settle(checkout.pk)
        link.refresh_from_db()

    # -- what must be ----------------------------------------------------------------

    def _judge_both(self, link: PaymentLink) -> None:
        rows = list(link.payments.order_by("occurred_at", "account_id"))
        if [row.state for row in rows] != ["succeeded"] * 2:
            self._find(link, f"{[row.state for row in rows]} is booked")
            return
        self._judge_link(link)
        if [row.surplus_minor for row in rows] != [0, PRICE_MINOR]:
            self._find(link, f"surplus of {[row.surplus_minor for row in rows]}")
        proposed = Refund.objects.filter(payment__link=link).values_list(
            "payment_id", "amount_minor", "state", "origin"
        )
        if list(proposed) != [(rows[1].pk, PRICE_MINOR, "proposed", "surplus")]:
            self._find(link, f"proposed to give back: {list(proposed)}")

    def _judge_one(self, link: PaymentLink) -> None:
        rows = list(link.payments.values_list("state", "surplus_minor"))
        if rows != [("succeeded", 0)]:
            self._find(link, f"{rows} is booked")
        self._judge_link(link)
        if Refund.objects.filter(payment__link=link).exists():
            self._find(link, "a refund is proposed")

    def _judge_link(self, link: PaymentLink) -> None:
        """Paid once, and each payer told once."""
        if (link.status, link.amount_paid_minor) != (LinkStatus.PAID, PRICE_MINOR):
            self._find(link, f"{link.status}, {link.amount_paid_minor} paid")
        kinds = Counter(link.activities.values_list("kind", flat=True))
        payments = link.payments.count()
        if (kinds["link.paid"], kinds["payment.succeeded"]) != (1, payments):
            self._find(link, f"told {dict(kinds)}")
        receipts = Message.objects.filter(reference=link.public_id, kind="receipt")
        keys = list(receipts.values_list("dedupe_key", flat=True))
        if len(keys) != payments:
            self._find(link, f"receipts {keys}")
        moment = clock.now() - timedelta(minutes=1)
        if link.paid_at is None or link.paid_at < moment:
            self._find(link, f"paid at {link.paid_at}")

    def _find(self, link: PaymentLink, said: str) -> None:
        self.findings.append(f"{link.number}: {said}")
