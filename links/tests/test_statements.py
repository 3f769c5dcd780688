"""A customer's account: against plain SQL, as a paper, as a file; who may see it."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from customers.models import Customer
from links.models import Payment, PaymentLink, Refund
from links.providers.base import RefundSnapshot
from links.providers.base import RefundState as Told
from links.services import links, payments, sending, statements
from links.services.terms import Terms
from merchant_portal.business import services as business_services
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import make_customer, make_link, make_seen, make_user
from .pdf_reader import words
from .test_invoice_pdf import shop

pytestmark = pytest.mark.django_db
UTC_ZONE = ZoneInfo("UTC")
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
# What moves an account, said once more without the product's own queries.
PLAIN = """
SELECT currency, SUM(minor) FROM (
  SELECT currency, amount_minor AS minor FROM links_paymentlink
   WHERE customer_id = %(c)s AND activated_at IS NOT NULL AND NOT is_reusable
  UNION ALL
  SELECT currency, amount_paid_minor - amount_minor FROM links_paymentlink
   WHERE customer_id = %(c)s AND activated_at IS NOT NULL AND NOT is_reusable
     AND status IN ('canceled', 'expired') AND amount_paid_minor < amount_minor
  UNION ALL
  SELECT p.currency, -p.amount_minor + p.tip_minor + CASE WHEN l.is_reusable
    THEN p.amount_minor - p.surplus_minor - p.tip_minor ELSE 0 END
    FROM links_payment p JOIN links_paymentlink l ON l.id = p.link_id
   WHERE l.customer_id = %(c)s AND p.state = 'succeeded'
  UNION ALL
  SELECT r.currency, CASE WHEN r.number IS NULL THEN r.amount_minor ELSE 0 END
    FROM links_refund r JOIN links_payment p ON p.id = r.payment_id
    JOIN links_paymentlink l ON l.id = p.link_id
   WHERE l.customer_id = %(c)s AND r.state = 'succeeded'
) AS moves GROUP BY currency ORDER BY currency
"""


@pytest.fixture(autouse=True)
def _shop(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    shop()
    business_services.forget()


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(make_user(Role.FINANCE))
    return client


def on(day: int, month: int = 3) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


def asked(customer: Customer, minor: int, at: datetime, **more: Any) -> PaymentLink:
    link = make_link(customer, amount_minor=minor, **more)
    PaymentLink.objects.filter(pk=link.pk).update(activated_at=at, created_at=at)
    link.refresh_from_db()
    return link


def paid(link: PaymentLink, minor: int, at: datetime) -> Payment:
    seen = make_seen(
        link, payment_id=ids.new("tpy"), amount_minor=minor, occurred_at=at
    )
    booked = payments.record(seen)
    assert booked is not None
    return booked


def given_back(payment: Payment, minor: int, at: datetime) -> Refund:
    told = RefundSnapshot(
        ids.new("re"), Told.SUCCEEDED, Money(minor, payment.currency), at
    )
    assert payment.link is not None
    seen = make_seen(
        payment.link,
        payment_id=payment.provider_payment_id,
        amount_minor=payment.amount_minor,
        occurred_at=payment.occurred_at,
    )
    payments.record(replace(seen, refunds=(told,)))
    return Refund.objects.get(provider_refund_id=told.provider_refund_id)


def account() -> Customer:
    """Everything that can happen to one: February's debt, March, a surplus, yen."""
    ada = make_customer()
    asked(ada, 10_000, on(10, month=2))
    half = asked(ada, 5_000, on(2))
    paid(half, 2_000, on(3))
    back = asked(ada, 3_000, on(4))
    given_back(paid(back, 3_000, on(5)), 1_200, on(6))
    gone = asked(ada, 700, on(7))
    links.cancel(gone, actor=SYSTEM, reason="")
    PaymentLink.objects.filter(pk=gone.pk).update(closed_at=on(8))
    over = asked(ada, 1_000, on(9))
    paid(over, 1_500, on(10))
    many = asked(ada, 400, on(11), terms=Terms(is_reusable=True))
    paid(many, 400, on(12))
    asked(ada, 9_999, on(12), currency="JPY")
    asked(ada, 123, on(2, month=4))
    make_link(ada, draft=True, amount_minor=77)
    asked(make_customer("Grace", "g@navy.example", ""), 55_555, on(12))
    return ada


def test_balances_are_those_of_plain_sql() -> None:
    ada = account()

    with connection.cursor() as cursor:
        cursor.execute(PLAIN, {"c": ada.pk})
        plain = {currency: int(total) for currency, total in cursor.fetchall()}

    assert statements.balances(ada.pk) == plain
    # 100 + 50 - 20 + nothing of what was paid and partly given back - 5 too much + 1.23
    assert plain == {"EUR": 10_000 + 3_000 - 500 + 123, "JPY": 9_999}


def test_opening_and_moves_make_the_closing_balance() -> None:
    ada = account()

    found = statements.statement(ada.pk, "EUR", FIRST, LAST, UTC_ZONE)

    assert found.opening == 10_000
    assert [(entry.kind, entry.minor) for entry in found.entries] == [
        ("asked", 5_000),
        ("paid", -2_000),
        ("asked", 3_000),
        ("paid", -3_000),
        ("credited", -1_200),
        ("given_back", 1_200),
        ("asked", 700),
        ("closed", -700),
        ("asked", 1_000),
        ("paid", -1_500),
        ("bought", 400),
        ("paid", -400),
    ]
    assert found.closing == 12_500
    assert [balance for _entry, balance in found.running()][-1] == found.closing


def test_days_are_those_of_the_business() -> None:
    ada = make_customer()
    asked(ada, 1_000, datetime(2026, 2, 28, 23, 30, tzinfo=UTC))

    berlin = statements.statement(ada.pk, "EUR", FIRST, LAST, ZoneInfo("Europe/Berlin"))
    utc = statements.statement(ada.pk, "EUR", FIRST, LAST, ZoneInfo("UTC"))

    assert (berlin.opening, berlin.closing, len(berlin.entries)) == (0, 1_000, 1)
    assert (utc.opening, utc.closing, len(utc.entries)) == (1_000, 1_000, 0)


def test_asks_as_many_questions_of_a_long_account(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ada = account()

    with django_assert_num_queries(2 * len(statements.SOURCES)):
        statements.statement(ada.pk, "EUR", FIRST, LAST, UTC_ZONE)


def of(customer: Customer, suffix: str = "/") -> str:
    return f"/admin/links/paymentlink/of-customer/{customer.pk}/statement{suffix}"


PERIOD = {"first": "2026-03-01", "last": "2026-03-31", "currency": "EUR"}


def test_paper_says_all_of_it_in_their_language(client: Client) -> None:
    ada = account()
    Customer.objects.filter(pk=ada.pk).update(language="de", address="Allee 1\nBerlin")

    answer = client.get(of(ada, ".pdf"), PERIOD)
    text = words(answer.content)

    assert answer["Content-Type"] == "application/pdf"
    assert "no-store" in answer["Cache-Control"]
    for said in (
        "Kontoauszug",
        "Ada Lovelace",
        "Allee 1",
        "Saldo am 28. Februar 2026",
        "100,00 €",
        "Saldo am 31. März 2026",
        "125,00 €",
        "Gutschrift",
        "-15,00 €",
    ):
        assert said in text, (said, text)


def test_file_has_amounts_with_a_point_and_adds_up(client: Client) -> None:
    ada = account()

    answer = client.get(of(ada, ".csv"), PERIOD)
    content = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(content)))

    assert rows[0] == [
        "Date",
        "Description",
        "Number",
        "Currency",
        "Amount",
        "Balance",
    ]
    assert rows[1][0] == "2026-02-28"
    assert (rows[1][-1], rows[-1][-1]) == ("100.00", "125.00")
    moved = sum(round(float(row[4]) * 100) for row in rows[2:-1])
    assert moved == 2_500
    assert len(rows) == 15


def test_screen_shows_the_account_and_every_currency(client: Client) -> None:
    ada = account()

    page = client.get(of(ada), PERIOD).content.decode()
    yen = client.get(of(ada), {**PERIOD, "currency": "JPY"}).content.decode()

    assert "€125.00" in page
    assert "¥9,999" in yen


@pytest.mark.parametrize(
    "asked_for",
    [
        {"first": "2026-13-01"},
        {"first": "2026-04-01", "last": "2026-03-01"},
        {"first": "0001-01-01"},
        {"last": "9999-12-31"},
    ],
)
def test_never_a_file_of_other_days(client: Client, asked_for: dict[str, str]) -> None:
    ada = make_customer()

    assert client.get(of(ada, ".pdf"), asked_for).status_code == 404
    assert client.get(of(ada, ".csv"), asked_for).status_code == 404
    assert 'role="alert"' in client.get(of(ada), asked_for).content.decode()


def test_too_long_a_period_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = account()
    monkeypatch.setattr(statements, "MOST_ENTRIES", 3)

    assert "shorter period" in client.get(of(ada), PERIOD).content.decode()
    assert client.get(of(ada, ".pdf"), PERIOD).status_code == 404


def test_an_account_is_for_who_sees_every_link() -> None:
    agent = make_user(Role.AGENT)
    ada = account()
    client = Client()
    client.force_login(agent)

    page = client.get(f"/admin/customers/customer/{ada.pk}/change/").content.decode()

    for suffix in ("/", ".pdf", ".csv"):
        assert client.get(of(ada, suffix)).status_code == 403
    assert "customer-account-title" not in page


def test_customers_page_has_account_links_messages_and_answers(client: Client) -> None:
    ada = make_customer()
    made = [make_link(ada, amount_minor=1_000) for _each in range(11)]
    sending.send(made[0], ["email"], actor=SYSTEM)

    page = client.get(f"/admin/customers/customer/{ada.pk}/change/").content.decode()
    all_of = client.get(
        "/admin/links/paymentlink/", {"customer__id__exact": str(ada.pk)}
    )
    sent = client.get(
        f"/admin/links/paymentlink/of-customer/{ada.pk}/messages/"
    ).content.decode()

    assert "€110.00" in page
    assert f"customer__id__exact={ada.pk}" in page
    assert len(all_of.context["cl"].result_list) == 11
    assert "ada@example.com" in page
    assert str(made[0].number) in sent
    assert sent.count("ada@example.com") == 1


def test_messages_are_paged_and_an_agent_sees_those_of_own_links() -> None:
    agent = make_user(Role.AGENT)
    ada = make_customer()
    own = make_link(ada, actor=agent.actor())
    sending.send(own, ["email"], actor=SYSTEM)
    other = make_link(ada)
    sending.send(other, ["email"], actor=SYSTEM)
    first = Message.objects.get(reference=own.public_id)
    Message.objects.bulk_create(
        Message(
            kind="reminder",
            category="reminder",
            channel="email",
            reference=own.public_id,
            recipient="ada@example.com",
            language="en",
            dedupe_key=f"x{number}",
            due_at=clock.now() + timedelta(minutes=number),
            created_at=clock.now(),
        )
        for number in range(50)
    )
    client = Client()
    client.force_login(agent)
    path = f"/admin/links/paymentlink/of-customer/{ada.pk}/messages/"

    newest = client.get(path)
    older = client.get(path, {"before": str(newest.context["older"])})

    assert len(newest.context["messages_sent"]) == 50
    assert [row["url"] for row in older.context["messages_sent"]] == [
        f"/admin/notifications/message/{first.pk}/change/"
    ]
    assert str(other.number) not in newest.content.decode()
