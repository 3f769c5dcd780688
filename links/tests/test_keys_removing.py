"""Removing the keys of a provider: a question first, and never with money under way."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from links.models import (
    Checkout,
    CheckoutState,
    EventState,
    ProviderAccount,
    Refund,
    RefundOrigin,
    RefundState,
    WebhookEvent,
)
from links.providers import credentials
from links.services import accounts, keyring, payments
from merchant_portal.lib import clock

from .factories import make_link, make_seen, make_user
from .test_keyring import NEW, OLD
from .test_keys_admin import LIST, LIVE, STRIPE_PAGE, entered, signed_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten(settings: Any) -> Iterator[None]:
    settings.STAFF_MFA_REQUIRED = False
    keyring.forget()
    yield
    keyring.forget()


@pytest.fixture
def _ready(settings: Any) -> None:
    settings.EMAIL_CAPTURED = False
    settings.IS_HTTPS = True


@pytest.fixture
def client() -> Client:
    return signed_in(make_user())


class TestRemoving:
    def test_forgets_the_keys_after_a_question(self, client: Client) -> None:
        account = entered(client, "stripe")
        assert "forget its keys?" in text_of(client, f"{STRIPE_PAGE}remove/")

        client.post(f"{STRIPE_PAGE}remove/")

        account.refresh_from_db()
        assert (account.sealed_keys, account.keys_set_at) == ("", None)
        assert accounts.mode_of("stripe") is None
        assert "Not connected" in text_of(client)

    @pytest.mark.usefixtures("_ready")
    @pytest.mark.parametrize("work", ["checkout", "refund", "webhook"])
    def test_waits_while_real_money_is_under_way(
        self, client: Client, work: str
    ) -> None:
        account = entered(client, "stripe", **LIVE)
        begin(work, account)

        page = text_of(client, f"{STRIPE_PAGE}remove/")
        assert "1 " in page
        assert "the keys stay until this is settled" in page
        assert "Remove the keys</button>" not in page
        answer = client.post(f"{STRIPE_PAGE}remove/", follow=True)

        assert "Real money is still under way" in answer.content.decode()
        assert credentials.of("stripe").values == LIVE
        entered(client, "stripe", **{**LIVE, "secret_key": "sk_live_rolled"})
        assert credentials.of("stripe")["secret_key"] == "sk_live_rolled"

    @pytest.mark.usefixtures("_ready")
    def test_what_is_settled_does_not_hold_them(self, client: Client) -> None:
        account = entered(client, "stripe", **LIVE)
        begin("checkout", account)
        Checkout.objects.update(state=CheckoutState.EXPIRED)

        client.post(f"{STRIPE_PAGE}remove/")

        assert accounts.mode_of("stripe") is None

    def test_rehearsal_only_warns(self, client: Client) -> None:
        account = entered(client, "stripe")
        begin("checkout", account)

        assert "1 payment page that a customer opened" in text_of(
            client, f"{STRIPE_PAGE}remove/"
        )
        client.post(f"{STRIPE_PAGE}remove/")

        assert accounts.mode_of("stripe") is None

    def test_keys_that_cannot_be_read_can_be_removed(
        self, client: Client, settings: Any
    ) -> None:
        settings.FIELD_KEYS = {"v1": OLD}
        entered(client, "stripe")
        settings.FIELD_KEYS = {"v2": NEW}

        page = text_of(client)
        assert "Cannot be read" in page
        assert "enter the keys of the provider again" in page
        assert "Cannot be read" in text_of(client, LIST)
        assert client.get("/admin/").status_code == 200
        client.post(f"{STRIPE_PAGE}remove/")

        assert not ProviderAccount.objects.exclude(sealed_keys="").exists()


def begin(work: str, account: ProviderAccount) -> None:
    """Something at this account that is not settled."""
    if work == "checkout":
        Checkout.objects.create(
            link=make_link(),
            account=account,
            amount_minor=1250,
            currency="EUR",
            state=CheckoutState.OPEN,
            created_at=clock.now(),
        )
    elif work == "refund":
        payment = payments.record(make_seen(make_link(), account_slug="stripe"))
        assert payment is not None
        Refund.objects.create(
            payment=payment,
            amount_minor=100,
            state=RefundState.UNKNOWN,
            origin=RefundOrigin.STAFF,
            proposed_at=clock.now(),
        )
    else:
        WebhookEvent.objects.create(
            account=account,
            event_id="evt_1",
            state=EventState.RECEIVED,
            received_at=clock.now(),
        )
