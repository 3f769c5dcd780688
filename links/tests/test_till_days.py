"""Closing a day: everything in one report, once, and what comes later in the next."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from conftest import FrozenClock
from links.models import (
    DailyTotal,
    DayClose,
    DayCloseLine,
    Measure,
    Payment,
    Refund,
    Shift,
)
from links.providers.base import RefundSnapshot, RefundState, SeenState
from links.services import (
    manual,
    payments,
    rebuilding,
    till,
    till_closing,
    till_days,
    till_papers,
    till_words,
)
from links.services.errors import LinkConflict, LinkError
from links.services.till_closing import Count
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User

from .factories import make_link, make_seen, make_user
from .pdf_reader import words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
DAY = date(2026, 6, 15)
NEXT = DAY + timedelta(days=1)
Row = tuple[str, str, str, int, int]


@pytest.fixture
def owner() -> User:
    return make_user()


def paid_online(payment_id: str, at: datetime, minor: int = 1_250) -> None:
    seen = make_seen(
        make_link(amount_minor=minor),
        payment_id=payment_id,
        amount_minor=minor,
        occurred_at=at,
    )
    payments.record(seen)


def sold(user: User, minor: int, method: str = "cash") -> Shift:
    """In a shift that was closed at once."""
    shift = till.begin(register=user.email[:40], floats={"EUR": 5_000}, user=user)
    manual.record_sale(
        shift,
        amount_minor=minor,
        currency="EUR",
        method=method,
        what="Bread",
        actor=user.actor(),
    )
    cash = minor if method == "cash" else 0
    return till_closing.close(shift, Count({"EUR": 5_000 + cash}), user=user)


def rows(made: DayClose, name: str) -> list[Row]:
    return [
        (row["account"], row["method"], row["measure"], row["count"], row["amount"])
        for row in (made.figures or {})[name]
    ]


def told_and_kept() -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What all closes together say, and what the daily totals of their days say."""
    names = ("day", "measure", "currency", "account_pk", "method")
    last = DayClose.objects.order_by("day").last()
    assert last is not None
    measures = [Measure.PAID, Measure.REFUNDED, Measure.LOST]
    kept = DailyTotal.objects.filter(day__lte=last.day, measure__in=measures)

    def summed(found: Any) -> dict[Any, Any]:
        sums = found.order_by().values_list(*names)
        return {
            tuple(key): (count, minor)
            for *key, count, minor in sums.annotate(
                c=Sum("count"), m=Sum("amount_minor")
            )
            if count or minor
        }

    return summed(DayCloseLine.objects.all()), summed(kept)


def test_is_all_of_the_day_by_method(owner: User, frozen: FrozenClock) -> None:
    sold(owner, 2_000)
    shift = sold(make_user(), 3_000, "terminal")
    paid_online("a", frozen.at)
    back = RefundSnapshot("b", RefundState.SUCCEEDED, Money(250, "EUR"), frozen.at)
    payments.record(replace(make_seen(payment_id="a"), refunds=(back,)))
    payments.record(make_seen(payment_id="f", state=SeenState.FAILED))

    made = till_days.close(DAY, user=owner)

    assert (made.number, made.day, made.closed_by) == ("D-000001", DAY, owner)
    assert sorted(rows(made, "money")) == [
        ("manual", "cash", "paid", 1, 2_000),
        ("manual", "terminal", "paid", 1, 3_000),
        ("training", "card", "paid", 1, 1_250),
        ("training", "card", "refunded", 1, 250),
    ]
    assert rows(made, "late") == []
    together = till_words.of_day(made.figures or {})[0]
    assert list(together.rows) == [["EUR", "€62.50", "€2.50", "€0.00"]]
    assert [one["number"] for one in (made.figures or {})["shifts"]] == [
        "Z-000001",
        "Z-000002",
    ]
    shift.refresh_from_db()
    assert shift.day_close == made
    entry = AuditEntry.objects.get(action="day.closed")
    assert entry.details == {"day": "2026-06-15", "signature": made.signature}


def test_money_of_no_shift_is_said(owner: User) -> None:
    manual.record_payment(
        make_link(), amount_minor=1250, method="cash", actor=owner.actor()
    )
    sold(owner, 900)

    made = till_days.close(DAY, user=owner)

    assert (made.figures or {})["outside"] == [
        {"method": "cash", "currency": "EUR", "count": 1, "amount": 1_250}
    ]
    assert rows(made, "money") == [("manual", "cash", "paid", 2, 2_150)]


def test_open_shifts_come_first(owner: User) -> None:
    shift = till.begin(register="Counter", floats={"EUR": 0}, user=owner)

    assert till_days.outlook(DAY).open == [shift]
    with pytest.raises(LinkConflict, match="open shifts"):
        till_days.close(DAY, user=owner)

    assert not DayClose.objects.exists()
    till_closing.close(shift, Count({"EUR": 0}), user=owner)
    till_days.close(DAY, user=owner)


def test_a_shift_past_midnight_belongs_to_the_day_it_began(
    owner: User, frozen: FrozenClock
) -> None:
    frozen.move(hours=11)
    shift = till.begin(register="Bar", floats={"EUR": 0}, user=owner)
    frozen.move(hours=3)

    with pytest.raises(LinkConflict):
        till_days.close(DAY, user=owner)
    till_closing.close(shift, Count({"EUR": 0}), user=owner)

    assert len((till_days.close(DAY, user=owner).figures or {})["shifts"]) == 1


def test_what_comes_after_the_close_is_on_the_next(
    owner: User, frozen: FrozenClock
) -> None:
    """A webhook that was late, by a day that is closed."""
    paid_online("a", frozen.at)
    till_days.close(DAY, user=owner)
    frozen.move(hours=2)
    paid_online("late", frozen.at - timedelta(hours=3), 700)
    sold(owner, 400)
    frozen.move(days=1)
    paid_online("b", frozen.at, 900)

    made = till_days.close(NEXT, user=owner)

    assert rows(made, "money") == [("training", "card", "paid", 1, 900)]
    assert sorted(rows(made, "late")) == [
        ("manual", "cash", "paid", 1, 400),
        ("training", "card", "paid", 1, 700),
    ]
    assert {row["day"] for row in (made.figures or {})["late"]} == {"2026-06-15"}
    assert len((made.figures or {})["shifts"]) == 1
    told, kept = told_and_kept()
    assert told == kept
    first = DayClose.objects.get(day=DAY)
    assert till_days.problems(first) == till_days.problems(made) == []


def test_what_is_undone_later_is_taken_off_again(
    owner: User, frozen: FrozenClock
) -> None:
    """A refund that a bank sent back: it had counted, now it does not."""
    paid_online("a", frozen.at)
    back = RefundSnapshot("b", RefundState.SUCCEEDED, Money(250, "EUR"), frozen.at)
    payments.record(replace(make_seen(payment_id="a"), refunds=(back,)))
    till_days.close(DAY, user=owner)
    frozen.move(days=1)
    failed = replace(back, state=RefundState.FAILED)
    payments.record(replace(make_seen(payment_id="a"), refunds=(failed,)))
    assert Refund.objects.get().state == RefundState.FAILED

    made = till_days.close(NEXT, user=owner)

    assert rows(made, "late") == [("training", "card", "refunded", -1, -250)]
    told, kept = told_and_kept()
    assert told == kept


def test_days_that_nobody_closed_are_in_the_next(
    owner: User, frozen: FrozenClock
) -> None:
    till_days.close(DAY, user=owner)
    frozen.move(days=1)
    paid_online("sunday", frozen.at)
    frozen.move(days=1)

    made = till_days.close(NEXT + timedelta(days=1), user=owner)

    assert (made.figures or {})["late"][0]["day"] == "2026-06-16"


def test_the_first_begins_with_its_own_day(owner: User, frozen: FrozenClock) -> None:
    paid_online("before", frozen.at - timedelta(days=3))

    made = till_days.close(DAY, user=owner)

    assert (rows(made, "money"), rows(made, "late")) == ([], [])
    assert till_days.problems(made) == []
    assert "Nothing happened on this day." in words(till_papers.of_day(made))


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (DAY, "This day is closed"),
        (DAY - timedelta(days=1), "This day is closed"),
        (NEXT, "has not begun"),
    ],
)
def test_a_day_is_closed_once_in_order_and_not_before_it_is(
    day: date, said: str, owner: User
) -> None:
    till_days.close(DAY, user=owner)

    with pytest.raises(LinkError, match=said):
        till_days.close(day, user=owner)

    assert DayClose.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        DayClose.objects.create(day=DAY, closed_by=owner, closed_at=DAY_AT)


DAY_AT = datetime.fromisoformat("2026-06-15T12:00:00+00:00")


def test_the_day_after_the_last_is_the_next(owner: User, frozen: FrozenClock) -> None:
    assert till_days.next_day() == DAY
    till_days.close(DAY, user=owner)
    assert till_days.next_day() == DAY
    frozen.move(days=3)
    assert till_days.next_day() == NEXT


class TestChanged:
    @pytest.fixture
    def made(self, owner: User, frozen: FrozenClock) -> DayClose:
        sold(owner, 2_000)
        paid_online("a", frozen.at)
        return till_days.close(DAY, user=owner)

    def test_nothing(self, made: DayClose) -> None:
        assert till_days.problems(made) == []

    def test_a_line(self, made: DayClose) -> None:
        made.lines.filter(method="card").update(amount_minor=1)

        assert till_days.problems(made) == [
            "The sums in the tables are not what this report says."
        ]

    def test_its_figures(self, made: DayClose) -> None:
        figures = made.figures or {}
        figures["closed_by"] = "Somebody else"
        DayClose.objects.update(figures=figures)

        made.refresh_from_db()
        assert till_days.problems(made) == [
            "The figures of this report were changed after it was signed."
        ]

    def test_a_shift_of_it(self, made: DayClose) -> None:
        Shift.objects.update(day_close=None)

        assert till_days.problems(made) == [
            "The shifts of this day are not what this report says."
        ]

    def test_the_paper_says_the_same_again(self, made: DayClose) -> None:
        first = till_papers.of_day(made)

        assert first == till_papers.of_day(DayClose.objects.get())
        for said in ("D-000001", "Jun 15, 2026", "€20.00", "€12.50", "Z-000001"):
            assert said in words(first).replace("15 Jun 2026", "Jun 15, 2026")


def test_agrees_with_the_reports_and_with_plain_sql(
    owner: User, frozen: FrozenClock
) -> None:
    """Four days; of each some is heard of after its close; closed on three of them."""
    numbers = iter(range(1_000))
    for day in range(4):
        for _one in range(5):
            number = next(numbers)
            late = timedelta(days=number % 3)
            at = max(frozen.at - late, DAY_AT)
            paid_online(f"p{number}", at, 1_001 + 37 * number)
            if number % 4 == 1:
                back = RefundSnapshot(
                    f"b{number}", RefundState.SUCCEEDED, Money(99 + number, "EUR"), at
                )
                seen = make_seen(payment_id=f"p{number}", amount_minor=1)
                payments.record(replace(seen, refunds=(back,)))
        sold(owner, 333 + day)
        if day != 1:
            till_days.close(DAY + timedelta(days=day), user=owner)
        frozen.move(days=1)

    told, kept = told_and_kept()
    with connection.cursor() as cursor:
        cursor.execute("SELECT SUM(amount_minor), COUNT(*) FROM links_payment")
        paid = tuple(map(int, cursor.fetchone()))
        cursor.execute("SELECT SUM(amount_minor), COUNT(*) FROM links_refund")
        back_sums = tuple(map(int, cursor.fetchone()))

    assert told == kept
    by_measure = {
        measure: tuple(map(sum, zip(*found, strict=True)))
        for measure in ("paid", "refunded")
        if (found := [(m, c) for key, (c, m) in told.items() if key[1] == measure])
    }
    assert by_measure == {"paid": paid, "refunded": back_sums}
    assert paid[1] == Payment.objects.count() == 24
    assert list(rebuilding.rebuild(is_dry=True)) == []
    assert all(till_days.problems(made) == [] for made in DayClose.objects.all())
    shifts = Shift.objects.filter(day_close__isnull=False)
    assert shifts.count() == Shift.objects.count() == 4


def test_looking_takes_few_queries(
    owner: User, django_assert_max_num_queries: Any
) -> None:
    for _number in range(4):
        sold(make_user(), 100)

    with django_assert_max_num_queries(10):
        till_words.of_day(till_days.figures_of(till_days.outlook(DAY)))
