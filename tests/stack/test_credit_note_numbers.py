"""Two refunds succeed at once: each credit note has a number of its own, with no gap.

As in test_controls: nothing but the guard is taken away.
"""

from dataclasses import replace
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from links.models import NumberSeries, Payment, Refund
from links.providers.base import RefundSnapshot, RefundState
from links.services import payments, refunds
from links.tests.factories import NOON, make_customer, make_link, make_seen
from merchant_portal.lib.money import Money

from .gaps import Gap

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]


@pytest.fixture
def paid() -> list[Payment]:
    booked = [
        payments.record(make_seen(make_link(make_customer()), payment_id=f"tpy_{n}"))
        for n in range(3)
    ]
    return [payment for payment in booked if payment is not None]


@pytest.fixture
def after_number(monkeypatch: pytest.MonkeyPatch, paid: list[Payment]) -> Gap:
    """A second refund of the year has its number but is not committed."""
    gap = Gap()
    give_back(paid[0])
    monkeypatch.setattr(refunds, "_number", gap.after(refunds._number))
    return gap


def give_back(payment: Payment) -> None:
    told = RefundSnapshot(
        f"re_{payment.provider_payment_id}",
        RefundState.SUCCEEDED,
        Money(250, "EUR"),
        NOON,
    )
    seen = make_seen(payment.link, payment_id=payment.provider_payment_id)
    payments.record(replace(seen, refunds=(told,)))


def give_back_and_undo(payment: Payment) -> None:
    with transaction.atomic():
        give_back(payment)
        transaction.set_rollback(True)


def numbers() -> list[int]:
    given = Refund.objects.filter(number__isnull=False)
    return sorted(int(str(refund.number)[-6:]) for refund in given)


def test_two_at_once_get_two_numbers(after_number: Gap, paid: list[Payment]) -> None:
    after_number.run_well(partial(give_back, paid[1]), partial(give_back, paid[2]))

    assert numbers() == [1, 2, 3]


def test_one_that_came_to_nothing_leaves_no_gap(
    after_number: Gap, paid: list[Payment]
) -> None:
    after_number.run_well(
        partial(give_back_and_undo, paid[1]), partial(give_back, paid[2])
    )

    assert numbers() == [1, 2]


def test_control_without_the_lock_of_the_series_a_number_is_given_twice(
    after_number: Gap, paid: list[Payment], monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_without_lock(name: str, year: int) -> int:
        series = NumberSeries.objects.get(name=name, year=year)
        series.last += 1
        series.save()
        return series.last

    monkeypatch.setattr(NumberSeries, "take", take_without_lock)

    results = after_number.run(partial(give_back, paid[1]), partial(give_back, paid[2]))

    # The second belt, the refund's own number, is why nobody would ever see it.
    (stopped,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(stopped, IntegrityError)
    assert "(number)=(CN-" in str(stopped)
    assert numbers() == [1, 2]
