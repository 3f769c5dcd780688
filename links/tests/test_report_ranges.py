"""By customer, by line and by tax rate: the same as plain SQL says, row by row."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from links.models import AmountKind, LineItem, Payment
from links.providers.base import RefundSnapshot, RefundState
from links.reports import products
from links.reports.base import Ask, Report, Row
from links.reports.behind import Behind
from links.reports.registry import REPORTS
from links.services import payments
from links.services.amounts import LineData
from links.services.terms import Terms
from merchant_portal.lib.money import Money

from .factories import NOON, make_customer, make_link, make_seen
from .report_shop import ZONE, day_of, rows_of, tell

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2025, 12, 1), date(2026, 7, 31)
MONEY, PRODUCTS, TAX = REPORTS["payments"], REPORTS["products"], REPORTS["tax"]
# payment or refund, of it: day, currency, amount, what of it is of the lines, link
PAID = """
SELECT pay.occurred_at, pay.currency, pay.amount_minor,
  CASE WHEN link.currency = pay.currency
  THEN pay.amount_minor - pay.surplus_minor - pay.tip_minor ELSE 0 END,
  pay.link_id, link.customer_id, pay.fee_minor
FROM links_payment pay LEFT JOIN links_paymentlink link ON link.id = pay.link_id
WHERE pay.state = 'succeeded'
"""
REFUNDED = """
SELECT ref.occurred_at, ref.currency, ref.amount_minor,
  CASE WHEN ref.origin = 'surplus' OR link.currency <> pay.currency
    OR link.currency IS NULL THEN 0
  WHEN ref.amount_minor > pay.amount_minor - pay.surplus_minor - pay.tip_minor
  THEN pay.amount_minor - pay.surplus_minor - pay.tip_minor
  ELSE ref.amount_minor END, pay.link_id, link.customer_id, 0
FROM links_refund ref JOIN links_payment pay ON pay.id = ref.payment_id
LEFT JOIN links_paymentlink link ON link.id = pay.link_id
WHERE ref.state = 'succeeded'
"""
LOST = """
SELECT dis.closed_at, dis.currency, dis.amount_minor, 0, pay.link_id, link.customer_id, 0
FROM links_dispute dis LEFT JOIN links_payment pay ON pay.id = dis.payment_id
LEFT JOIN links_paymentlink link ON link.id = pay.link_id WHERE dis.state = 'lost'
"""


def ask(by: str) -> Ask:
    return Ask(FIRST, LAST, by)


def shop() -> None:
    """With three rates on one link, paid in parts and given back in part, and a tip."""
    tell()
    lines = (
        LineData("Cake", 3_333, tax_bp=1900),
        LineData("Book", 1_111, tax_bp=700),
        LineData("Cake", 250, tax_bp=1900),
        LineData("Stamps", 85),
    )
    parts = make_link(
        make_customer(),
        lines=lines,
        terms=Terms(kind=AmountKind.PARTS, minimum_minor=100),
    )
    back = RefundSnapshot("rb", RefundState.SUCCEEDED, Money(101, "EUR"), NOON)
    for number, minor in enumerate((1_001, 777, 20_000)):
        seen = make_seen(parts, payment_id=f"part{number}", amount_minor=minor)
        payments.record(seen)
    again = make_seen(parts, payment_id="part0", amount_minor=1_001)
    payments.record(replace(again, refunds=(back,)))
    other = make_link(make_customer(), currency="EUR")
    payments.record(make_seen(other, payment_id="dollars", currency="USD"))


def in_proportion(weights: Sequence[int], amount: int) -> list[int]:
    """Told another way than the product does: by fractions, one unit after the other."""
    whole = sum(weights)
    exact = [Fraction(weight * amount, whole) for weight in weights]
    found = [int(part) for part in exact]
    while sum(found) < amount:
        rests = [part - given for part, given in zip(exact, found, strict=True)]
        found[rests.index(max(rests))] += 1
    return found


def lines_of() -> dict[int, list[tuple[str, int, int, int]]]:
    found: dict[int, list[tuple[str, int, int, int]]] = defaultdict(list)
    for link, *line in rows_of(
        "SELECT link_id, description, tax_bp, net_minor, tax_minor FROM links_lineitem"
        " ORDER BY link_id, position"
    ):
        found[link].append(tuple(line))
    return found


def figures(rows: Sequence[Row], name: str) -> Counter[tuple[str, str]]:
    return Counter(
        {
            (row.key, row.currency): row.figures[name]
            for row in rows
            if row.figures[name]
        }
    )


def by_line(query: str) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    lines = lines_of()
    for _at, currency, amount, used, link, _customer, _fee in rows_of(query):
        used = used or 0
        if used:
            of_link = lines[link]
            weights = [net + tax_minor for _what, _rate, net, tax_minor in of_link]
            shares = in_proportion(weights, used)
            for (what, *_rest), part in zip(of_link, shares, strict=True):
                found[what, currency] += part
        found["", currency] += amount - used
    return +found


def by_rate(query: str) -> Iterator[tuple[tuple[str, str], date, int, int]]:
    """(rate, currency), day, gross and tax of each part."""
    lines = lines_of()
    for at, currency, amount, used, link, _customer, _fee in rows_of(query):
        used = used or 0
        if used:
            sums: dict[int, list[int]] = {}
            for _what, rate, net, tax_minor in lines[link]:
                of_rate = sums.setdefault(rate, [0, 0])
                of_rate[0] += net + tax_minor
                of_rate[1] += tax_minor
            rates = sorted(sums)
            whole = [sums[rate][0] for rate in rates]
            for rate, part in zip(rates, in_proportion(whole, used), strict=True):
                exact = Fraction(part * 10_000, 10_000 + rate)
                net = int(exact + Fraction(1, 2))
                all_of_it = used == sum(whole)
                yield (
                    (str(rate), currency),
                    day_of(at),
                    part,
                    sums[rate][1] if all_of_it else part - net,
                )
        if amount > used:
            yield ("", currency), day_of(at), amount - used, 0


def test_customers_lines_and_rates_are_as_plain_sql_says() -> None:
    """And the control: a line of other words or price is noticed."""
    shop()

    rows = MONEY.rows(ask("customer"))
    for name, query in (("paid", PAID), ("refunded", REFUNDED), ("lost", LOST)):
        expected: Counter[tuple[str, str]] = Counter()
        for _at, currency, amount, _used, _link, customer, _fee in rows_of(query):
            expected[str(customer or ""), currency] += amount
        assert figures(rows, name) == expected
        assert len(expected) > 2
    lines = PRODUCTS.rows(ask("product"))
    assert figures(lines, "paid") == by_line(PAID)
    assert figures(lines, "refunded") == by_line(REFUNDED)
    rates = TAX.rows(ask("rate"))
    months = TAX.rows(ask("month"))
    for name, query in (("paid", PAID), ("refunded", REFUNDED)):
        gross, in_it, of_month = Counter[Any](), Counter[Any](), Counter[Any]()
        for place, day, part, tax_minor in by_rate(query):
            gross[place] += part
            in_it[place] += tax_minor
            of_month[day.replace(day=1).isoformat(), place[1]] += tax_minor
        assert figures(rates, name) == gross
        assert figures(rates, f"{name}_tax") == +in_it
        assert figures(months, f"{name}_tax") == +of_month
    assert {row.key for row in rates} >= {"", "0", "700", "1900"}

    LineItem.objects.filter(description="Stamps").update(description="Labels")
    assert figures(lines, "paid") != by_line(PAID)


@pytest.mark.parametrize("by", ["customer", "product", "rate"])
def test_all_come_to_the_same_and_lead_to_their_rows(by: str) -> None:
    shop()
    report: Report = {"customer": MONEY, "product": PRODUCTS, "rate": TAX}[by]
    rows = report.rows(ask(by))

    sums = {row.currency: row.figures for row in report.sums(rows)}
    daily = {row.currency: row.figures for row in MONEY.sums(MONEY.rows(ask("day")))}
    for currency, figures_of in daily.items():
        for name in ("paid", "refunded"):
            assert sums[currency][name] == figures_of[name]
    followed = 0
    for row in rows:
        for column in report.columns:
            if not column.measure or not row.figures[column.name]:
                continue
            code = Behind(column.measure, row.currency, FIRST, LAST, by, row.key).code
            behind = Behind.parse(code)
            assert behind is not None
            behind_it = list(behind.rows(ZONE))
            assert behind_it, (row, column.name)
            if by == "customer" and column.unit == "money":
                minor = sum(one.amount_minor for one in behind_it)
                assert minor == row.figures[column.name]
            elif column.unit == "count":
                assert len(behind_it) == row.figures[column.name], (row, column.name)
            else:
                whole = sum(one.amount_minor for one in behind_it)
                assert whole >= row.figures[column.name]
            followed += 1
    assert followed > 8


def test_reads_the_period_alone_and_not_more_often_for_more() -> None:
    for day in range(30):
        at = NOON - timedelta(days=day * 20)
        seen = make_seen(make_link(), payment_id=f"p{day}", occurred_at=at)
        payments.record(seen)

    def asked(report: Report, by: str, first: date) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert report.rows(Ask(first, NOON.date(), by))
        return len(captured)

    assert Payment.objects.count() == 30
    for report, by in ((MONEY, "customer"), (PRODUCTS, "product"), (TAX, "rate")):
        few = asked(report, by, NOON.date() - timedelta(days=30))
        assert asked(report, by, NOON.date() - timedelta(days=600)) == few <= 6
    if connection.vendor == "sqlite":
        source = products.places()[products.PAID]
        plan = source.within(FIRST, LAST, ZONE).explain()
        assert "payment_by_day" in plan
