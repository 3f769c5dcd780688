"""What payers, the bank and its webhooks do."""

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from links.models import PaymentLink, TrainingSession
from links.services import checkouts, inbox, reviewing, training
from links.services.asking import Choice
from links.tests.stripe_tape import signed

from .bank import FAULTS, WAYS
from .rules_of_links import PLACE, LinkRules, at_times


class MoneyRules(LinkRules):
    @initialize(
        waited=st.sampled_from((0, 180_000, 180_000)),
        slug=st.sampled_from(("", "stripe", "stripe", "training")),
        way=st.sampled_from(("leave", *WAYS)),
        passes=st.integers(0, 6),
    )
    def somebody_came_before(
        self, waited: int, slug: str, way: str, passes: int
    ) -> None:
        """Without this most examples would end before any money is under way."""
        self.world.move(seconds=waited)
        self.world.dies_in = passes
        if slug:
            self._start(self._link(0), slug, way)

    @precondition(lambda self: self.world.links)
    @rule(
        place=PLACE,
        slug=st.sampled_from(("stripe", "stripe", "training")),
        way=st.sampled_from(("leave", "leave", *WAYS)),
        is_told=st.booleans(),
        dies_at=at_times(
            "checkout.before_call", "checkout.after_call", "webhook.before_done"
        ),
    )
    def start_to_pay(
        self, place: int, slug: str, way: str, is_told: bool, dies_at: str
    ) -> None:
        self.world.will_die(dies_at)
        self._start(self._link(place), slug, way)
        if is_told:
            self._hear_all()

    def _start(self, link: PaymentLink, slug: str, way: str) -> None:
        # Of what a link leaves to choose: a part, an amount, a tip; the rest is ignored.
        choice = Choice(amount_minor=70, tip_bp=1000 * (len(way) % 2))
        self.world.run(lambda: checkouts.start(link.pk, slug, choice))
        own = [
            identity
            for identity, session in self.world.bank.sessions.items()
            if session["metadata"]["link"] == link.public_id
        ]
        if own and way != "leave":
            self.world.bank.take(own[-1], way)

    @rule(faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=2))
    def bank_will_fail(self, faults: list[str]) -> None:
        self.world.bank.faults = faults

    @precondition(lambda self: self.world.bank.sessions)
    @rule(place=PLACE, way=st.sampled_from(WAYS), is_told=st.booleans())
    def pay(self, place: int, way: str, is_told: bool) -> None:
        sessions = list(self.world.bank.sessions)
        self.world.bank.take(sessions[-1 - place % len(sessions)], way)
        if is_told:
            self._hear_all()

    @precondition(lambda self: self.world.bank.sessions_waiting())
    @rule(place=PLACE, succeeded=st.booleans())
    def delayed_payment_ends(self, place: int, succeeded: bool) -> None:
        waiting = self.world.bank.sessions_waiting()
        self.world.bank.settle(waiting[place % len(waiting)], succeeded=succeeded)

    @precondition(lambda self: self.world.links)
    @rule(
        place=PLACE,
        amount=st.sampled_from((50, 1250, 3000)),
        currency=st.sampled_from(("eur", "eur", "usd")),
        is_orphan=st.booleans(),
    )
    def money_comes_by_itself(
        self, place: int, amount: int, currency: str, is_orphan: bool
    ) -> None:
        link = "" if is_orphan else self._link(place).public_id
        self.world.bank.take_elsewhere(amount, currency, link)

    @rule(place=PLACE, outcome=st.sampled_from(("approve", "decline", "later", "lost")))
    def answer_training_page(self, place: int, outcome: str) -> None:
        sessions = list(TrainingSession.objects.order_by("-pk")[:3])
        if sessions:
            session = sessions[place % len(sessions)]
            self.world.run(lambda: training.answer(session, outcome))

    @precondition(lambda self: self.world.bank.untold)
    @rule(
        place=PLACE,
        is_worked_on=st.booleans(),
        dies_at=at_times(
            "webhook.after_store", "webhook.before_done", "payment.before_commit"
        ),
    )
    def webhook_comes(self, place: int, is_worked_on: bool, dies_at: str) -> None:
        untold = self.world.bank.untold
        self.world.will_die(dies_at)
        self._hear(untold.pop(place % len(untold)))
        if is_worked_on:
            self.world.take_all_nudges()

    @precondition(lambda self: self.world.bank.webhooks)
    @rule(place=st.integers(0, 20), times=st.integers(1, 2))
    def webhook_comes_again(self, place: int, times: int) -> None:
        for _time in range(times):
            self._hear(place % len(self.world.bank.webhooks))

    def _hear_all(self) -> None:
        for number in list(self.world.bank.untold):
            self._hear(number)
        self.world.take_all_nudges()

    def _hear(self, number: int) -> None:
        body = self.world.bank.webhooks[number]
        if number in self.world.bank.untold:
            self.world.bank.untold.remove(number)
        self.world.counted["webhooks"] += 1
        self.world.run(
            lambda: inbox.receive("stripe", signed(body, secret="whsec_tape"), body)
        )

    @rule()
    def try_dead_webhooks_again(self) -> None:
        self._try_dead_webhooks_again()

    def _try_dead_webhooks_again(self) -> None:
        for event in list(reviewing.events()):
            try_again = partial(reviewing.try_again, event, actor=self._actor)
            if self.world.run(try_again):
                self.world.act("webhook.tried_again", event.event_id)
