"""The page on which an owner connects a provider: what it takes, refuses and never shows."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from links.models import (
    ProviderAccount,
    WebhookEvent,
)
from links.providers import credentials
from links.providers.base import ProviderUnavailable
from links.providers.stripe import StripeProvider
from links.services import accounts, keyring
from merchant_portal.audit.models import AuditEntry
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageContent

from .factories import make_user
from .test_keyring import ENTERED, PAYPAL, SQUARE, STRIPE

pytestmark = pytest.mark.django_db
LIST = "/admin/links/provideraccount/"
STRIPE_PAGE = f"{LIST}keys/stripe/"
LIVE = {"secret_key": "sk_live_first", "webhook_secret": "whsec_live"}


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


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner() -> User:
    return make_user(email="olga@shop.example")


@pytest.fixture
def client(owner: User) -> Client:
    return signed_in(owner)


def text_of(client: Client, path: str = STRIPE_PAGE) -> str:
    return client.get(path).content.decode()


def entered(client: Client, slug: str, **changes: str) -> ProviderAccount:
    given = {"mode": "test", **ENTERED[slug], **changes}
    answer = client.post(f"{LIST}keys/{slug}/", given)
    assert answer.status_code == 302, answer.content.decode()
    return ProviderAccount.objects.exclude(sealed_keys="").get(slug=slug)


@pytest.mark.parametrize("slug", list(ENTERED))
def test_a_provider_is_connected_by_its_page(client: Client, slug: str) -> None:
    page = f"{LIST}keys/{slug}/"
    before = text_of(client, page)
    assert "Not connected" in before
    assert f"http://127.0.0.1:8000/webhooks/{slug}/" in before

    account = entered(client, slug)

    assert credentials.of(slug).values == ENTERED[slug]
    assert account.keys_set_at is not None
    after = text_of(client, page)
    assert "Connected" in after
    assert "Test: no real money" in after
    assert "Keys entered:" in after
    for secret in ENTERED[slug].values():
        assert secret not in after
        assert slug == "stripe" or secret[-4:] not in after
    assert f"{LIST}keys/{slug}/" in text_of(client, LIST)


@pytest.mark.parametrize("name", list(STRIPE))
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "missing"),
        ("pk_test_abcdefgh", "publishable key"),
        ("sk_test_in side", "blank or a line break"),
        ("sk_test_" + "a" * 400, "too long"),
        ("sk_test_ümlaut", "begin with"),
        ("rubbish-of-the-test", "begin with"),
        ("https://dashboard.stripe.com/", "an address"),
    ],
)
def test_says_what_is_wrong_beside_the_field_and_repeats_nothing(
    client: Client, name: str, typed: str, said: str
) -> None:
    if name == "webhook_secret":
        typed = typed.replace("sk_test_", "whsec_")

    answer = client.post(STRIPE_PAGE, {**STRIPE, name: typed})

    text = answer.content.decode()
    assert answer.status_code == 422
    assert said in text.split(f'id="key-{name}-error">')[1].split("</p>")[0]
    assert not typed or typed not in text.replace("https://dashboard.stripe.com/,", "")
    assert not any(secret in text for secret in STRIPE.values())
    assert not ProviderAccount.objects.exclude(sealed_keys="").exists()
    assert not AuditEntry.objects.filter(action__startswith="provider_account").exists()


@pytest.mark.parametrize(
    ("slug", "changes", "said"),
    [
        ("stripe", {"secret_key": "whsec_first"}, "signing secret of a webhook"),
        ("stripe", {"webhook_secret": "sk_test_first"}, "belongs in its own field"),
        ("stripe", {"webhook_secret": "we_1abc"}, "name of the webhook"),
        ("paypal", {"client_secret": PAYPAL["client_id"]}, "same as another field"),
        ("paypal", {"webhook_id": PAYPAL["client_secret"]}, "capital letters"),
        ("square", {"access_token": "sq0idp-abcdefgh"}, "application"),
        ("square", {"location_id": SQUARE["access_token"]}, "capital letters"),
        ("square", {"access_token": "sk_test_first"}, "Stripe"),
        ("square", {"mode": "elsewhere"}, "Choose where these keys are from."),
    ],
)
def test_keys_in_each_others_fields_are_known_and_not_shown(
    client: Client, slug: str, changes: dict[str, str], said: str
) -> None:
    answer = client.post(
        f"{LIST}keys/{slug}/", {"mode": "test", **ENTERED[slug], **changes}
    )

    text = answer.content.decode()
    assert answer.status_code == 422
    assert said in text
    secrets = {**ENTERED[slug], **changes}
    harmless = {"mode", "webhook_id", "location_id"} - set(changes)
    assert not [v for n, v in secrets.items() if n not in harmless and v in text]


def test_keeps_what_is_no_secret_when_it_refuses(client: Client) -> None:
    answer = client.post(
        f"{LIST}keys/paypal/", {**PAYPAL, "mode": "live", "client_secret": ""}
    )

    text = answer.content.decode()
    assert f'value="{PAYPAL["webhook_id"]}"' in text
    assert 'value="live" checked' in text
    assert PAYPAL["client_id"] not in text


def test_blanks_around_a_key_are_of_the_copying(client: Client) -> None:
    entered(client, "stripe", secret_key=" sk_test_first\n")

    assert credentials.of("stripe")["secret_key"] == "sk_test_first"


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.FINANCE, Role.AUDITOR])
def test_only_owners_may(client: Client, role: Role) -> None:
    account = entered(client, "stripe")
    before = account.sealed_keys
    other = signed_in(make_user(role))

    assert other.get(STRIPE_PAGE).status_code == 403
    assert other.post(STRIPE_PAGE, STRIPE).status_code == 403
    assert other.get(f"{STRIPE_PAGE}remove/").status_code == 403
    assert other.post(f"{STRIPE_PAGE}remove/").status_code == 403
    assert other.post(f"{LIST}{account.pk}/check/").status_code == 403
    account.refresh_from_db()
    assert account.sealed_keys == before
    assert STRIPE_PAGE not in other.get(LIST).content.decode()
    assert Client().get(STRIPE_PAGE).status_code == 302


def test_looking_changes_nothing(client: Client) -> None:
    entered(client, "stripe")
    before = list(ProviderAccount.objects.order_by("pk").values())

    for path in (STRIPE_PAGE, f"{STRIPE_PAGE}remove/", LIST, f"{LIST}keys/square/"):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200
    client.get(STRIPE_PAGE, LIVE)

    assert list(ProviderAccount.objects.order_by("pk").values()) == before
    assert client.get(f"{LIST}keys/training/").status_code == 404
    assert client.get(f"{LIST}keys/square/remove/").status_code == 404


def test_the_accounts_own_form_cannot_touch_them(client: Client) -> None:
    account = entered(client, "stripe")
    rates = {"fee_rates-TOTAL_FORMS": "0", "fee_rates-INITIAL_FORMS": "0"}

    client.post(
        f"{LIST}{account.pk}/change/", {"position": "2", "sealed_keys": "x", **rates}
    )

    account.refresh_from_db()
    assert account.position == 2
    assert credentials.of("stripe").values == STRIPE
    assert account.sealed_keys not in text_of(client, f"{LIST}{account.pk}/change/")


def test_the_environment_is_named_and_not_written_over(
    client: Client, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_environment"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_environment"

    text = text_of(client)

    assert "set by the environment of this installation" in text
    assert "STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET" in text
    assert 'name="secret_key"' not in text
    assert "sk_test_environment" not in text
    assert client.post(STRIPE_PAGE, STRIPE).status_code == 422
    assert not ProviderAccount.objects.exclude(sealed_keys="").exists()


class TestCheck:
    def test_asks_the_provider_and_comes_back_to_the_page(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = entered(client, "stripe")
        answers = iter(["", "Finish its set-up.", ProviderUnavailable("No answer.")])

        def check(provider: StripeProvider) -> str:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return str(answer)

        monkeypatch.setattr(StripeProvider, "check_account", check)
        for said in ("nothing is missing", "Finish its set-up.", "No answer."):
            page = client.post(
                f"{LIST}{account.pk}/check/", {"back": "keys"}, follow=True
            )
            assert page.redirect_chain == [(STRIPE_PAGE, 302)]
            assert said in page.content.decode()

    def test_the_page_tells_when_a_webhook_was_heard(self, client: Client) -> None:
        account = entered(client, "stripe")
        assert "Last webhook: not yet" in text_of(client)

        WebhookEvent.objects.create(
            account=account, event_id="evt_1", received_at=timezone.now()
        )

        assert "Last webhook: not yet" not in text_of(client)
        assert "Last webhook: " in text_of(client)


class TestTold:
    def test_the_audit_log_names_fields_and_no_values(
        self, client: Client, owner: User
    ) -> None:
        entered(client, "stripe")
        entered(client, "stripe", secret_key="sk_test_second")
        client.post(f"{STRIPE_PAGE}remove/")

        acts = AuditEntry.objects.filter(action__startswith="provider_account.keys_")
        assert [act.action.split(".")[1] for act in acts.order_by("sequence")] == [
            "keys_entered",
            "keys_replaced",
            "keys_removed",
        ]
        for act in acts:
            assert act.actor == owner.public_id
            assert act.details == {"fields": ["secret_key", "webhook_secret"]}

    def test_every_owner_hears(self, client: Client) -> None:
        for role, address in (
            (Role.OWNER, "otto@shop.example"),
            (Role.FINANCE, "fina@shop.example"),
        ):
            make_user(role, address)

        entered(client, "stripe")
        entered(client, "stripe", secret_key="sk_test_second")
        client.post(f"{STRIPE_PAGE}remove/")

        told = Message.objects.filter(kind="notice").order_by("pk")
        both = ["olga@shop.example", "otto@shop.example"]
        assert [message.recipient for message in told] == both * 3
        ottos = told.filter(recipient="otto@shop.example")
        subjects = MessageContent.objects.filter(message__in=ottos).order_by("message")
        assert [content.subject for content in subjects] == [
            "Keys of Stripe were entered",
            "Keys of Stripe were replaced",
            "Keys of Stripe were removed",
        ]


@pytest.mark.usefixtures("_ready")
def test_test_keys_beside_a_live_account_are_refused(client: Client) -> None:
    entered(client, "stripe", **LIVE)

    answer = client.post(STRIPE_PAGE, STRIPE)

    assert answer.status_code == 422
    assert "Remove the live keys first" in answer.content.decode()
    assert credentials.of("stripe").values == LIVE
    assert "Live: real money" in text_of(client)


def test_live_keys_are_refused_with_what_to_set_first(client: Client) -> None:
    assert "EMAIL_URL must be set" in text_of(client)

    answer = client.post(STRIPE_PAGE, LIVE)

    text = answer.content.decode()
    assert answer.status_code == 422
    assert "EMAIL_URL must be set" in text.split('role="alert">')[1].split("</div>")[0]
    assert "sk_live_first" not in text
    assert accounts.mode_of("stripe") is None
