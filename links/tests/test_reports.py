"""Reports: the same figures as the rows themselves, and every figure leads to its rows."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from conftest import FrozenClock
from links.models import DailyTotal, Measure
from links.providers.base import (
    RefundSnapshot,
    RefundState,
)
from links.reports.base import Ask, Report, ReportError, Unit
from links.reports.behind import Behind
from links.reports.registry import REPORTS
from links.services import payments, rebuilding
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Right, Role

from .factories import NOON, make_customer, make_link, make_seen, make_user
from .report_shop import ZONE, day_of, tell

pytestmark = pytest.mark.django_db
ALL = Ask(date(2025, 12, 1), date(2026, 7, 31), "day")
MONEY = REPORTS["payments"]
PAYMENTS = """
SELECT pay.occurred_at, pay.currency, acc.slug, pay.method, link.created_by_id,
       pay.amount_minor, pay.fee_minor
FROM links_payment pay JOIN links_provideraccount acc ON acc.id = pay.account_id
LEFT JOIN links_paymentlink link ON link.id = pay.link_id
WHERE pay.state = 'succeeded'
"""
REFUNDS = """
SELECT ref.occurred_at, ref.currency, acc.slug, pay.method, link.created_by_id,
       ref.amount_minor, 0
FROM links_refund ref JOIN links_payment pay ON pay.id = ref.payment_id
JOIN links_provideraccount acc ON acc.id = pay.account_id
LEFT JOIN links_paymentlink link ON link.id = pay.link_id
WHERE ref.state = 'succeeded'
"""
LOST = """
SELECT dis.closed_at, dis.currency, acc.slug, COALESCE(pay.method, ''),
       link.created_by_id, dis.amount_minor, 0
FROM links_dispute dis JOIN links_provideraccount acc ON acc.id = dis.account_id
LEFT JOIN links_payment pay ON pay.id = dis.payment_id
LEFT JOIN links_paymentlink link ON link.id = pay.link_id
WHERE dis.state = 'lost'
"""
SENT = """
SELECT first_sent_at, currency, '', '', created_by_id, first_sent_minor, 0
FROM links_paymentlink WHERE first_sent_at IS NOT NULL
"""
Under = Callable[[date, tuple[Any, ...]], str]
UNDER: dict[str, Under] = {
    "day": lambda day, _row: day.isoformat(),
    "week": lambda day, _row: (day - timedelta(days=day.weekday())).isoformat(),
    "month": lambda day, _row: day.replace(day=1).isoformat(),
    "provider": lambda _day, row: str(row[2]),
    "method": lambda _day, row: str(row[3]),
    "staff": lambda _day, row: str(row[4] or ""),
}


def counted(query: str, by: str) -> dict[tuple[str, str], Counter[str]]:
    """(heading, currency) → count, sum and fees, added up row by row from plain SQL."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(query)
        for row in cursor.fetchall():
            day = day_of(row[0])
            sums = found[UNDER[by](day, row), row[1]]
            sums.update(count=1, minor=row[5], fees=row[6] or 0)
    return found


QUERIES = {
    Measure.PAID: PAYMENTS,
    Measure.REFUNDED: REFUNDS,
    Measure.LOST: LOST,
    Measure.SENT: SENT,
}


def is_as_counted(report: Report, by: str) -> int:
    """Compare each figure with its rows in plain SQL; how many were compared."""
    rows = {(row.key, row.currency): row for row in report.rows(replace(ALL, by=by))}
    compared = 0
    for column in report.columns:
        if not column.measure:
            continue
        expected = counted(QUERIES[Measure(column.measure)], by)
        assert expected.keys() <= rows.keys()
        for place, row in rows.items():
            sums = expected.get(place, Counter())
            name = "count" if column.unit == Unit.COUNT else "minor"
            assert row.figures[column.name] == sums[name], (by, column.name, place)
            compared += 1
    return compared


def leads_to_its_rows(report: Report, by: str) -> int:
    """Follow each figure that is not zero, and those of the sums; how many there were."""
    ask = replace(ALL, by=by)
    rows = report.rows(ask)
    followed = 0
    for under, row in [(by, row) for row in rows] + [
        ("", row) for row in report.sums(rows)
    ]:
        for column in report.columns:
            if not column.measure or not row.figures[column.name]:
                continue
            behind = Behind.parse(
                Behind(
                    column.measure, row.currency, ask.first, ask.last, under, row.key
                ).code
            )
            assert behind is not None
            amount = "first_sent_minor" if column.name == "asked" else "amount_minor"
            amounts = behind.rows(ZONE).values_list(amount, flat=True)
            figure = len(amounts) if column.unit == Unit.COUNT else sum(amounts)
            assert figure == row.figures[column.name], (by, row, column.name)
            followed += 1
    return followed


def test_every_figure_is_that_of_the_rows_and_leads_to_them() -> None:
    """And, the control: one cent more in one sum of a day is noticed."""
    tell()
    assert list(rebuilding.rebuild(is_dry=True)) == []

    for report in (MONEY, REPORTS["links"]):
        for by in UNDER.keys() & report.by.keys():
            assert is_as_counted(report, by) > 5, (report.name, by)
            assert leads_to_its_rows(report, by) > 5, (report.name, by)

    sums = {row.currency: row.figures for row in MONEY.sums(MONEY.rows(ALL))}
    assert {"EUR", "CHF", "JPY", "KWD", "USD"} <= sums.keys()
    euros = sums["EUR"]
    assert min(euros["refunds"], euros["disputes"], euros["fees"]) > 0
    assert euros["net"] == (
        euros["paid"] - euros["refunded"] - euros["lost"] - euros["fees"]
    )
    some = DailyTotal.objects.filter(measure=Measure.PAID, currency="EUR").latest("pk")
    DailyTotal.objects.filter(pk=some.pk).update(amount_minor=some.amount_minor + 1)
    for check in (is_as_counted, leads_to_its_rows):
        with pytest.raises(AssertionError):
            check(MONEY, "month")


class TestAsking:
    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"by": "color"}, "by"),
            ({"last": date(2025, 1, 1)}, "last"),
            ({"first": date(1990, 1, 1)}, "first"),
        ],
    )
    def test_what_cannot_be_answered_is_refused(
        self, changes: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(ReportError) as caught:
            MONEY.rows(replace(ALL, **changes))

        assert caught.value.field == field

    def test_only_of_own_links(self) -> None:
        maker = make_user(Role.AGENT)
        payments.record(make_seen(make_link(actor=maker.actor()), payment_id="mine"))
        payments.record(make_seen(make_link(), payment_id="other"))

        (row,) = MONEY.rows(replace(ALL, by="month", staff_pk=maker.pk))

        assert (row.figures["payments"], row.figures["paid"]) == (1, 1250)

    def test_two_queries_whatever_the_period(self) -> None:
        for day in range(20):
            at = NOON + timedelta(days=day)
            seen = make_seen(make_link(), payment_id=f"p{day}", occurred_at=at)
            payments.record(seen)
        ask = replace(ALL, first=NOON.date(), last=NOON.date() + timedelta(days=30))
        for by in MONEY.by:
            with CaptureQueriesContext(connection) as asked:
                assert MONEY.rows(replace(ask, by=by))
            assert len(asked) <= (5 if by == "customer" else 2)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "paid",
        "paid_EUR_2026-01-01_2026-01-31_color_x",
        "paid_ZZZ_2026-01-01_2026-01-31__",
        "paid_EUR_9999-12-31_9999-12-31__",
        "paid_EUR_0001-01-01_2026-01-31__",
        "paid_EUR_2026-01-01_2026-01-31_week_9999-12-30",
        "nothing_EUR_2026-01-01_2026-01-31__",
        "paid_EUR_2026-13-01_2026-01-31__",
        "paid_EUR_2026-01-01_2026-01-31_day_yesterday",
    ],
)
def test_what_names_no_figure_is_no_filter(code: str) -> None:
    assert Behind.parse(code) is None


@pytest.mark.parametrize("key", ["1; DROP TABLE", "9" * 40, "-1", "²"])
def test_a_member_of_staff_that_cannot_be_has_no_rows(key: str) -> None:
    payments.record(make_seen(make_link()))
    behind = Behind("paid", "EUR", ALL.first, ALL.last, "staff", key)

    assert list(behind.rows(ZONE)) == []


class TestPages:
    @pytest.fixture(autouse=True)
    def _no_second_factor(self, settings: LazySettings) -> None:
        settings.STAFF_MFA_REQUIRED = False

    def page(self, client: Client, name: str = "payments", **query: str) -> Any:
        return client.get(reverse("admin:links_report", args=[name], query=query))

    @pytest.fixture
    def signed_in(self, client: Client) -> Client:
        client.force_login(make_user(Role.FINANCE))
        return client

    @pytest.mark.parametrize("role", list(Role))
    def test_is_for_those_who_may_read_reports(
        self, client: Client, role: Role
    ) -> None:
        user = make_user(role)
        client.force_login(user)
        status = 200 if user.may(Right.REPORTS_READ) else 403
        saved = status if user.may(Right.EXPORTS_READ) else 403

        index = reverse("admin:links_dailytotal_changelist")
        file = reverse("admin:links_report_csv", args=["payments"])
        book = reverse("admin:links_report_xlsx", args=["payments"])
        workbook: Any = client.get(book)
        assert workbook.status_code == saved
        for (
            close
        ) in workbook._resource_closers:  # `close()` would end the connection too
            close()
        assert self.page(client).status_code == status
        assert client.get(index).status_code == status
        assert client.get(file).status_code == saved

    def test_shows_what_happened_and_leads_to_it(
        self, client: Client, frozen: FrozenClock
    ) -> None:
        frozen.move_to(datetime(2026, 3, 31, 12, tzinfo=UTC))
        client.force_login(make_user(Role.FINANCE))
        link = make_link(make_customer())
        at = datetime(2026, 3, 30, 12, tzinfo=UTC)
        payments.record(make_seen(link, payment_id="tpy_shown", occurred_at=at))
        before = datetime(2026, 3, 20, 12, tzinfo=UTC)
        payments.record(
            make_seen(make_link(), payment_id="tpy_other", occurred_at=before)
        )

        page = self.page(client)
        shown = page.content.decode()
        assert "Mon 30 Mar 2026" in shown
        code = Behind(
            "paid", "EUR", date(2026, 3, 2), date(2026, 3, 31), "day", "2026-03-30"
        ).code
        url = reverse("admin:links_payment_changelist", query={"behind": code})
        assert url.replace("&", "&amp;") in shown

        rows = client.get(url).context["cl"].result_list
        assert [row.provider_payment_id for row in rows] == ["tpy_shown"]

    def test_the_list_says_what_it_shows_and_how_to_see_all(
        self, signed_in: Client
    ) -> None:
        customer = make_customer("Grace Hopper")
        payments.record(make_seen(make_link(customer), payment_id="hers"))
        payments.record(make_seen(make_link(), payment_id="nobodys"))
        key = str(customer.pk)
        code = Behind("paid", "EUR", ALL.first, ALL.last, "customer", key).code
        url = reverse("admin:links_payment_changelist", query={"behind": code})
        everything = reverse("admin:links_payment_changelist")

        page = signed_in.get(f"{url}&state__exact=succeeded").content.decode()

        said = "Paid, Grace Hopper, EUR, 1 Dec 2025 to 31 Jul 2026"
        assert said in page
        assert 'href="?state__exact=succeeded"' in page
        assert said not in signed_in.get(everything).content.decode()
        assert said not in signed_in.get(f"{everything}?behind=x").content.decode()

    @pytest.mark.parametrize("name", ["refund", "dispute", "paymentlink"])
    def test_the_other_lists_take_the_filter(
        self, signed_in: Client, name: str
    ) -> None:
        measure = {"refund": "refunded", "dispute": "lost", "paymentlink": "sent"}
        code = Behind(measure[name], "EUR", ALL.first, ALL.last).code
        url = reverse(f"admin:links_{name}_changelist", query={"behind": code})

        assert signed_in.get(url).status_code == 200

    @pytest.mark.parametrize(
        "query",
        [
            {"first": "yesterday"},
            {"first": "2026-06-01", "last": "2026-01-01"},
            {"by": "color"},
            {"first": "0001-01-01", "last": "9999-12-31"},
            {"first": "9999-12-30", "last": "9999-12-31"},
        ],
    )
    def test_a_slip_is_said_and_the_usual_shown(
        self, signed_in: Client, query: dict[str, str]
    ) -> None:
        page = self.page(signed_in, **query)

        assert page.status_code == 200
        assert "These are the last 30 days." in page.content.decode()
        file = reverse("admin:links_report_csv", args=["payments"], query=query)
        assert signed_in.get(file).status_code == 404

    def test_the_file_holds_the_same_and_numbers_as_numbers(
        self, signed_in: Client
    ) -> None:
        lost = RefundSnapshot("b", RefundState.SUCCEEDED, Money(1250, "EUR"), NOON)
        seen = make_seen(make_link(), payment_id="p", fee_minor=44)
        payments.record(replace(seen, refunds=(lost,)))
        day = NOON.date().isoformat()
        url = reverse("admin:links_report_csv", args=["payments"])

        answer = signed_in.get(url, {"first": day, "last": day, "by": "provider"})

        text = answer.getvalue().decode("utf-8-sig")
        head, row = list(csv.reader(io.StringIO(text)))
        assert head[3:] == [str(column.title) for column in MONEY.columns]
        assert row[0] == "training"
        assert row[3:] == ["12.50", "1", "12.50", "1", "0.00", "0", "0.44", "-0.44"]

    def test_the_file_for_excel_holds_numbers_with_their_currency(
        self, signed_in: Client
    ) -> None:
        payments.record(make_seen(make_link(), payment_id="p", fee_minor=44))
        day = NOON.date().isoformat()
        url = reverse("admin:links_report_xlsx", args=["payments"])

        answer = signed_in.get(url, {"first": day, "last": day})

        book = load_workbook(io.BytesIO(answer.getvalue()))
        head, row = list(book.worksheets[0].iter_rows())
        titles = [str(column.title) for column in MONEY.columns]
        assert [cell.value for cell in head][3:] == titles
        assert [cell.value for cell in row][3:5] == [12.5, 1]
        assert row[3].number_format == "#,##0.00\\ [$EUR]"
        assert answer["Content-Disposition"].endswith('-day.xlsx"')

    def test_a_report_that_is_not_there(self, signed_in: Client) -> None:
        assert self.page(signed_in, "weather").status_code == 404
