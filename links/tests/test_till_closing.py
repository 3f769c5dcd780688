"""Closing a shift: what is counted, what its report says, and what its signature proves."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from conftest import FrozenClock
from links.models import (
    Payment,
    Shift,
    ShiftState,
)
from links.services import (
    manual,
    payments,
    till_closing,
    till_figures,
    till_papers,
    till_signing,
    till_words,
)
from links.services.errors import LinkConflict, LinkError
from links.services.till_closing import Count, CountDiffers
from merchant_portal.audit.models import AuditEntry
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .at_the_till import begin, close, drawer, give_back, move, sell
from .factories import make_link, make_seen, make_user
from .pdf_reader import words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]


@pytest.fixture
def cashier() -> User:
    return make_user(Role.FINANCE, "carla@shop.example")


class TestClosing:
    def test_says_what_there_was(self, cashier: User, frozen: FrozenClock) -> None:
        shift = begin(cashier)
        sell(shift, 1_250)
        sell(shift, 1_000)
        sell(shift, 4_000, method="terminal")
        sell(shift, 900, method="cheque")
        move(shift, "in", 5_000)
        move(shift, "out", 3_000)
        frozen.move(hours=8)

        closed = close(shift, EUR=14_250)

        assert (closed.number, closed.state) == ("Z-000001", ShiftState.CLOSED)
        assert (closed.closed_at, closed.closed_by) == (frozen.at, cashier)
        figures = closed.figures or {}
        assert figures["cash"] == [
            {
                "currency": "EUR",
                "float": 10_000,
                "taken": 2_250,
                "given": 0,
                "put_in": 5_000,
                "taken_out": 3_000,
                "expected": 14_250,
                "counted": 14_250,
                "over": 0,
            }
        ]
        assert figures["taken"] == [
            {"method": "cash", "currency": "EUR", "count": 2, "amount": 2_250},
            {"method": "cheque", "currency": "EUR", "count": 1, "amount": 900},
            {"method": "terminal", "currency": "EUR", "count": 1, "amount": 4_000},
        ]
        assert [row["amount"] for row in figures["moves"]] == [5_000, 3_000]
        assert figures["previous"] == ""
        count = closed.cash.get()
        assert (count.expected_minor, count.counted_minor) == (14_250, 14_250)
        entry = AuditEntry.objects.get(action="shift.closed")
        assert entry.details["signature"] == closed.signature

    def test_what_was_paid_online_meanwhile_stands_beside(
        self, cashier: User, frozen: FrozenClock
    ) -> None:
        earlier = frozen.at - timedelta(hours=1)
        payments.record(make_seen(make_link(), payment_id="b", occurred_at=earlier))
        shift = begin(cashier)
        frozen.move(hours=1)
        payments.record(make_seen(make_link(), payment_id="a", occurred_at=frozen.at))

        closed = close(shift, EUR=10_000)

        assert (closed.figures or {})["online"] == [
            {
                "account": "training",
                "method": "card",
                "currency": "EUR",
                "count": 1,
                "amount": 1_250,
                "back_count": 0,
                "back": 0,
            }
        ]
        assert drawer(closed)["taken"] == 0

    def test_what_does_not_agree_is_told_before_it_is_closed(
        self, cashier: User
    ) -> None:
        shift = begin(cashier)

        with pytest.raises(CountDiffers) as told:
            close(shift, EUR=9_900)

        assert told.value.apart == {"EUR": -100}
        shift.refresh_from_db()
        assert (shift.state, shift.counts, shift.number) == (ShiftState.OPEN, 1, None)
        entry = AuditEntry.objects.get(action="shift.counted")
        assert entry.details == {"apart": {"EUR": -100}}

    def test_a_note_written_before_anybody_knew_does_not_close_it(
        self, cashier: User
    ) -> None:
        shift = begin(cashier)

        with pytest.raises(CountDiffers):
            till_closing.close(shift, Count({"EUR": 9_900}, "lost"), user=cashier)
        shift.refresh_from_db()
        assert shift.is_open

    def test_with_the_reason_it_is_closed(self, cashier: User) -> None:
        shift = begin(cashier)
        with pytest.raises(CountDiffers) as told:
            close(shift, EUR=10_150)

        count = Count({"EUR": 10_150}, "Wrong change", told.value.apart)
        closed = till_closing.close(shift, count, user=cashier)

        assert drawer(closed)["over"] == 150
        assert (closed.note, closed.counts) == ("Wrong change", 2)

    def test_a_sale_meanwhile_makes_it_another_difference(self, cashier: User) -> None:
        shift = begin(cashier)
        with pytest.raises(CountDiffers) as told:
            close(shift, EUR=9_900)
        sell(shift, 500)

        with pytest.raises(CountDiffers) as again:
            till_closing.close(
                shift, Count({"EUR": 9_900}, "lost", told.value.apart), user=cashier
            )

        assert again.value.apart == {"EUR": -600}

    def test_every_currency_is_counted(self, cashier: User) -> None:
        shift = begin(cashier)
        sell(shift, 500, currency="CHF")
        assert till_closing.currencies(shift) == ["CHF", "EUR"]

        with pytest.raises(LinkError) as refused:
            close(shift, EUR=10_000)

        assert refused.value.field == "counted_CHF"
        closed = close(shift, EUR=10_000, CHF=500)
        rows = (closed.figures or {})["cash"]
        assert [(row["currency"], row["expected"]) for row in rows] == [
            ("CHF", 500),
            ("EUR", 10_000),
        ]

    def test_twice_is_once(self, cashier: User) -> None:
        shift = begin(cashier)
        close(shift, EUR=10_000)

        with pytest.raises(LinkConflict, match="closed before"):
            close(shift, EUR=10_000)
        assert AuditEntry.objects.filter(action="shift.closed").count() == 1

    def test_a_colleague_may_close_what_was_forgotten(self, cashier: User) -> None:
        owner = make_user()

        closed = till_closing.close(begin(cashier), Count({"EUR": 10_000}), user=owner)

        assert (closed.opened_by, closed.closed_by) == (cashier, owner)

    def test_numbers_have_no_gaps(self, cashier: User) -> None:
        for _time in range(3):
            close(begin(cashier), EUR=10_000)

        numbers = Shift.objects.order_by("pk").values_list("number", flat=True)
        assert list(numbers) == ["Z-000001", "Z-000002", "Z-000003"]

    def test_the_report_so_far_takes_few_queries(
        self, cashier: User, django_assert_max_num_queries: Any
    ) -> None:
        shift = begin(cashier)
        for _sale in range(5):
            sell(shift)

        with django_assert_max_num_queries(6):
            till_figures.of(shift)
            till_figures.online(shift.opened_at, shift.opened_at)


class TestSignature:
    @pytest.fixture
    def closed(self, cashier: User) -> Shift:
        close(begin(cashier), EUR=10_000)
        shift = begin(cashier)
        sell(shift)
        return close(shift, EUR=11_250)

    def test_is_good(self, closed: Shift) -> None:
        assert till_closing.problems(closed) == []

    def test_a_changed_figure_shows(self, closed: Shift) -> None:
        figures = closed.figures or {}
        figures["cash"][0]["counted"] = 1
        Shift.objects.filter(pk=closed.pk).update(figures=figures)

        closed.refresh_from_db()
        assert len(till_closing.problems(closed)) == 2

    def test_signed_anew_with_another_key_it_shows(self, closed: Shift) -> None:
        Shift.objects.filter(pk=closed.pk).update(signature="0" * 64)

        closed.refresh_from_db()
        assert till_closing.problems(closed) == [
            "The figures of this report were changed after it was signed."
        ]

    def test_a_changed_payment_shows(self, closed: Shift) -> None:
        Payment.objects.update(amount_minor=1_249)

        assert till_closing.problems(closed) == [
            "The cash in the tables is not what this report says.",
            "The payments in the tables are not what this report says.",
        ]

    def test_a_payment_put_into_it_later_shows(self, closed: Shift) -> None:
        link = make_link()
        manual.record_payment(
            link, amount_minor=1250, method="terminal", actor=make_user().actor()
        )
        Payment.objects.update(shift=closed)

        assert till_closing.problems(closed) == [
            "The payments in the tables are not what this report says."
        ]

    def test_one_taken_out_shows_at_the_next(self, closed: Shift) -> None:
        first = Shift.objects.get(number="Z-000001")
        first.cash.all().delete()
        first.delete()

        assert till_closing.problems(closed) == [
            "The report before this one was changed or is missing."
        ]

    def test_it_is_checked_with_the_key_that_made_it(
        self, closed: Shift, settings: Settings
    ) -> None:
        ours = settings.AUDIT_KEYS
        settings.AUDIT_KEYS = {"v9": "n" * 40, **ours}
        assert till_signing.problems(closed) == []

        settings.AUDIT_KEYS = {"v9": "n" * 40}
        (problem,) = till_signing.problems(closed)
        assert "holds no key" in problem

    def test_the_paper_says_the_same_again(self, closed: Shift) -> None:
        first = till_papers.of_shift(closed)
        again = till_papers.of_shift(Shift.objects.get(pk=closed.pk))

        assert first == again
        text = words(first)
        for said in ("Z-000002", "Counter", "€112.50", "agrees", "carla@shop.example"):
            assert said in text
        assert till_papers.signature(closed)[:17] in text


def test_agrees_with_plain_sql_to_the_minor_unit(
    cashier: User, frozen: FrozenClock
) -> None:
    """Two shifts of odd amounts, methods, currencies and refunds."""
    owner, numbers = make_user(), iter(range(1, 10_000, 37))
    methods = ("cash", "terminal", "transfer", "cheque", "other")
    for _shift in range(2):
        shift = begin(cashier, EUR=10_003, CHF=77)
        for number in range(24):
            currency = "CHF" if number % 5 == 4 else "EUR"
            method = methods[number % 3 if number % 4 else number % 5]
            payment = sell(shift, 100 + next(numbers), method=method, currency=currency)
            if number % 6 == 1:
                give_back(payment, 13 + number, asked=cashier, by=owner)
            if number % 7 == 2:
                move(shift, "in" if number % 2 else "out", 101 + number)
            frozen.move(minutes=7)
        cash = till_figures.of(shift).cash()
        close(shift, **{code: one.expected for code, one in cash.items()})

    sums = """
        SELECT s.number, c.currency, c.float_minor
          + (SELECT COALESCE(SUM(p.amount_minor), 0) FROM links_payment p
             WHERE p.shift_id = s.id AND p.method = 'cash' AND p.currency = c.currency)
          - (SELECT COALESCE(SUM(r.amount_minor), 0) FROM links_refund r
             JOIN links_payment p ON p.id = r.payment_id
             WHERE r.shift_id = s.id AND p.method = 'cash' AND r.currency = c.currency)
          + (SELECT COALESCE(SUM(CASE m.kind WHEN 'in' THEN m.amount_minor
                                 ELSE -m.amount_minor END), 0) FROM links_cashmovement m
             WHERE m.shift_id = s.id AND m.currency = c.currency)
        FROM links_shift s JOIN links_cashcount c ON c.shift_id = s.id ORDER BY 1, 2
    """
    with connection.cursor() as cursor:
        cursor.execute(sums)
        by_sql = [(number, currency, int(sum_)) for number, currency, sum_ in cursor]
        cursor.execute("SELECT SUM(amount_minor), COUNT(*) FROM links_payment")
        all_minor, all_count = cursor.fetchone()
    shifts = Shift.objects.order_by("number")
    reported = [
        (shift.number, row["currency"], row["expected"])
        for shift in shifts
        for row in (shift.figures or {})["cash"]
    ]
    taken = [row for shift in shifts for row in (shift.figures or {})["taken"]]

    assert reported == by_sql
    assert len(reported) == 4
    assert sum(row["amount"] for row in taken) == all_minor
    assert sum(row["count"] for row in taken) == all_count == 48
    assert all(till_closing.problems(shift) == [] for shift in shifts)


def test_blind_says_everything_but_what_the_cash_comes_to(cashier: User) -> None:
    shift = begin(cashier)
    sell(shift, 1_234)
    sell(shift, 4_321, method="terminal")
    figures = {**till_figures.of(shift).plain(), "online": []}

    blind = str(till_words.of_shift(figures, is_blind=True))
    seen = str(till_words.of_shift(figures))

    assert "12.34" not in blind
    assert "112.34" not in blind
    assert "43.21" in blind
    assert "112.34" in seen
