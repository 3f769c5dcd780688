"""One field that finds anything: what it finds, for whom, and in how few questions."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from customers.services import customers
from customers.services.customers import CustomerData
from links.models import NumberSeries, PaymentLink, Refund
from links.providers.base import RefundSnapshot
from links.providers.base import RefundState as Told
from links.services import payments, seeking
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import NOON, make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
SEARCH = "/admin/search/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def numbered(number: str) -> PaymentLink:
    link = make_link(make_customer(), amount_minor=1_250)
    PaymentLink.objects.filter(pk=link.pk).update(number=number)
    link.refresh_from_db()
    return link


@pytest.fixture
def shop() -> list[PaymentLink]:
    """Numbers of two years, the series as far as they are."""
    made = []
    for year, last in ((2025, 34_567), (2026, 14_567)):
        made += [numbered(f"PL-{year}-{value:06d}") for value in (12, last)]
        NumberSeries.objects.update_or_create(
            name="PL", year=year, defaults={"last": 40_000}
        )
    return made


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("PL-2026-000012", ["PL-2026-000012"]),
        ("pl-2026-000012", ["PL-2026-000012"]),
        ("2025-12", ["PL-2025-000012"]),
        ("12", ["PL-2025-000012", "PL-2026-000012"]),
        ("0012", ["PL-2025-000012", "PL-2026-000012"]),
        ("4567", ["PL-2025-034567", "PL-2026-014567"]),
        ("PL 4567", ["PL-2025-034567", "PL-2026-014567"]),
        ("14567", ["PL-2026-014567"]),
        ("567", []),
        ("CN-2026-000012", []),
        ("999999999", []),
        ("PL-2026-00001²", []),
        ("%", []),
        ("PL-2026-00001_", []),
    ],
)
def test_finds_by_number_and_by_its_last_four_digits(
    owner: User, shop: list[PaymentLink], term: str, expected: list[str]
) -> None:
    found = seeking.seek(owner, term)

    assert sorted(str(link.number) for link in found.by_number) == expected


def test_finds_exactly_that_amount_in_the_currencies_that_can_be_it(
    owner: User,
) -> None:
    ada = make_customer()
    euro = make_link(ada, amount_minor=1_250)
    yen = make_link(ada, amount_minor=1_250, currency="JPY")
    dinar = make_link(ada, amount_minor=12_500, currency="KWD")
    make_link(ada, amount_minor=1_251)

    def amounts(term: str) -> set[PaymentLink]:
        return set(seeking.seek(owner, term).links)

    assert amounts("12.50") == {euro, dinar}
    assert amounts("12,5") == {euro, dinar}
    assert amounts("1250") == {yen}
    assert amounts("12.51") != amounts("12.50")
    assert amounts("0") == set()


def test_finds_customers_by_name_phone_mail_and_reference_with_their_links(
    owner: User,
) -> None:
    data = CustomerData(
        name="Zoë Ångström",
        email="zoe@shop.example",
        phone="+14155550123",
        external_ref="CRM-77",
        source="crm",
    )
    zoe = customers.create(data, actor=SYSTEM)
    link = make_link(zoe)
    make_link(make_customer())

    for term in ("zoe ang", "ÅNGSTRÖM", "zoe@shop", "415 555 0123", "crm-77"):
        found = seeking.seek(owner, term)
        assert list(found.customers) == [zoe], term
        assert list(found.links) == [link], term


def test_finds_money_by_any_of_its_ids(owner: User) -> None:
    link = make_link(make_customer())
    seen = make_seen(link, payment_id="pi_3Abc")
    back = RefundSnapshot("re_1", Told.SUCCEEDED, Money(250, "EUR"), NOON)
    payment = payments.record(seen)
    payments.record(replace(seen, refunds=(back,)))
    assert payment is not None
    refund = Refund.objects.get()

    for term in ("pi_3Abc", payment.public_id):
        assert list(seeking.seek(owner, term).payments) == [payment]
    for term in (str(refund.number), str(refund.number).lower(), refund.public_id):
        assert list(seeking.seek(owner, term).refunds) == [refund]
    assert list(seeking.seek(owner, link.public_id).by_number) == [link]


def test_an_agent_finds_what_is_about_own_links(owner: User) -> None:
    agent = make_user(Role.AGENT)
    ada = make_customer()
    other = make_link(ada, amount_minor=1_250, actor=owner.actor())
    paid = payments.record(make_seen(other, payment_id="pi_3Abc"))
    assert paid is not None

    for term in (str(other.number), "12.50", "pi_3Abc", other.public_id, "Ada"):
        found = seeking.seek(agent, term)
        assert (found.by_number, found.links, found.payments) in (
            ([], [], []),
            ((), (), ()),
        ), term


@pytest.mark.parametrize("term", ["", "  ", "\x00", "x" * 5_000, "' OR 1=1 --", "²"])
def test_any_term_is_an_answer(owner: User, term: str) -> None:
    assert seeking.seek(owner, term).by_number in ((), [])


def test_asks_few_questions_whatever_is_typed(owner: User) -> None:
    ada = make_customer()
    for _each in range(8):
        make_link(ada, amount_minor=1_200)
    client = Client()
    client.force_login(owner)
    client.get(SEARCH, {"s": "12"})

    for term in ("12", "0001", "ada", "12.00", "pi_1"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(SEARCH, {"s": term}).status_code == 200
        assert len(asked) <= 12, (term, len(asked))


def said(user: User, term: str) -> list[str]:
    client = Client()
    client.force_login(user)
    return [hit.text for hit in client.get(SEARCH, {"s": term}).context["hits"]]


def test_goes_where_the_reader_may_go(owner: User) -> None:
    auditor, agent = make_user(Role.AUDITOR), make_user(Role.AGENT)

    assert said(owner, "new")[:2] == ["New payment link", "New customer"]
    assert said(owner, "pay link")[0] == "New payment link"
    assert "New payment link" in said(owner, "")
    assert said(auditor, "new") == []
    assert "Reports" in said(auditor, "rep")
    assert "Reports" not in said(agent, "rep")
    assert said(agent, "staff") == []


def test_a_stranger_is_sent_to_the_door(client: Client) -> None:
    assert client.get(SEARCH, {"s": "ada"}).status_code == 302


def test_names_are_text(owner: User) -> None:
    customers.create(CustomerData(name="<b>Bold</b> & Sons"), actor=SYSTEM)
    client = Client()
    client.force_login(owner)

    page = client.get(SEARCH, {"s": "bold"}).content.decode()

    assert "&lt;b&gt;Bold&lt;/b&gt; &amp; Sons" in page
    assert Customer.objects.count() == 1
