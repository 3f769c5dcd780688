"""Refunds, disputes, payouts and fees: the same as plain SQL says."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from links.models import Dispute, FeeRate
from links.providers.base import (
    DisputeSnapshot,
    DisputeState,
    PayoutSnapshot,
    PayoutState,
)
from links.providers.registry import get_provider
from links.reports import fees
from links.reports.base import Ask, Report, Unit
from links.reports.behind import Behind
from links.reports.registry import REPORTS
from links.services import accounts, disputes, payments, payouts
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role

from .factories import NOON, make_customer, make_link, make_seen, make_user
from .report_shop import ZONE, day_of, rows_of, tell

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2025, 12, 1), date(2026, 7, 31)
RETURNED, BANKED, FEES = REPORTS["refunds"], REPORTS["payouts"], REPORTS["fees"]


@pytest.fixture(autouse=True)
def _in_use(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = settings.PAYPAL_CLIENT_ID = "x"
    settings.SQUARE_ACCESS_TOKEN = "x"


Under = Callable[[Sequence[Any]], str]
# moment, currency, amount, state, provider, method, maker
DISPUTES = """
SELECT dis.opened_at, dis.currency, dis.amount_minor, dis.state, acc.slug,
  COALESCE(pay.method, ''), link.created_by_id
FROM links_dispute dis JOIN links_provideraccount acc ON acc.id = dis.account_id
LEFT JOIN links_payment pay ON pay.id = dis.payment_id
LEFT JOIN links_paymentlink link ON link.id = pay.link_id
"""
REFUNDS = """
SELECT ref.occurred_at, ref.currency, ref.amount_minor, ref.state, acc.slug,
  pay.method, link.created_by_id
FROM links_refund ref JOIN links_payment pay ON pay.id = ref.payment_id
JOIN links_provideraccount acc ON acc.id = pay.account_id
LEFT JOIN links_paymentlink link ON link.id = pay.link_id
WHERE ref.state = 'succeeded'
"""
PAYOUTS = """
SELECT pyo.created_at, pyo.currency, pyo.amount_minor, pyo.state, acc.slug
FROM links_payout pyo JOIN links_provideraccount acc ON acc.id = pyo.account_id
"""
UNDER: dict[str, Under] = {
    "day": lambda row: day_of(row[0]).isoformat(),
    "week": lambda row: (
        day_of(row[0]) - timedelta(days=day_of(row[0]).weekday())
    ).isoformat(),
    "month": lambda row: day_of(row[0]).replace(day=1).isoformat(),
    "state": lambda row: str(row[3]),
    "provider": lambda row: str(row[4]),
    "method": lambda row: str(row[5]),
    "staff": lambda row: str(row[6] or ""),
}
OF_DISPUTES = {
    ("disputes", "disputed"): None,
    ("won", "won_amount"): ["won"],
    ("lost", "lost_amount"): ["lost"],
    ("open", "open_amount"): ["needs_response", "under_review"],
}


def shop() -> None:
    """With a dispute that nobody has decided, and payouts of all kinds."""
    tell()
    opened = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)
    for number, state in enumerate((DisputeState.NEEDS_RESPONSE, DisputeState.LOST)):
        disputes.record(
            DisputeSnapshot(
                account_slug="training",
                provider_dispute_id=f"o{number}",
                provider_payment_id="nobody knows",
                state=state,
                amount=Money(99 + number, "CHF"),
                reason="",
                opened_at=opened,
                respond_by=None,
                changed_at=opened + timedelta(days=40),
            )
        )
    for number, of in enumerate(PayoutState):
        payouts.record(
            PayoutSnapshot(
                account_slug=("stripe", "square")[number % 2],
                provider_payout_id=f"po{number}",
                state=of,
                amount=Money((-1) ** number * (5_000 + number), "EUR"),
                created_at=opened + timedelta(days=number),
                arrives_on=None,
            )
        )


def counted(
    query: str, by: str, states: "list[str] | None"
) -> tuple[Counter[Any], Counter[Any]]:
    """Number and sum by heading and currency."""
    number: Counter[Any] = Counter()
    minor: Counter[Any] = Counter()
    for row in rows_of(query):
        if states is None or row[3] in states:
            place = UNDER[by](row), row[1]
            number[place] += 1
            minor[place] += row[2]
    return number, minor


def is_told(report: Report, by: str, names: tuple[str, str], expected: Any) -> None:
    rows = report.rows(Ask(FIRST, LAST, by))
    for name, sums in zip(names, expected, strict=True):
        told = {(row.key, row.currency): row.figures[name] for row in rows}
        assert {k: v for k, v in told.items() if v} == {
            k: v for k, v in sums.items() if v
        }


def leads_to_its_rows(report: Report, by: str) -> int:
    followed = 0
    rows = report.rows(Ask(FIRST, LAST, by))
    for under, row in [(by, row) for row in rows] + [
        ("", r) for r in report.sums(rows)
    ]:
        for column in report.columns:
            if not column.measure or not row.figures[column.name]:
                continue
            code = Behind(
                column.measure, row.currency, FIRST, LAST, under, row.key
            ).code
            behind = Behind.parse(code)
            assert behind is not None
            amounts = list(behind.rows(ZONE).values_list("amount_minor", flat=True))
            is_count = column.unit == Unit.COUNT
            figure = len(amounts) if is_count else sum(amounts)
            assert figure == row.figures[column.name], (by, row, column.name)
            followed += 1
    return followed


def test_refunds_disputes_and_payouts_are_as_plain_sql_says() -> None:
    """And the control: a dispute that is another's by one is noticed."""
    shop()

    for by in RETURNED.by:
        is_told(RETURNED, by, ("refunds", "refunded"), counted(REFUNDS, by, None))
        for names, states in OF_DISPUTES.items():
            is_told(RETURNED, by, names, counted(DISPUTES, by, states))
        assert leads_to_its_rows(RETURNED, by) > 8
    for by in BANKED.by:
        for names, of in (
            (("payouts", "amount"), None),
            (("arrived", "arrived_amount"), ["paid"]),
            (("back", "back_amount"), ["canceled", "failed"]),
        ):
            is_told(BANKED, by, names, counted(PAYOUTS, by, of))
        assert leads_to_its_rows(BANKED, by) > 5

    expected = counted(DISPUTES, "month", None)
    Dispute.objects.filter(provider_dispute_id="o0").update(amount_minor=100)
    with pytest.raises(AssertionError):
        is_told(RETURNED, "month", ("disputes", "disputed"), expected)


class TestFees:
    """Estimates by hand: 290 of 10,000 and 30; 100 and 5 from March on."""

    @pytest.fixture(autouse=True)
    def _lists(self) -> None:
        for slug, share, fixed, since in (
            ("stripe", 290, 30, date(2025, 1, 1)),
            ("square", 500, 0, date(2025, 1, 1)),
            ("square", 100, 5, date(2026, 3, 10)),
            ("paypal", 100, 0, date(2026, 3, 11)),
        ):
            FeeRate.objects.create(
                account=accounts.get(slug),
                currency="EUR",
                share_bp=share,
                fixed_minor=fixed,
                valid_from=since,
            )

    def test_of_two_days_with_another_list_each(self) -> None:
        for number, back in enumerate((0, 0, 1)):
            seen = make_seen(
                make_link(),
                payment_id=f"p{number}",
                amount_minor=1_250,
                occurred_at=NOON - timedelta(days=back),
                fee_minor=40,
            )
            payments.record(seen)
        by_hand = make_seen(make_link(), payment_id="cash", account_slug="manual")
        payments.record(by_hand)

        (row,) = FEES.rows(Ask(date(2026, 3, 1), date(2026, 3, 31), "provider"))

        assert row.figures == {
            "paid": 3_750,
            "payments": 3,
            "fees": 120,
            "net": 3_630,
            "rate": 320,
            # 2.9 % of 2500 is 72.5, of 1250 it is 36.25; and three times 30
            "with_stripe": 73 + 36 + 90,
            # the day before 5 % and nothing; from the 10th on 1 % and twice 5
            "with_square": 63 + 25 + 10,
            "saved": 120 - 98,
        }  # of PayPal nothing is known of either day

    def test_as_plain_sql_says_in_four_currencies(self) -> None:
        tell()
        paid: Counter[Any] = Counter()
        kept: Counter[Any] = Counter()
        for at, currency, amount, fee in rows_of(
            "SELECT occurred_at, currency, amount_minor, fee_minor FROM links_payment p"
            " JOIN links_provideraccount a ON a.id = p.account_id"
            " WHERE state = 'succeeded' AND a.slug <> 'manual'"
        ):
            month = day_of(at).replace(day=1).isoformat()
            paid[month, currency] += amount
            kept[month, currency] += fee or 0

        rows = FEES.rows(Ask(FIRST, LAST, "month"))

        told = {(row.key, row.currency): row.figures for row in rows}
        assert {place: one["paid"] for place, one in told.items()} == dict(paid)
        assert {place: one["fees"] for place, one in told.items()} == dict(kept)
        assert len({currency for _month, currency in paid}) >= 4
        for row in rows:
            place = (fees.ONLINE, row.currency, FIRST, LAST, "month", row.key)
            behind = Behind(*place).rows(ZONE).values_list("amount_minor", flat=True)
            assert sum(behind) == row.figures["paid"]

    def test_names_are_those_of_the_providers(self) -> None:
        for slug, title in fees.TITLES.items():
            assert get_provider(slug).title == title

    def test_as_many_queries_for_many_payments_as_for_one(self) -> None:
        def asked() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert FEES.rows(Ask(FIRST, LAST, "day"))
            return len(captured)

        payments.record(make_seen(make_link(), payment_id="one"))
        one = asked()
        for number in range(12):
            seen = make_seen(make_link(), payment_id=f"p{number}")
            payments.record(replace(seen, occurred_at=NOON + timedelta(days=number)))

        assert asked() == one <= 3


@pytest.mark.parametrize("name", list(REPORTS))
def test_every_report_has_a_page_a_file_and_a_workbook_by_each_heading(
    client: Client, settings: Any, name: str
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(make_user(Role.FINANCE))
    payments.record(make_seen(make_link(make_customer()), fee_minor=44))
    for by in REPORTS[name].by:
        query = {"first": "2026-03-01", "last": "2026-03-31", "by": by}
        for place in ("links_report", "links_report_csv", "links_report_xlsx"):
            url = reverse(f"admin:{place}", args=[name], query=query)
            answer = client.get(url)
            assert answer.status_code == 200
            assert answer.getvalue() if answer.streaming else answer.content
