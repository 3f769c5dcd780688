"""What staff do with links, and what time does to them."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from customers.models import Customer
from links import tasks
from links.models import AmountKind, PaymentLink
from links.services import links, manual, pages, reviewing, sending
from links.services.amounts import LineData
from links.services.links import LinkData
from links.services.terms import Terms
from merchant_portal.lib.actors import Actor

from .world import World

PLACE = st.integers(0, 5)
CHANNELS = st.sampled_from((("email",), ("email",), ("email", "sms"), ("sms",)))
AMOUNTS = st.sampled_from((100, 1250, 1251))
TERMS = {
    "fixed": Terms(),
    "parts": Terms(kind=AmountKind.PARTS, minimum_minor=50),
    "deposit": Terms(kind=AmountKind.DEPOSIT, deposit_minor=60),
    "chosen": Terms(kind=AmountKind.CHOSEN, minimum_minor=50),
    "tips": Terms(tips_bp=(1000,)),
    "many": Terms(is_reusable=True, use_limit=2, tips_bp=(1000,)),
}
KINDS = st.sampled_from(("fixed",) * len(TERMS) + tuple(TERMS))
LEAPS = st.sampled_from((4, 40, 65, 700, 4_000, 30_000, 90_000, 260_000))
# seconds: a claim grows old, a nudge late, a lease lapses, sessions and links end
MANY = 3


def at_times(*points: str) -> st.SearchStrategy[str]:
    """One of these crash points, or none, as often as all of them together."""
    return st.sampled_from(("",) * len(points) + points)


class LinkRules(RuleBasedStateMachine):
    world: World

    @property
    def _actor(self) -> Actor:
        return self.world.base.owner.actor()

    def _link(self, place: int) -> PaymentLink:
        pks = self.world.links
        return PaymentLink.objects.get(pk=pks[place % len(pks)])

    def _data(
        self,
        customer: Customer | None,
        amount: int,
        due: int | None,
        hours: int,
        kind: str = "fixed",
    ) -> LinkData:
        at = self.world.at
        price = 0 if kind == "chosen" else amount
        return LinkData(
            customer=customer,
            currency="EUR",
            lines=(LineData("Birthday cake", price),),
            due_on=None if due is None else at.date() + timedelta(days=due),
            expires_at=at + timedelta(hours=hours) if hours else None,
            terms=TERMS[kind],
        )

    @precondition(lambda self: len(self.world.links) < MANY)
    @rule(
        who=st.integers(0, 2),
        amount=AMOUNTS,
        due=st.sampled_from((None, 0, 2)),
        hours=st.sampled_from((0, 0, 1, 30)),
        channels=st.sampled_from(((), ("email",), ("email", "sms"))),
        kind=KINDS,
    )
    def make(
        self,
        who: int,
        amount: int,
        due: int | None,
        hours: int,
        channels: tuple[str],
        kind: str,
    ) -> None:
        people = (*self.world.base.customers, None)
        data = self._data(people[who], amount, due, hours, kind)
        link = self.world.run(lambda: links.create(data, actor=self._actor))
        if link is None:
            return
        self.world.links.append(link.pk)
        self.world.act("link.created", link.public_id)
        if channels:
            self._send(link, channels)

    def _send(self, link: PaymentLink, channels: tuple[str, ...]) -> None:
        if self.world.run(lambda: sending.send(link, channels, actor=self._actor)):
            self.world.act("link.sent", link.public_id)

    @precondition(lambda self: self.world.links)
    @rule(place=PLACE, channels=CHANNELS)
    def send(self, place: int, channels: tuple[str, ...]) -> None:
        self._send(self._link(place), channels)

    @precondition(lambda self: self.world.links)
    @rule(place=PLACE, tell=st.booleans())
    def cancel(self, place: int, tell: bool) -> None:
        self._cancel(self._link(place), tell)

    def _cancel(self, link: PaymentLink, tell: bool) -> None:
        if self.world.run(lambda: links.cancel(link, actor=self._actor, tell=tell)):
            self.world.act("link.canceled", link.public_id)

    @precondition(lambda self: self.world.links)
    @rule(place=PLACE, hours=st.sampled_from((1, 30)))
    def extend(self, place: int, hours: int) -> None:
        link, until = self._link(place), self.world.at + timedelta(hours=hours)
        if self.world.run(
            lambda: links.extend(link, expires_at=until, actor=self._actor)
        ):
            self.world.act("link.extended", link.public_id)

    @precondition(lambda self: 0 < len(self.world.links) < MANY)
    @rule(place=PLACE, amount=AMOUNTS)
    def correct(self, place: int, amount: int) -> None:
        old = self._link(place)
        data = self._data(old.customer, amount, 1, 0)
        new = self.world.run(lambda: links.correct(old, data, actor=self._actor))
        if new is not None:
            self.world.links.append(new.pk)
            self.world.act("link.corrected", old.public_id)

    @precondition(lambda self: self.world.links)
    @rule(place=PLACE, due=st.integers(0, 3))
    def edit(self, place: int, due: int) -> None:
        link = self._link(place)
        version = link.version
        due_on = self.world.at.date() + timedelta(days=due)
        self.world.run(
            lambda: links.edit(
                link,
                due_on=due_on,
                note_text="",
                expires_at=link.expires_at,
                version=version,
                actor=self._actor,
            )
        )
        if link.version != version:
            self.world.act("link.edited", link.public_id)

    @precondition(lambda self: self.world.links)
    @rule(place=PLACE, half=st.booleans(), key=st.sampled_from(("", "", "form")))
    def record_by_hand(self, place: int, half: bool, key: str) -> None:
        link = self._link(place)
        whole = link.amount_minor or 100  # where the payer says how much
        amount = whole // 2 if half else whole
        reference = f"manual:{link.public_id}:{key}"
        known = key and link.payments.filter(provider_payment_id=reference).exists()
        payment = self.world.run(
            lambda: manual.record_payment(
                link, amount_minor=amount, method="cash", actor=self._actor, key=key
            )
        )
        if payment is not None and not known:
            self.world.act("payment.recorded", payment.public_id)

    @rule(place=PLACE)
    def deal_with_odd_money(self, place: int) -> None:
        odd = list(reviewing.payments().order_by("pk"))
        if odd:
            payment = odd[place % len(odd)]
            if self.world.run(lambda: reviewing.deal_with(payment, actor=self._actor)):
                self.world.act("payment.reviewed", payment.public_id)

    @rule(seconds=LEAPS)
    def time_passes(self, seconds: int) -> None:
        self.world.move(seconds=seconds)

    @rule(dies_at=at_times("reminder.after_claim"))
    def sweep_links(self, dies_at: str) -> None:
        self.world.will_die(dies_at)
        self.world.run(tasks.sweep)

    @precondition(lambda self: self.world.nudges)
    @rule(place=PLACE, loses=st.sampled_from((False, False, False, True)))
    def a_worker_wakes(self, place: int, loses: bool) -> None:
        if loses:
            self.world.nudges.pop(place % len(self.world.nudges))
        else:
            self.world.take_nudge(place)

    @rule(passes=st.integers(1, 4))
    def a_process_will_die(self, passes: int) -> None:
        self.world.dies_in = passes

    def _pages(self, place: int) -> list[str]:
        """What anybody, or staff, may look at about a link."""
        link = self._link(place)
        address = pages.url_of(link)
        found = [
            address,
            f"/admin/links/paymentlink/{link.pk}/change/",
            "/admin/links/paymentlink/",
            "/admin/links/payment/",
            "/admin/notifications/message/",
        ]
        checkout = link.checkouts.first()
        if checkout is not None:
            found.insert(1, f"{address}return/{checkout.public_id}/")
        return found
