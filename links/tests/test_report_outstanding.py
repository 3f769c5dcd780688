"""Outstanding at any day: the same as a replay of what happened, row by row."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from conftest import FrozenClock
from links.models import AmountKind, LinkStatus, PaymentLink
from links.reports import outstanding
from links.reports.base import Ask
from links.reports.behind import Behind
from links.reports.registry import REPORTS
from links.services import links, payments
from links.services.overview import waiting
from links.services.terms import Terms
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_seen, make_user
from .report_shop import UNTIL, ZONE, moment, rows_of, tell

pytestmark = pytest.mark.django_db
REPORT = REPORTS["outstanding"]
LAST = date(2026, 6, 30)
DAYS = [LAST - timedelta(days=back) for back in (0, 1, 13, 30, 47, 90, 121, 170)]
NONE = dict.fromkeys(
    ("links", "owed", "owednot", "owed30", "owed60", "owed90", "owedmore"), 0
)
Found = dict[tuple[str, str], dict[str, int]]


def asked(day: date, by: str = "currency", **other: Any) -> Found:
    rows = REPORT.rows(Ask(day, day, by, **other))
    return {(row.key, row.currency): dict(row.figures) for row in rows}


def replayed(day: date, by: str) -> Found:
    """From the payments and the timeline alone, in the order in which they happened."""
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=ZONE)
    paid: Counter[tuple[int, str]] = Counter()
    for link, currency, amount, surplus, tip, at in rows_of(
        "SELECT link_id, currency, amount_minor, surplus_minor, tip_minor, occurred_at"
        " FROM links_payment WHERE state = 'succeeded' AND link_id IS NOT NULL"
    ):
        if moment(at) < end:
            paid[link, currency] += amount - surplus - tip
    closed: dict[int, bool] = {}
    for link, kind, at in rows_of(
        "SELECT link_id, kind, at FROM links_activity WHERE kind IN"
        " ('link.expired', 'link.canceled', 'link.extended') ORDER BY id"
    ):
        if moment(at) < end:
            closed[link] = kind != "link.extended"
    found: Found = defaultdict(lambda: dict(NONE))
    for link, currency, amount, since, due_on, customer, maker in rows_of(
        "SELECT id, currency, amount_minor, activated_at, due_on, customer_id,"
        " created_by_id FROM links_paymentlink WHERE activated_at IS NOT NULL"
        " AND NOT is_reusable AND amount_kind <> 'chosen'"
    ):
        left = amount - paid[link, currency]
        if moment(since) >= end or closed.get(link) or left <= 0:
            continue
        key = {"currency": currency, "customer": customer, "staff": maker}[by]
        figures = found[str(key or ""), currency]
        figures["links"] += 1
        figures["owed"] += left
        due = due_on and date.fromisoformat(str(due_on))
        late = (day - due).days if due else 0
        ages = ((0, "owednot"), (30, "owed30"), (60, "owed60"), (90, "owed90"))
        age = next((name for most, name in ages if late <= most), "owedmore")
        figures[age] += left
    return dict(found)


def leads_to_its_rows(day: date, by: str) -> int:
    followed = 0
    rows = REPORT.rows(Ask(day, day, by))
    for under, row in [(by, row) for row in rows] + [
        ("", r) for r in REPORT.sums(rows)
    ]:
        for column in REPORT.columns:
            figure = row.figures[column.name]
            if not figure:
                continue
            place = Behind(column.measure, row.currency, day, day, under, row.key)
            behind = Behind.parse(place.code)
            assert behind is not None
            left = list(behind.rows(ZONE).values_list("left", flat=True))
            assert figure == (len(left) if column.name == "links" else sum(left))
            followed += 1
    return followed


def test_every_past_day_is_as_it_was(frozen: FrozenClock) -> None:
    """And the control: a payment of which the amount is wrong by one is noticed."""
    frozen.move_to(UNTIL)
    tell()
    _part_payments_and_ends()
    frozen.move_to(UNTIL + timedelta(minutes=1))

    followed = 0
    for day in DAYS:
        for by in REPORT.by:
            assert asked(day, by) == replayed(day, by), (day, by)
        followed += leads_to_its_rows(day, "customer")
    assert followed > 50
    ages = asked(LAST)["EUR", "EUR"]
    assert min(ages.values()) > 0
    (euros,) = [
        row for row in waiting(PaymentLink.objects.all(), LAST) if row.currency == "EUR"
    ]
    assert ages["owed"] == euros.amount_minor
    assert ages["owed"] - ages["owednot"] == euros.overdue_minor

    some = PaymentLink.objects.filter(status=LinkStatus.ACTIVE).earliest("pk")
    PaymentLink.objects.filter(pk=some.pk).update(
        amount_paid_minor=some.amount_paid_minor + 1
    )
    assert asked(LAST) != replayed(LAST, "currency")


def _part_payments_and_ends() -> None:
    """What the sample shop has not: parts, ends of all kinds, opened again."""
    customer = make_customer()
    parts = make_link(
        customer,
        amount_minor=10_000,
        due_on=date(2026, 6, 3),
        terms=Terms(kind=AmountKind.PARTS, minimum_minor=100),
    )
    PaymentLink.objects.filter(pk=parts.pk).update(activated_at=UNTIL - timedelta(100))
    for number, days in enumerate((80, 40, 20)):
        payments.record(
            make_seen(
                parts,
                payment_id=f"part{number}",
                amount_minor=1_000 + number,
                occurred_at=UNTIL - timedelta(days=days),
            )
        )
    for days in (45, 75, 120):
        late = make_link(customer, due_on=LAST - timedelta(days=days))
        since = UNTIL - timedelta(days=days + 10)
        PaymentLink.objects.filter(pk=late.pk).update(activated_at=since)
    chosen = make_link(customer, amount_minor=0, terms=Terms(kind=AmountKind.CHOSEN))
    assert chosen.status == LinkStatus.ACTIVE


class TestEnds:
    START = datetime(2026, 3, 2, 9, tzinfo=UTC)

    @pytest.fixture
    def link(self, frozen: FrozenClock) -> PaymentLink:
        frozen.move_to(self.START)
        return make_link(expires_at=self.START + timedelta(days=3))

    def owed(self, day: int) -> int:
        return asked(date(2026, 3, day)).get(("EUR", "EUR"), NONE)["owed"]

    def test_expired_opened_again_and_paid_late(
        self, link: PaymentLink, frozen: FrozenClock
    ) -> None:
        frozen.move_to(self.START + timedelta(days=3, hours=1))
        links.expire_due()
        frozen.move_to(self.START + timedelta(days=6))
        links.extend(link, expires_at=None, actor=SYSTEM)
        frozen.move_to(self.START + timedelta(days=9))
        payments.record(make_seen(link, occurred_at=self.START + timedelta(days=8)))
        frozen.move_to(self.START + timedelta(days=20))

        assert [self.owed(day) for day in range(1, 14)] == [
            *(0, 1250, 1250, 1250, 0, 0, 0),
            *(1250, 1250, 0, 0, 0, 0),
        ]

    def test_not_after_it_was_canceled_though_money_came_later(
        self, link: PaymentLink, frozen: FrozenClock
    ) -> None:
        frozen.move_to(self.START + timedelta(days=2))
        links.cancel(link, actor=SYSTEM, reason="")
        frozen.move_to(self.START + timedelta(days=5))
        payments.record(make_seen(link, occurred_at=self.START + timedelta(days=5)))

        assert [self.owed(day) for day in range(1, 8)] == [0, 1250, 1250, 0, 0, 0, 0]

    def test_opened_again_before_the_day_of_its_end(
        self, link: PaymentLink, frozen: FrozenClock
    ) -> None:
        """It was never closed on that day, although it was later."""
        frozen.move_to(self.START + timedelta(days=3, hours=1))
        links.expire_due()
        links.extend(link, expires_at=None, actor=SYSTEM)
        frozen.move_to(self.START + timedelta(days=20))

        assert [self.owed(day) for day in (4, 5, 6, 20)] == [1250] * 4


def test_reads_open_links_and_those_that_ended_since_by_index(
    frozen: FrozenClock,
) -> None:
    frozen.move_to(UNTIL)
    make_link(make_customer())
    for day in (LAST, LAST - timedelta(days=60)):
        with CaptureQueriesContext(connection) as captured:
            REPORT.rows(Ask(day, day, "customer"))
        assert len(captured) <= 3
        rows = outstanding.at(day, ZONE)
        if connection.vendor == "sqlite":
            assert "SCAN links_paymentlink\n" not in f"{rows.explain()}\n"


class TestPage:
    @pytest.fixture(autouse=True)
    def _signed_in(self, client: Client, settings: Any, frozen: FrozenClock) -> None:
        settings.STAFF_MFA_REQUIRED = False
        frozen.move_to(UNTIL)
        client.force_login(make_user(Role.FINANCE))

    def test_shows_who_owes_and_leads_to_the_links(self, client: Client) -> None:
        link = make_link(make_customer("Grace Hopper"), due_on=date(2026, 5, 30))
        make_link(make_customer())
        url = reverse("admin:links_report", args=["outstanding"])

        page = client.get(url, {"last": "2026-06-30"}).content.decode()

        assert "Grace Hopper" in page
        assert "At the end of" in page
        assert 'name="first"' not in page
        code = Behind(
            "owed60", "EUR", LAST, LAST, "customer", str(link.customer_id)
        ).code
        where = reverse("admin:links_paymentlink_changelist", query={"behind": code})
        assert where.replace("&", "&amp;") in page
        assert list(client.get(where).context["cl"].result_list) == [link]

    def test_a_slip_is_said_and_today_shown(self, client: Client) -> None:
        url = reverse("admin:links_report", args=["outstanding"])

        page = client.get(url, {"last": "soon"}).content.decode()

        assert "This is how it stands today." in page
        assert "Nothing was outstanding" in page
