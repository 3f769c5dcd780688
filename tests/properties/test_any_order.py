"""Invariant 1: any order and repetition of the same news ends in the same rows."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from links.models import DailyTotal, Payment, PaymentLink
from links.providers.base import PaymentSnapshot, SeenState
from links.services import allocating, checkouts, links, payments
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import Money
from notifications.models import Message

from .invariants import Broken
from .world import START, Base, rolled_back

pytestmark = pytest.mark.stack
EXAMPLES = int(os.environ.get("MACHINE_ORDERS", "100"))
SEED = int(os.environ.get("MACHINE_SEED", "20260615"))
AMOUNTS = st.sampled_from((300, 625, 1250, 2000))
ENDS = st.sampled_from(("active", "canceled", "expired", "expired, not swept"))


@dataclass(frozen=True, slots=True)
class Told:
    """One payment as a provider tells of it; `steps`: the states it went through."""

    amount_minor: int
    currency: str
    steps: tuple[SeenState, ...]
    minute: int
    has_checkout: bool


PAYMENTS = st.builds(
    Told,
    amount_minor=AMOUNTS,
    currency=st.sampled_from(("EUR", "EUR", "EUR", "USD")),
    steps=st.sampled_from(
        (
            (SeenState.SUCCEEDED,),
            (SeenState.PROCESSING, SeenState.SUCCEEDED),
            (SeenState.FAILED, SeenState.SUCCEEDED),
            (SeenState.PROCESSING, SeenState.FAILED),
        )
    ),
    minute=st.integers(0, 2),
    has_checkout=st.booleans(),
)


def _news(link: PaymentLink, told: Sequence[Told]) -> list[PaymentSnapshot]:
    checkout = link.checkouts.get().public_id
    found = []
    for number, one in enumerate(told):
        reference = checkout if one.has_checkout else ""
        whole = make_seen(
            link,
            payment_id=f"tpy_{number}",
            amount_minor=one.amount_minor,
            currency=one.currency,
            occurred_at=START + timedelta(minutes=one.minute),
            checkout_reference=reference,
        )
        for state in one.steps:
            has_come = state == SeenState.SUCCEEDED
            failure = "declined" if state == SeenState.FAILED else ""
            fee = Money(30, one.currency) if has_come else None
            found.append(replace(whole, state=state, failure=failure, fee=fee))
        # a later word that names neither link nor checkout
        found.append(replace(found[-1], link_reference="", checkout_reference=""))
    return found


@contextmanager
def _a_link(end: str) -> Iterator[PaymentLink]:
    """A link with a session, which then asks no more, as `end` says."""
    with rolled_back(), clock.frozen(START):
        link = make_link(make_customer(), expires_at=START + timedelta(hours=1))
        checkouts.start(link.pk, "training")
        if end == "canceled":
            links.cancel(link, actor=SYSTEM)
        later = timedelta(hours=2) if end.startswith("expired") else timedelta()
        with clock.frozen(START + later):
            if end == "expired":
                links.expire_due()
            yield link


def _rows(link: PaymentLink) -> tuple[object, ...]:
    link.refresh_from_db()
    return (
        (link.status, link.amount_paid_minor, link.paid_at),
        tuple(
            Payment.objects.order_by("provider_payment_id").values_list(
                "provider_payment_id",
                "state",
                "amount_minor",
                "currency",
                "surplus_minor",
                "mismatch",
                "is_late",
                "fee_minor",
                "method",
                "failure",
                "occurred_at",
            )
        ),
        link.checkouts.get().state,
        tuple(
            DailyTotal.objects.filter(measure="paid")
            .exclude(count=0)
            .order_by("currency", "method")
            .values_list("currency", "method", "count", "amount_minor", "fee_minor")
        ),
        Message.objects.filter(kind="receipt").count(),
        link.activities.filter(kind="payment.succeeded").count(),
    )


def _heard(told: Sequence[Told], end: str, order: Sequence[int]) -> tuple[object, ...]:
    with _a_link(end) as link:
        news = _news(link, told)
        for place in order:
            payments.record(news[place])
        return _rows(link)


def run(number: int, *, shrinks: bool = False) -> None:
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @seed(number)
    @given(st.lists(PAYMENTS, min_size=1, max_size=3), ENDS, st.data())
    def any_order(told: list[Told], end: str, data: st.DataObject) -> None:
        every = list(range(sum(len(one.steps) + 1 for one in told)))
        order = data.draw(st.permutations(every), "order")
        again = data.draw(st.lists(st.sampled_from(every), max_size=3), "again")
        straight, mixed = _heard(told, end, every), _heard(told, end, order + again)
        if straight != mixed:
            raise Broken(1, f"{straight}\n{mixed}")

    any_order()


def test_any_order_and_repetition_ends_in_the_same_rows(base: Base) -> None:
    run(number=SEED, shrinks=True)


def _in_the_order_of_hearing(link: PaymentLink, news: Payment) -> dict[str, int]:
    left = link.amount_minor
    counted = link.payments.filter(state="succeeded", currency=link.currency)
    for payment in counted.order_by("pk"):
        used = min(left, payment.amount_minor)
        left -= used
        payment.surplus_minor = payment.amount_minor - used
        payment.save(update_fields=["surplus_minor"])
    link.amount_paid_minor = link.amount_minor - left
    return {"amount_paid_minor": link.amount_paid_minor}


def _by_what_the_link_is_now(link: PaymentLink | None, now: datetime) -> bool:
    if link is None:
        return False
    is_over = link.status in ("expired", "canceled")
    return is_over or (link.status == "active" and link.is_past_expiry(now))


@pytest.mark.parametrize(
    ("module", "name", "fault"),
    [
        (allocating, "allocate", _in_the_order_of_hearing),
        (payments, "_is_late", _by_what_the_link_is_now),
    ],
    ids=["surplus by the order of hearing", "late by what the link is now"],
)
def test_a_fault_is_caught_by_its_invariant(
    base: Base,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    fault: object,
) -> None:
    monkeypatch.setattr(module, name, fault)

    with pytest.raises(Broken, match=r"^invariant 1 "):
        run(number=SEED)
