"""Small stories of a link that is paid at up to three providers, drawn from a seed."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from links.providers.base import RefundSnapshot, RefundState, SeenState
from merchant_portal.lib.money import Money

from .hooks import Hook, hook
from .truth import SLUGS, Bank

PRICE_MINOR = 1250
# How a payment may go on, by the provider; what is in brackets gives back a part.
LIVES = {
    "stripe": (
        "succeeded",
        "processing succeeded",
        "processing failed",
        "failed succeeded",
        "succeeded refunded",
        "succeeded begun ended",
        "succeeded begun refused",
        "succeeded refunded refused",
        "succeeded refunded refunded",
    ),
    "square": (
        "succeeded fee",
        "processing succeeded fee",
        "processing failed",
        "succeeded fee begun ended",
        "succeeded begun refused",
        "succeeded begun begun ended",
    ),
    "paypal": (
        "agreed succeeded",
        "agreed processing succeeded",
        "agreed processing failed",
        "agreed succeeded refunded",
        "agreed succeeded refunded refunded",
    ),
}
SEEN = {
    "succeeded": SeenState.SUCCEEDED,
    "processing": SeenState.PROCESSING,
    "failed": SeenState.FAILED,
}
REFUNDS = {
    "refunded": RefundState.SUCCEEDED,
    "begun": RefundState.PENDING,
    "ended": RefundState.SUCCEEDED,
    "refused": RefundState.FAILED,
}
# What tells of a step; one is always sent, others may be.
TOLD = {
    "stripe": {
        "processing": ("checkout.session.completed", "payment_intent.processing"),
        "succeeded": (
            "checkout.session.completed",
            "payment_intent.succeeded",
            "charge.succeeded",
        ),
        "failed": ("payment_intent.payment_failed",),
        "refunded": ("charge.refunded", "refund.created"),
        "begun": ("refund.created", "charge.refunded"),
        "ended": ("refund.updated",),
        "refused": ("refund.failed", "refund.updated"),
    },
    "square": {
        "processing": ("payment.created",),
        "succeeded": ("payment.updated", "payment.created"),
        "failed": ("payment.updated",),
        "fee": ("payment.updated",),
        "begun": ("refund.created", "payment.updated"),
        "ended": ("refund.updated", "payment.updated"),
        "refused": ("refund.updated",),
    },
    "paypal": {
        "agreed": ("CHECKOUT.ORDER.APPROVED",),
        "processing": ("PAYMENT.CAPTURE.PENDING", "CHECKOUT.ORDER.COMPLETED"),
        "succeeded": ("PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"),
        "failed": ("PAYMENT.CAPTURE.DENIED",),
        "refunded": ("PAYMENT.CAPTURE.REFUNDED",),
    },
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something happens to the `place`-th payment; `kinds`: the events that tell of it."""

    place: int
    word: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """One payment: what it is of, when, and by which parts it is given back."""

    slug: str
    amount_minor: int
    second: int
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Story:
    lives: tuple[Life, ...]
    steps: tuple[Step, ...]
    is_canceled: bool


def draw(chance: random.Random) -> Story:
    """One to three payments whose steps are shuffled into each other."""
    slugs = chance.sample(SLUGS, chance.choice((1, 2, 2, 3)))
    lives, left = [], []
    for place, slug in enumerate(slugs):
        words = chance.choice(LIVES[slug]).split()
        amount = chance.choice((PRICE_MINOR,) * 3 + (500, 2000))
        lives.append(Life(slug, amount, chance.randrange(4), _parts(chance, amount)))
        left.append([Step(place, word, _kinds(chance, slug, word)) for word in words])
    steps = []
    while left := [steps_left for steps_left in left if steps_left]:
        steps.append(chance.choice(left).pop(0))
    return Story(tuple(lives), tuple(steps), chance.random() < 0.1)


def _parts(chance: random.Random, amount: int) -> tuple[int, ...]:
    first = chance.choice((amount, amount // 2, 100))
    return (first, min(100, amount - first)) if first < amount else (amount // 2, 50)


def _kinds(chance: random.Random, slug: str, word: str) -> tuple[str, ...]:
    """One, or now and then two."""
    kinds = TOLD[slug][word]
    return tuple(chance.sample(kinds, min(chance.choice((1, 1, 2)), len(kinds))))


class Telling:
    """A story as it happens once, to sessions that were opened for it."""

    def __init__(
        self, story: Story, bank: Bank, sessions: list[str], at: datetime
    ) -> None:
        self.story = story
        self._bank = bank
        self._sessions = sessions
        self._at = at

    def happen(self, step: Step) -> None:
        """The provider's truth moves on."""
        life, session = self.story.lives[step.place], self._sessions[step.place]
        currency = "EUR"
        moment = self._at + timedelta(seconds=life.second)
        if step.word == "agreed":
            self._bank.agree(session)
        elif step.word == "fee":
            self._bank.change(session, fee=Money(30, currency))
        elif step.word in SEEN:
            money = Money(life.amount_minor, currency)
            self._bank.pay(session, SEEN[step.word], moment, amount=money)
        else:
            self._bank.change(session, refunds=self._refunds(step, moment))

    def _refunds(self, step: Step, moment: datetime) -> tuple[RefundSnapshot, ...]:
        """`begun` and `refunded` make a new one, the others end the last."""
        session = self._sessions[step.place]
        paid = self._bank.paid(session)
        assert paid is not None
        made = list(paid.refunds)
        if step.word in ("ended", "refused"):
            made.pop()
        number = len(made)
        made.append(
            RefundSnapshot(
                provider_refund_id=f"ref-{session}-{number}",
                state=REFUNDS[step.word],
                amount=Money(self.story.lives[step.place].parts[number], "EUR"),
                occurred_at=moment + timedelta(seconds=60 + number),
                failure="refused" if step.word == "refused" else "",
            )
        )
        return tuple(made)

    def hooks(self, number: int) -> list[Hook]:
        """The webhooks of the `number`-th step; they name ids only, which are known
        before it happens."""
        step = self.story.steps[number]
        session = self._sessions[step.place]
        mine = [
            earlier.word
            for earlier in self.story.steps[: number + 1]
            if earlier.place == step.place
        ]
        begun = sum(word in ("begun", "refunded") for word in mine)
        return [
            hook(
                kind,
                slug=self.story.lives[step.place].slug,
                number=f"{session}-{number}-{place}",
                session_id=session,
                payment_id=f"pay-{session}",
                refund_id=f"ref-{session}-{begun - 1}" if step.word in REFUNDS else "",
            )
            for place, kind in enumerate(step.kinds)
        ]
