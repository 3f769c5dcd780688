"""Money is taken while a shift or a day is closed: it is in this report or in the next.

In the controls one guard is taken away and nothing else is changed.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import Sum

from links.models import (
    DailyTotal,
    DayClose,
    DayCloseLine,
    NumberSeries,
    Payment,
    Shift,
)
from links.services import (
    manual,
    payments,
    refunding,
    till,
    till_closing,
    till_days,
    till_figures,
    till_signing,
    totals,
)
from links.services.errors import LinkConflict
from links.services.till_closing import Count, CountDiffers
from links.tests.factories import make_link, make_seen, make_user
from merchant_portal.lib import clock, crash
from merchant_portal.staff.models import User

from .gaps import Gap

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
FLOAT, PRICE = 10_000, 1_250


@pytest.fixture
def shift(transactional_db: None) -> Shift:
    return begin("Counter", make_user())


@pytest.fixture
def gap() -> Gap:
    return Gap()


@pytest.fixture
def unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shifts are read, and nobody is kept from changing them meanwhile."""
    monkeypatch.setattr(till, "lock", lambda pk: Shift.objects.get(pk=pk))


def begin(register: str, user: User) -> Shift:
    return till.begin(register=register, floats={"EUR": FLOAT}, user=user)


def take(shift: Shift) -> Payment:
    return manual.record_payment(
        make_link(),
        amount_minor=PRICE,
        method="cash",
        actor=shift.opened_by.actor(),
    )


def sell(shift: Shift, key: str = "") -> Payment:
    return manual.record_sale(
        shift,
        amount_minor=PRICE,
        currency="EUR",
        method="cash",
        what="Bread",
        actor=shift.opened_by.actor(),
        key=key,
    )


def close(shift: Shift, counted: int = FLOAT) -> Shift:
    """Whatever it comes to."""
    count = Count({"EUR": counted})
    try:
        return till_closing.close(shift, count, user=shift.opened_by)
    except CountDiffers as exc:
        told = Count(count.counted, "So it is", exc.apart)
        return till_closing.close(shift, told, user=shift.opened_by)


def reported(shift: Shift) -> int:
    """How many payments its report tells of."""
    shift.refresh_from_db()
    return sum(row["count"] for row in (shift.figures or {})["taken"])


class TestTakenBeforeTheClose:
    """The money is booked and not committed when the drawer is counted."""

    @pytest.fixture(autouse=True)
    def _stands(self, monkeypatch: pytest.MonkeyPatch, gap: Gap) -> None:
        monkeypatch.setattr(crash, "crash_at", gap.at("payment.before_commit"))

    @pytest.mark.parametrize("way", [take, sell])
    def test_is_in_its_report(
        self, way: Callable[[Shift], Payment], shift: Shift, gap: Gap
    ) -> None:
        counted = partial(close, shift, FLOAT + PRICE)

        gap.run_well(partial(way, shift), gap.once_taken(counted))

        assert Payment.objects.get().shift == shift
        assert reported(shift) == 1
        assert shift.counts == 1  # it was expected
        assert till_closing.problems(shift) == []

    @pytest.mark.parametrize("way", [take, sell])
    @pytest.mark.usefixtures("unlocked")
    def test_control_without_the_lock_it_is_in_none(
        self, way: Callable[[Shift], Payment], shift: Shift, gap: Gap
    ) -> None:
        counted = partial(close, shift, FLOAT + PRICE)

        gap.run_well(partial(way, shift), gap.once_taken(counted))

        assert Payment.objects.get().shift == shift
        assert reported(shift) == 0
        assert till_closing.problems(shift) != []


class TestTakenDuringTheClose:
    """The drawer is counted and added up, and not closed yet, when money is taken."""

    @pytest.fixture(autouse=True)
    def _stands(self, monkeypatch: pytest.MonkeyPatch, gap: Gap) -> None:
        monkeypatch.setattr(till_figures, "of", gap.after(till_figures.of))

    def test_is_in_no_closed_report(self, shift: Shift, gap: Gap) -> None:
        _closed, payment = gap.run_well(
            partial(close, shift), gap.once_taken(partial(take, shift))
        )

        assert isinstance(payment, Payment)
        assert payment.shift is None
        assert reported(shift) == 0
        assert till_closing.problems(shift) == []

    def test_a_sale_is_refused_and_made_in_the_next(
        self, shift: Shift, gap: Gap
    ) -> None:
        _closed, refused = gap.run(
            partial(close, shift), gap.once_taken(partial(sell, shift))
        )
        assert isinstance(refused, LinkConflict)
        assert not Payment.objects.exists()

        following = begin("Counter", shift.opened_by)
        sell(following)

        assert reported(close(following, FLOAT + PRICE)) == 1

    @pytest.mark.usefixtures("unlocked")
    def test_control_without_the_lock_it_is_added_to_a_closed_shift(
        self, shift: Shift, gap: Gap
    ) -> None:
        gap.run_well(partial(close, shift), gap.once_taken(partial(take, shift)))

        assert Payment.objects.get().shift == shift
        assert reported(shift) == 0
        assert till_closing.problems(shift) != []

    def test_two_close_it_once(self, shift: Shift, gap: Gap) -> None:
        results = gap.run(partial(close, shift), partial(close, shift))

        assert sorted(type(one).__name__ for one in results) == [
            "LinkConflict",
            "Shift",
        ]
        shift.refresh_from_db()
        assert shift.number == "Z-000001"
        assert NumberSeries.objects.get(name="Z").last == 1

    @pytest.mark.usefixtures("unlocked")
    def test_control_without_the_lock_they_close_it_twice(
        self, shift: Shift, gap: Gap
    ) -> None:
        gap.run(partial(close, shift), partial(close, shift))

        assert NumberSeries.objects.get(name="Z").last == 2


def test_a_refund_and_the_same_form_once_more_do_not_wait_for_each_other(
    shift: Shift, gap: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One holds the payment and wants the shift, the other the shift, and no payment."""
    payment = sell(shift, "frm_once")
    refund = refunding.propose(payment, amount_minor=5, actor=shift.opened_by.actor())
    monkeypatch.setattr(refunding, "_locked", gap.after(refunding._locked))

    def sell_again() -> None:
        sell(shift, "frm_once")

    approve = partial(refunding.approve, refund, user=make_user())
    gap.run_well(approve, gap.once_taken(sell_again))

    refund.refresh_from_db()
    assert refund.shift == shift
    assert Payment.objects.count() == 1


class TestNumbers:
    @pytest.fixture
    def two(self, shift: Shift, monkeypatch: pytest.MonkeyPatch, gap: Gap) -> list[Any]:
        """Two to be closed, each standing once it has its number; one is closed."""
        close(begin("Door", make_user()))
        stand = gap.after(till_signing.next_number)
        monkeypatch.setattr(till_signing, "next_number", stand)
        return [partial(close, shift), partial(close, begin("Bar", make_user()))]

    def numbers(self) -> list[str | None]:
        closed = Shift.objects.filter(number__isnull=False).order_by("number")
        return list(closed.values_list("number", flat=True))

    def test_have_no_gap_and_one_names_the_other(
        self, two: list[Any], gap: Gap
    ) -> None:
        gap.run_well(*two)

        assert self.numbers() == ["Z-000001", "Z-000002", "Z-000003"]
        shifts = Shift.objects.order_by("number")
        assert all(till_closing.problems(shift) == [] for shift in shifts)

    def test_control_without_the_lock_of_the_series_one_is_refused(
        self, two: list[Any], gap: Gap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def take_without_lock(name: str, year: int) -> int:
            series = NumberSeries.objects.get(name=name, year=year)
            return series.last + 1

        monkeypatch.setattr(NumberSeries, "take", take_without_lock)

        results = gap.run(*two)

        (stopped,) = [result for result in results if isinstance(result, Exception)]
        assert isinstance(stopped, IntegrityError)  # the second belt


class TestDays:
    @pytest.fixture
    def today(self, transactional_db: None) -> date:
        return totals.business_day(clock.now())

    def test_money_that_is_being_booked_is_on_the_next(
        self, today: date, gap: Gap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.close_while_somebody_pays(today, gap, monkeypatch)

        till_days.close(today, user=make_user())

        assert self.told() == self.kept() == (2, 2 * PRICE)
        late = (DayClose.objects.get(day=today).figures or {})["late"]
        assert [(row["count"], row["amount"]) for row in late] == [(1, PRICE)]

    def test_control_a_close_that_looks_at_its_own_day_loses_it(
        self, today: date, gap: Gap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        news = till_days._news
        monkeypatch.setattr(
            till_days,
            "_news",
            lambda day: [line for line in news(day) if line.day == day],
        )
        self.close_while_somebody_pays(today, gap, monkeypatch)

        till_days.close(today, user=make_user())

        assert (self.told(), self.kept()) == ((1, PRICE), (2, 2 * PRICE))

    def test_two_close_it_once(
        self, today: date, gap: Gap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.pay(today, "before")
        till_days.close(today - timedelta(days=1), user=make_user())
        stand = gap.after(till_signing.next_number)
        monkeypatch.setattr(till_signing, "next_number", stand)
        one = partial(till_days.close, today, user=make_user())

        results = gap.run(one, one)

        assert sorted(type(result).__name__ for result in results) == [
            "DayClose",
            "LinkConflict",
        ]
        assert self.told() == (1, PRICE)
        assert NumberSeries.objects.get(name="D").last == 2

    def close_while_somebody_pays(
        self, today: date, gap: Gap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Close yesterday while a payment of it is booked and not yet committed."""
        yesterday = today - timedelta(days=1)
        self.pay(yesterday, "before")
        owner = make_user()

        def close_it() -> None:
            till_days.close(yesterday, user=owner)

        with monkeypatch.context() as patch:
            stand = gap.at("payment.before_commit")
            patch.setattr(crash, "crash_at", stand)
            pay = partial(self.pay, yesterday, "meanwhile")
            gap.run_well(pay, gap.once_taken(close_it))

    def pay(self, day: date, payment_id: str) -> None:
        at = clock.now() - timedelta(days=(totals.business_day(clock.now()) - day).days)
        seen = make_seen(make_link(), payment_id=payment_id, occurred_at=at)
        assert payments.record(seen) is not None

    def told(self) -> tuple[int, int]:
        found = DayCloseLine.objects.aggregate(c=Sum("count"), m=Sum("amount_minor"))
        return int(found["c"]), int(found["m"])

    def kept(self) -> tuple[int, int]:
        paid = DailyTotal.objects.filter(measure="paid")
        found = paid.aggregate(c=Sum("count"), m=Sum("amount_minor"))
        return int(found["c"]), int(found["m"])
