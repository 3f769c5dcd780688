"""A click on the button of a provider: one session, or a plain reason."""

from typing import Any

import pytest
from django.test import Client

from links.models import Checkout, PaymentLink
from links.pay import responses
from links.providers.base import ProviderRejected, ProviderUnavailable
from links.providers.training import TrainingProvider
from links.services import pages

from .factories import make_customer, make_link
from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits() -> None:
    responses.reads.clear()


def path_of(link: PaymentLink) -> str:
    return f"/p/{pages.token_of(link)}/"


def test_a_click_opens_one_session_and_leads_there(client: Client) -> None:
    link = make_link(make_customer())

    first = client.post(f"{path_of(link)}pay/training/")
    second = client.post(f"{path_of(link)}pay/training/")

    checkout = link.checkouts.get()
    for response in (first, second):
        assert response.status_code == 303
        assert response.headers["Location"].endswith(f"/training/{checkout.public_id}/")
        assert response.headers["Referrer-Policy"] == "no-referrer"


def test_a_click_needs_no_cookie(settings: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    link = make_link(make_customer())

    assert client.post(f"{path_of(link)}pay/training/").status_code == 303


def test_typing_the_address_of_a_button_leads_back(client: Client) -> None:
    link = make_link(make_customer())

    response = client.get(f"{path_of(link)}pay/training/")

    assert response.status_code == 303
    assert response.headers["Location"] == path_of(link)
    assert client.put(f"{path_of(link)}pay/training/").status_code == 405
    assert not Checkout.objects.exists()


def test_ignores_an_amount_from_the_browser(client: Client) -> None:
    link = make_link(make_customer())

    client.post(
        f"{path_of(link)}pay/training/",
        {"amount": "1", "currency": "JPY", "link": "plk_other"},
    )

    checkout = link.checkouts.get()
    assert (checkout.amount_minor, checkout.currency) == (1250, "EUR")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ProviderUnavailable("down"), 503, "does not answer just now"),
        (ProviderRejected("no"), 409, "not available just now"),
    ],
)
def test_a_provider_that_fails_costs_nothing_but_a_moment(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    error: Exception,
    status: int,
    said: str,
) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.TRAINING_ENABLED = True
    link = make_link(make_customer())

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(TrainingProvider, "create_checkout", fail)

    response = client.post(f"{path_of(link)}pay/training/")

    text = response.content.decode()
    assert response.status_code == status
    assert said in text
    assert "Nothing was charged" in text
    assert text.index("pay/stripe/") < text.index("pay/training/")


def test_too_many_new_sessions_of_one_link_are_refused(client: Client) -> None:
    link = make_link(make_customer())
    client.post(f"{path_of(link)}pay/training/")
    made = link.checkouts.get()
    for number in range(9):
        made.pk, made.public_id = None, f"chk_{number}"
        made.provider_session_id, made.state = "", "expired"
        made.save(force_insert=True)

    response = client.post(f"{path_of(link)}pay/training/")

    assert response.status_code == 429
    assert response.headers["Retry-After"] == "60"
    assert link.checkouts.count() == 10
