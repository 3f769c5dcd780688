"""The page on which a customer pays all they owe."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from links.models import Checkout, LinkStatus, PaymentLink
from links.pay import responses
from links.providers.base import ProviderUnavailable, SeenState
from links.providers.training import TrainingProvider
from links.services import checkouts, owed, pages, payments, sending
from merchant_portal import logs
from merchant_portal.lib import clock, signing, text
from merchant_portal.lib.actors import SYSTEM

from .factories import make_customer, make_link, make_seen
from .test_pay_page import everything

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits() -> None:
    responses.reads.clear()


def owing(*amounts: int) -> tuple[Customer, list[PaymentLink]]:
    customer = make_customer()
    made = [make_link(customer, amount_minor=each) for each in amounts]
    for link in made:
        sending.send(link, ["email"], actor=SYSTEM)
    return customer, made


def path_of(customer: Customer) -> str:
    return f"/owed/{owed.token_of(customer.pk)}/"


def ticked(html: str) -> list[str]:
    return re.findall(r'name="link" value="([^"]+)" checked', html)


def test_shows_what_is_open_and_its_sum(client: Client) -> None:
    customer, [first, second] = owing(1000, 2500)
    draft = make_link(customer, draft=True, amount_minor=77)
    unsent = make_link(customer, amount_minor=88)

    html = client.get(path_of(customer)).content.decode()

    assert "€35.00" in html
    assert "2 open payments" in html
    assert ticked(html) == [first.number, second.number]
    assert pages.token_of(second) in html
    assert str(unsent.number) not in html
    assert draft.status == LinkStatus.DRAFT


def test_what_is_not_due_yet_is_there_and_not_ticked(client: Client) -> None:
    customer, [first] = owing(1000)
    later = make_link(
        customer, amount_minor=500, due_on=(clock.now() + timedelta(days=9)).date()
    )
    sending.send(later, ["email"], actor=SYSTEM)

    html = client.get(path_of(customer)).content.decode()

    assert ticked(html) == [first.number]
    assert str(later.number) in html
    assert '<p class="sum">€10.00</p>' in html


def test_the_total_of_what_is_ticked_is_shown_on_wish(client: Client) -> None:
    customer, [_first, second] = owing(1000, 2500)

    html = client.get(path_of(customer), {"link": str(second.number)}).content.decode()

    assert '<p class="sum">€25.00</p>' in html
    assert ticked(html) == [second.number]


def test_pays_what_is_ticked_in_one_go(client: Client) -> None:
    customer, made = owing(1000, 2500, 4000)
    wanted = [made[0].number, made[2].number]

    response = client.post(f"{path_of(customer)}pay/training/", {"link": wanted})

    assert response.status_code == 303
    checkout = Checkout.objects.get()
    assert response["Location"].endswith(f"/training/{checkout.public_id}/")
    assert checkout.amount_minor == 5000
    done = client.post(response["Location"], {"outcome": "approve"})
    assert done["Location"].endswith(f"{path_of(customer)}return/{checkout.public_id}/")
    checkouts.settle(checkout.pk)
    back = client.get(done["Location"]).content.decode()
    assert "Thank you! Your payment has arrived." in back
    assert "€50.00" in back
    left = client.get(path_of(customer)).content.decode()
    assert ticked(left) == [made[1].number]


@pytest.mark.parametrize("how", ["nothing", "gone", "down", "unknown provider"])
def test_what_cannot_be_is_said_and_nothing_is_lost(
    client: Client, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, made = owing(1000, 2500)
    wanted = [str(link.number) for link in made]
    provider, status, words = "training", 409, "could not be paid as it was chosen"
    if how == "nothing":
        wanted, status, words = [], 422, "Please choose what to pay."
    elif how == "gone":
        payments.record(make_seen(made[1], amount_minor=2500))
    elif how == "down":

        def silent(*_args: object) -> None:
            raise ProviderUnavailable("no answer")

        monkeypatch.setattr(TrainingProvider, "create_checkout", silent)
        status, words = 503, "does not answer just now"
    else:
        provider, status, words = "unknown", 404, ""

    response = client.post(f"{path_of(customer)}pay/{provider}/", {"link": wanted})

    assert response.status_code == status
    assert words in response.content.decode()


def test_looking_changes_nothing(client: Client) -> None:
    customer, _made = owing(1000, 2500)
    before = everything()

    for path in ("", "?link=x", "pay/training/", "reply/", "invoice.pdf"):
        for method in (client.get, client.head):
            method(path_of(customer) + path)

    assert everything() == before


def test_programs_open_no_session(client: Client) -> None:
    customer, made = owing(1000, 2500)
    wanted = {"link": [made[0].number, made[1].number]}

    response = client.post(
        f"{path_of(customer)}pay/training/",
        wanted,
        headers={"user-agent": "WhatsApp/2.23"},
    )

    assert response.status_code == 303
    assert response["Location"] == path_of(customer)
    assert not Checkout.objects.exists()


def test_money_on_its_way_is_not_asked_again(client: Client) -> None:
    customer, [first, second] = owing(1000, 2500)
    payments.record(make_seen(first, amount_minor=1000, state=SeenState.PROCESSING))

    html = client.get(path_of(customer)).content.decode()

    assert ticked(html) == [second.number]
    assert "Your payment is on its way" in html


def test_when_nothing_is_open_it_says_so(client: Client) -> None:
    customer, [first] = owing(1000)
    payments.record(make_seen(first, amount_minor=1000))

    response = client.get(path_of(customer))

    assert response.status_code == 200
    assert "Nothing is open. Thank you!" in response.content.decode()


def test_each_currency_is_a_sum_of_its_own(client: Client) -> None:
    customer, _made = owing(1000)
    other = make_link(customer, currency="USD", amount_minor=700)
    sending.send(other, ["email"], actor=SYSTEM)

    html = client.get(path_of(customer)).content.decode()

    assert html.count("<form") == 2
    assert "€10.00" in html
    assert "$7.00" in html


@pytest.mark.parametrize(
    "token", ["x", "0" * 28, "A" * 5000, signing.sign("unsubscribe", "1")]
)
def test_an_address_that_we_never_made_is_the_404_of_all(
    client: Client, token: str
) -> None:
    for path in ("", "pay/training/", "return/chk_1/", "reply/"):
        assert client.get(f"/owed/{token}/{path}").status_code == 404


def test_one_customer_never_sees_anothers(client: Client) -> None:
    customer, _made = owing(1000, 2000)
    other = make_customer(email="grace@example.com")
    theirs = make_link(other)
    sending.send(theirs, ["email"], actor=SYSTEM)
    client.post(f"{path_of(customer)}pay/training/", {"link": [theirs.number]})
    assert not Checkout.objects.exists()
    numbers = [str(link.number) for link in _made]
    client.post(f"{path_of(customer)}pay/training/", {"link": numbers})
    checkout = Checkout.objects.get()

    response = client.get(f"{path_of(other)}return/{checkout.public_id}/")

    assert response.status_code == 404


def test_costs_the_same_however_much_is_owed(client: Client) -> None:
    def cost(count: int, email: str) -> int:
        customer = make_customer(email=email)
        for _each in range(count):
            sending.send(make_link(customer), ["email"], actor=SYSTEM)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path_of(customer)).status_code == 200
        return len(queries)

    cost(1, "warm@example.com")
    assert cost(2, "ada@example.com") == cost(20, "grace@example.com") <= 8


def test_speaks_the_customers_language(client: Client) -> None:
    customer = make_customer(language="ar")
    for _each in range(2):
        sending.send(make_link(customer), ["email"], actor=SYSTEM)

    response = client.get(path_of(customer))

    assert response["Content-Language"] == "ar"
    assert "دفعتان مستحقتان" in response.content.decode()


def test_its_address_stays_out_of_the_logs() -> None:
    token = owed.token_of(12345)

    assert token not in text.without_tokens(f"see /owed/{token}/")
    assert token not in logs.masked(f"GET /owed/{token}/return/chk_1/ 200")
