"""Where a business has an account, money may come by bank transfer as well."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from links.documents import qr
from links.models import PaymentLink
from links.pay import responses
from links.services import pages, papers, payments
from links.services.terms import Terms
from merchant_portal.business import services as business_services
from merchant_portal.lib import clock

from .factories import make_customer, make_link, make_seen
from .pdf_reader import words
from .test_invoice_pdf import shop

pytestmark = pytest.mark.django_db
ACCOUNT = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX"}


@pytest.fixture(autouse=True)
def _account() -> None:
    responses.reads.clear()
    shop(**ACCOUNT)
    business_services.forget()


def page_of(client: Client, link: PaymentLink) -> str:
    return client.get(f"/p/{pages.token_of(link)}/").content.decode()


def code_of(client: Client, link: PaymentLink) -> Any:
    return client.get(f"/p/{pages.token_of(link)}/transfer.svg")


def test_the_page_says_where_to_and_what_to_write(client: Client) -> None:
    link = make_link(make_customer(), amount_minor=12_550)

    text = page_of(client, link)

    for said in (
        "Pay by bank transfer",
        "Café Morgenrot Inh. Rosa Licht",
        "DE89 3704 0044 0532 0130 00",
        "COBADEFFXXX",
        "€125.50",
        str(link.number),
        f'src="/p/{pages.token_of(link)}/transfer.svg"',
    ):
        assert said in text, said


def test_the_code_holds_what_the_page_says(client: Client) -> None:
    link = make_link(make_customer(), amount_minor=12_550)

    answer = code_of(client, link)

    assert answer["Content-Type"] == "image/svg+xml"
    assert answer.content.decode() == qr.transfer_svg(
        qr.Transfer(
            holder="Café Morgenrot Inh. Rosa Licht",
            iban="DE89370400440532013000",
            bic="COBADEFFXXX",
            amount_minor=12_550,
            reference=str(link.number),
        )
    )


def test_a_deposit_is_transferred_first(client: Client) -> None:
    link = make_link(
        make_customer(),
        amount_minor=10_000,
        terms=Terms(kind="deposit", deposit_minor=2_500),
    )

    assert "€25.00</bdi>" in page_of(client, link)


def test_another_currency_has_the_words_and_no_code(client: Client) -> None:
    link = make_link(make_customer(), currency="USD")

    assert "DE89 3704" in page_of(client, link)
    assert "transfer.svg" not in page_of(client, link)
    assert code_of(client, link).status_code == 404


@pytest.mark.parametrize(
    "terms", [Terms(is_reusable=True), Terms(kind="chosen", minimum_minor=100)]
)
def test_what_nobody_owes_yet_cannot_be_transferred(
    client: Client, terms: Terms
) -> None:
    link = make_link(terms=terms, amount_minor=1250 if terms.is_reusable else 0)

    assert "bank transfer" not in page_of(client, link)
    assert code_of(client, link).status_code == 404


def test_what_is_paid_or_over_is_asked_no_more(client: Client) -> None:
    paid = make_link(make_customer())
    payments.record(make_seen(paid))
    now = clock.now()
    over = make_link(make_customer(), expires_at=now + timedelta(days=1))

    with clock.frozen(now + timedelta(days=2)):
        texts = [page_of(client, paid), page_of(client, over)]
        codes = [code_of(client, paid).status_code, code_of(client, over).status_code]

    assert [text for text in texts if "bank transfer" in text] == []
    assert codes == [404, 404]


def test_without_an_account_nothing_is_said_of_it(client: Client) -> None:
    shop(iban="")
    business_services.forget()
    link = make_link(make_customer())

    assert "bank transfer" not in page_of(client, link)
    assert code_of(client, link).status_code == 404


def test_costs_the_page_no_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    link = make_link(make_customer())
    page_of(client, link)

    with django_assert_num_queries(2):
        code_of(client, link)


def test_the_invoice_says_the_same() -> None:
    business = shop(**ACCOUNT, account_holder="Rosa Licht")
    link = make_link(make_customer(), amount_minor=12_550)
    lines = list(link.lines.all())

    text = words(papers.invoice(link, lines, business, "en", is_payable=True))
    paid = words(papers.invoice(link, lines, business, "en", is_payable=False))

    assert "Account holder Rosa Licht" in text
    assert "IBAN DE89 3704 0044 0532 0130 00" in text
    assert f"Reference {link.number}" in text
    assert "IBAN" not in paid
