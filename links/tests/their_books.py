"""A provider's own books in a test's hand, and differences planted between them and ours."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from links.models import (
    Comparison,
    Gap,
    Payment,
    ProviderAccount,
    Refund,
    RefundState,
    Subject,
)
from links.providers.base import (
    PaymentSnapshot,
    ProviderRejected,
    RefundSnapshot,
    SeenState,
)
from links.providers.base import RefundState as ToldState
from links.providers.training import TrainingProvider
from links.services import comparisons, payments
from links.tasks import compare_account
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User

from .factories import make_link, make_seen

Kept = list[tuple[str, str, str, bool]]


class Books:
    """The provider's own books, as the adapter tells of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: dict[str, PaymentSnapshot] = {}
        self.unlisted: set[str] = set()
        self.yesterday = clock.now() - timedelta(days=1)
        monkeypatch.setattr(TrainingProvider, "list_payments", self._list)
        monkeypatch.setattr(TrainingProvider, "fetch_payment", self._fetch)

    def both(self, name: str = "tpy_1", **facts: Any) -> PaymentSnapshot:
        """A payment that both sides know."""
        seen = make_seen(
            make_link(), payment_id=name, occurred_at=self.yesterday, **facts
        )
        payments.record(seen)
        self.told[name] = seen
        return seen

    def tell(self, seen: PaymentSnapshot, **changes: Any) -> None:
        self.told[seen.provider_payment_id] = replace(seen, **changes)

    def refund(
        self, name: str = "tre_1", minor: int = 100, **facts: Any
    ) -> RefundSnapshot:
        return RefundSnapshot(
            name, ToldState.SUCCEEDED, Money(minor, "EUR"), self.yesterday, **facts
        )

    def _list(self, since: datetime) -> list[PaymentSnapshot]:
        return [s for name, s in self.told.items() if name not in self.unlisted]

    def _fetch(self, name: str) -> PaymentSnapshot:
        if name not in self.told:
            raise ProviderRejected("nothing of that name")
        return self.told[name]


def compared(account: ProviderAccount, actor: User) -> Comparison:
    made = comparisons.ask(account, actor=actor.actor())
    compare_account(made.pk)
    made.refresh_from_db()
    return made


def kept(made: Comparison) -> Kept:
    return [
        (one.subject, one.gap, one.provider_id, one.is_booked)
        for one in made.differences.all()
    ]


def plant_unknown_payment(theirs: Books) -> Kept:
    seen = make_seen(make_link(), payment_id="missed", occurred_at=theirs.yesterday)
    theirs.tell(seen)
    return [(Subject.PAYMENT, Gap.UNKNOWN_HERE, "missed", True)]


def plant_unknown_refund(theirs: Books) -> Kept:
    theirs.tell(theirs.both(), refunds=(theirs.refund(),))
    return [(Subject.REFUND, Gap.UNKNOWN_HERE, "tre_1", True)]


def plant_payment_they_do_not_know(theirs: Books) -> Kept:
    theirs.both()
    theirs.told.pop("tpy_1")
    return [(Subject.PAYMENT, Gap.UNKNOWN_THERE, "tpy_1", False)]


def plant_refund_they_do_not_know(theirs: Books) -> Kept:
    seen = theirs.both()
    payments.record(replace(seen, refunds=(theirs.refund(),)))
    return [(Subject.REFUND, Gap.UNKNOWN_THERE, "tre_1", False)]


def plant_later_state(theirs: Books) -> Kept:
    seen = theirs.both(state=SeenState.PROCESSING)
    theirs.tell(seen, state=SeenState.SUCCEEDED)
    return [(Subject.PAYMENT, Gap.STATE, "tpy_1", True)]


def plant_earlier_state(theirs: Books) -> Kept:
    theirs.tell(theirs.both(), state=SeenState.FAILED)
    return [(Subject.PAYMENT, Gap.STATE, "tpy_1", False)]


def plant_refund_that_nobody_here_asked_for(theirs: Books) -> Kept:
    """It was declined here, and happened there all the same."""
    seen = theirs.both()
    refund = Refund.objects.create(
        payment=Payment.objects.get(provider_payment_id="tpy_1"),
        state=RefundState.DECLINED,
        amount_minor=100,
        currency="EUR",
        proposed_at=theirs.yesterday,
    )
    theirs.tell(seen, refunds=(theirs.refund(reference=refund.public_id),))
    return [(Subject.REFUND, Gap.STATE, "tre_1", False)]


def plant_other_amount(theirs: Books) -> Kept:
    theirs.tell(theirs.both(), amount=Money(9900, "EUR"))
    return [(Subject.PAYMENT, Gap.AMOUNT, "tpy_1", False)]


def plant_other_currency(theirs: Books) -> Kept:
    theirs.tell(theirs.both(), amount=Money(1250, "USD"))
    return [(Subject.PAYMENT, Gap.CURRENCY, "tpy_1", False)]


def plant_other_amount_of_a_refund(theirs: Books) -> Kept:
    seen = theirs.both()
    payments.record(replace(seen, refunds=(theirs.refund(),)))
    theirs.tell(seen, refunds=(theirs.refund(minor=70),))
    return [(Subject.REFUND, Gap.AMOUNT, "tre_1", False)]


def plant_fee_that_is_news(theirs: Books) -> Kept:
    theirs.tell(theirs.both(), fee=Money(44, "EUR"))
    return [(Subject.PAYMENT, Gap.FEE, "tpy_1", True)]


def plant_other_fee(theirs: Books) -> Kept:
    theirs.tell(theirs.both(fee_minor=44), fee=Money(60, "EUR"))
    return [(Subject.PAYMENT, Gap.FEE, "tpy_1", False)]
