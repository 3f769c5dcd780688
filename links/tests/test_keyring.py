"""Which keys a provider is used with: the environment's, else what an owner entered."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from links.models import ProviderAccount, WebhookEvent
from links.providers import credentials
from links.providers.base import ProviderMisconfigured
from links.providers.paypal import PayPalProvider
from links.providers.square import SquareProvider
from links.providers.stripe import StripeProvider
from links.services import accounts, keyring, keys, lifeline
from links.services.keyring import Standing
from links.services.lifeline import Trouble
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from .factories import make_link, make_user
from .paypal_tape import PayPalTape
from .provider_contract import REQUEST
from .square_tape import SquareTape
from .stripe_tape import StripeTape, recorded, signed

pytestmark = pytest.mark.django_db
STRIPE = {"secret_key": "sk_test_first", "webhook_secret": "whsec_first"}
PAYPAL = {
    "client_id": "client-entered-Xq4J",
    "client_secret": "secret-entered-Zw9K",
    "webhook_id": "8PT597110X687430L",
}
SQUARE = {
    "access_token": "EAAAl-entered-Vb6H",
    "location_id": "L7QRSTUVW9876",
    "webhook_signature_key": "signature-entered-Jx3Q",
}
ENTERED = {"stripe": STRIPE, "paypal": PAYPAL, "square": SQUARE}
OLD, NEW = "o" * 40, "n" * 40


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    keyring.forget()
    yield
    keyring.forget()


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def _ready(settings: Any) -> None:
    """An installation in which real money may move."""
    settings.EMAIL_CAPTURED = False
    settings.IS_HTTPS = True
    settings.CLOCK_OFFSET_SECONDS = 0


def enter(slug: str, user: User, mode: str = "test", **changes: str) -> ProviderAccount:
    return keys.enter(slug, {**ENTERED[slug], **changes}, mode=mode, user=user)


def body_of(event_id: str, **changes: Any) -> bytes:
    event = {**recorded("event_session_completed"), "id": event_id, **changes}
    return json.dumps(event).encode()


def hear(body: bytes, secret: str) -> int:
    headers = signed(body, secret=secret)
    return (
        Client()
        .post(
            "/webhooks/stripe/", body, content_type="application/json", headers=headers
        )
        .status_code
    )


class TestResolver:
    @pytest.mark.parametrize("slug", list(ENTERED))
    def test_what_is_entered_is_used(self, owner: User, slug: str) -> None:
        assert accounts.mode_of(slug) is None

        enter(slug, owner)

        assert accounts.configured()[slug] == "test"
        assert credentials.of(slug).values == ENTERED[slug]
        assert accounts.get(slug) == ProviderAccount.objects.get(slug=slug)

    def test_the_environment_wins(self, owner: User, settings: Any) -> None:
        account = enter("stripe", owner)
        settings.STRIPE_SECRET_KEY = "sk_test_environment"
        settings.STRIPE_WEBHOOK_SECRET = "whsec_environment"

        assert credentials.of("stripe")["secret_key"] == "sk_test_environment"
        assert keyring.standing_of(account) is Standing.OVERRULED
        with pytest.raises(keys.KeysRefused) as refused:
            enter("stripe", owner)
        assert "environment" in refused.value.problems["form"]

    def test_a_part_of_the_environment_is_not_mixed_with_what_is_entered(
        self, owner: User, settings: Any
    ) -> None:
        enter("stripe", owner)
        settings.STRIPE_WEBHOOK_SECRET = "whsec_environment"

        assert not credentials.of("stripe")
        assert accounts.mode_of("stripe") is None

    def test_keys_show_themselves_nowhere(self, owner: User) -> None:
        enter("stripe", owner)

        shown = repr(credentials.of("stripe")) + repr(keyring.held())

        assert "sk_test_first" not in shown
        assert "whsec_first" not in shown

    def test_the_database_keeps_one_set_for_each_provider(self, owner: User) -> None:
        enter("stripe", owner)

        with pytest.raises(IntegrityError), transaction.atomic():
            ProviderAccount.objects.create(slug="stripe", mode="live", sealed_keys="x")

    @pytest.mark.parametrize(
        ("slug", "mode", "base"),
        [
            ("stripe", "test", ""),
            ("paypal", "test", "https://api-m.sandbox.paypal.com"),
            ("paypal", "live", ""),
            ("square", "test", "https://connect.squareupsandbox.com"),
            ("square", "live", ""),
        ],
    )
    @pytest.mark.usefixtures("_ready")
    def test_the_mode_picks_the_host(
        self, owner: User, slug: str, mode: str, base: str
    ) -> None:
        enter(slug, owner, mode)

        assert credentials.of(slug).base == base

    def test_another_host_of_the_environment_says_the_mode(
        self, owner: User, settings: Any
    ) -> None:
        settings.PAYPAL_API_BASE = "http://127.0.0.1:9"

        account = enter("paypal", owner, mode="live")

        assert account.mode == "test"
        assert credentials.of("paypal").base == "http://127.0.0.1:9"
        settings.PAYPAL_API_BASE = "https://proxy.shop.example"
        assert keyring.standing_of(account) is Standing.HELD
        assert accounts.mode_of("paypal") is None


class TestAdapters:
    def test_stripe_signs_in_with_the_newest_key(self, owner: User) -> None:
        tape = StripeTape()
        provider = StripeProvider(tape)
        with pytest.raises(ProviderMisconfigured):
            provider.create_checkout(REQUEST)

        for key in ("sk_test_first", "sk_test_second"):
            enter("stripe", owner, secret_key=key)
            provider.create_checkout(REQUEST)
            assert tape.calls[-1][3]["Authorization"] == f"Bearer {key}"

        keys.remove(accounts.get("stripe").pk, user=owner)
        with pytest.raises(ProviderMisconfigured):
            provider.create_checkout(REQUEST)

    def test_square_sells_at_the_location_that_was_entered(self, owner: User) -> None:
        tape = SquareTape()
        enter("square", owner)

        SquareProvider(tape.client()).create_checkout(REQUEST)

        order = tape.calls[-1][3]["order"]
        assert tape.headers[-1]["Authorization"] == "Bearer EAAAl-entered-Vb6H"
        assert order["location_id"] == SQUARE["location_id"]

    def test_paypal_asks_for_a_new_token_when_the_secret_changes(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tape = PayPalTape()

        def session() -> requests.Session:
            made = requests.sessions.Session()
            made.mount("https://", tape)
            return made

        monkeypatch.setattr(requests, "Session", session)
        enter("paypal", owner)
        PayPalProvider().create_checkout(REQUEST)
        PayPalProvider().fetch_checkout("ORDER0")
        assert len(tape.token_calls) == 1

        enter("paypal", owner, client_secret="secret-replaced")
        PayPalProvider().fetch_checkout("ORDER0")

        first, second = (call["Authorization"] for call in tape.token_calls)
        assert first != second


class TestWebhooks:
    def test_are_taken_with_the_secret_that_was_entered(self, owner: User) -> None:
        assert hear(body_of("evt_0"), "whsec_first") == 404
        enter("stripe", owner)

        assert hear(body_of("evt_1"), "whsec_first") == 200
        assert hear(body_of("evt_2"), "whsec_other") == 400
        assert hear(body_of("evt_3", livemode=True), "whsec_first") == 400
        assert WebhookEvent.objects.get().event_id == "evt_1"

    def test_the_secret_before_is_good_for_a_day(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enter("stripe", owner)
        enter("stripe", owner, webhook_secret="whsec_second")

        assert hear(body_of("evt_1"), "whsec_first") == 200
        assert hear(body_of("evt_2"), "whsec_second") == 200
        # a day later
        monkeypatch.setattr(keys, "OVERLAP", timedelta(0))
        enter("stripe", owner)
        enter("stripe", owner, webhook_secret="whsec_second")
        assert hear(body_of("evt_3"), "whsec_first") == 400
        assert hear(body_of("evt_4"), "whsec_second") == 200

    def test_the_secret_before_ends_when_the_keys_are_removed(
        self, owner: User
    ) -> None:
        enter("stripe", owner)
        enter("stripe", owner, webhook_secret="whsec_second")
        keys.remove(accounts.get("stripe").pk, user=owner)
        assert hear(body_of("evt_1"), "whsec_second") == 404

        enter("stripe", owner, webhook_secret="whsec_third")

        assert hear(body_of("evt_2"), "whsec_first") == 400
        assert hear(body_of("evt_3"), "whsec_second") == 400

    def test_cost_one_statement_more_a_second(
        self,
        owner: User,
        settings: Any,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        enter("stripe", owner)
        settings.KEPT_SECONDS = 60
        keyring.forget()

        with django_assert_num_queries(2):  # the accounts, and the event
            assert hear(body_of("evt_1"), "whsec_first") == 200
        with django_assert_num_queries(1):
            assert hear(body_of("evt_2"), "whsec_first") == 200


class TestFieldKeys:
    def test_a_new_key_seals_and_the_old_one_opens(
        self, owner: User, settings: Any
    ) -> None:
        settings.FIELD_KEYS = {"v1": OLD}
        account = enter("stripe", owner)
        assert account.sealed_keys.startswith("v1:")

        settings.FIELD_KEYS = {"v2": NEW, "v1": OLD}

        assert credentials.of("stripe").values == STRIPE
        again = enter("stripe", owner)
        assert again.sealed_keys.startswith("v2:")
        settings.FIELD_KEYS = {"v2": NEW}
        assert credentials.of("stripe").values == STRIPE

    def test_a_lost_key_takes_nothing_else_along(
        self, owner: User, settings: Any
    ) -> None:
        settings.FIELD_KEYS = {"v1": OLD}
        lost = enter("stripe", owner)
        settings.FIELD_KEYS = {"v2": NEW}
        enter("square", owner)

        assert keyring.standing_of(lost) is Standing.UNREADABLE
        assert accounts.mode_of("stripe") is None
        assert accounts.mode_of("square") == "test"
        assert hear(body_of("evt_1"), "whsec_first") == 404
        assert [one.slug for one in accounts.offered(make_link(), clock.now())] == [
            "square",
            "training",
        ]
        troubles = {line.title: line.trouble for line in lifeline.lifelines()}
        assert troubles == {"Stripe": Trouble.UNREADABLE, "Square": Trouble.NONE}
        enter("stripe", owner)
        assert accounts.mode_of("stripe") == "test"

    def test_what_is_sealed_for_one_account_fits_no_other(self, owner: User) -> None:
        account = enter("stripe", owner)

        moved = ProviderAccount(
            slug="stripe", mode="live", sealed_keys=account.sealed_keys
        )

        assert keyring.standing_of(moved) is Standing.UNREADABLE


@pytest.mark.usefixtures("_ready")
class TestRealMoney:
    LIVE = {"secret_key": "sk_live_first", "webhook_secret": "whsec_live"}

    @pytest.mark.parametrize(
        ("setting", "value", "named"),
        [
            ("EMAIL_CAPTURED", True, "EMAIL_URL"),
            ("CLOCK_OFFSET_SECONDS", 60, "CLOCK_OFFSET"),
            ("IS_HTTPS", False, "PUBLIC_URL"),
        ],
    )
    def test_live_keys_are_refused_and_not_used_where_it_is_rehearsed(
        self, owner: User, settings: Any, setting: str, value: object, named: str
    ) -> None:
        before = getattr(settings, setting)
        setattr(settings, setting, value)

        for slug, given in (("stripe", self.LIVE), ("paypal", PAYPAL)):
            with pytest.raises(keys.KeysRefused) as refused:
                keys.enter(slug, given, mode="live", user=owner)
            assert named in refused.value.problems["form"]
        assert not ProviderAccount.objects.exclude(sealed_keys="").exists()

        setattr(settings, setting, before)
        account = keys.enter("stripe", self.LIVE, mode="", user=owner)
        assert accounts.mode_of("stripe") == "live"
        setattr(settings, setting, value)  # a restored copy of the shop
        assert accounts.mode_of("stripe") is None
        assert named in " ".join(keyring.hindrances(account))
        assert [line.trouble for line in lifeline.lifelines()] == [Trouble.HELD]

    def test_ends_the_rehearsal_even_where_the_keys_cannot_be_used(
        self, owner: User, settings: Any
    ) -> None:
        settings.TRAINING_ENABLED = True
        enter("stripe", owner)
        assert accounts.mode_of("training") == "test"

        keys.enter("stripe", self.LIVE, mode="", user=owner)

        assert accounts.mode_of("training") is None
        settings.EMAIL_CAPTURED = True
        assert accounts.mode_of("training") is None
        settings.FIELD_KEYS = {"v9": NEW}
        assert accounts.mode_of("training") is None

    @pytest.mark.parametrize("command", [["simulate"], ["drain", "--as-of", "+1d"]])
    def test_commands_for_samples_keep_away(
        self, owner: User, settings: Any, command: list[str]
    ) -> None:
        keys.enter("stripe", self.LIVE, mode="", user=owner)
        settings.EMAIL_CAPTURED = True  # and so they are not in use either

        with pytest.raises(CommandError):
            call_command(*command)

    def test_test_keys_give_way_to_live_ones_and_not_the_other_way(
        self, owner: User
    ) -> None:
        enter("stripe", owner)
        live = keys.enter("stripe", self.LIVE, mode="", user=owner)
        assert accounts.mode_of("stripe") == "live"
        assert ProviderAccount.objects.get(slug="stripe", mode="test").sealed_keys == ""

        with pytest.raises(keys.KeysRefused, match="form"):
            enter("stripe", owner)

        live.refresh_from_db()
        assert keyring.opened(live).values == self.LIVE
        assert not live.sealed_keys.count("sk_live")
