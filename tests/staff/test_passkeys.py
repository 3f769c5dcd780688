"""Passkeys: what no browser sends is refused; where they work at all."""

import json

import pytest
from django.conf import LazySettings
from django.test import Client

from merchant_portal.staff import second_factor
from merchant_portal.staff.models import Tries, User
from merchant_portal.staff.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
LOGIN, ADD = "/accounts/2fa/webauthn/login/", "/accounts/2fa/webauthn/add/"
SHAPES = [
    "",
    "nonsense",
    "[]",
    "1",
    "null",
    '"text"',
    "{}",
    '{"id": 1, "rawId": 1, "response": {}, "type": "public-key"}',
    json.dumps(
        {
            "id": "AAAA",
            "rawId": "AAAA",
            "type": "public-key",
            "response": {
                "clientDataJSON": "e30",
                "authenticatorData": "AAAA",
                "signature": "AAAA",
                "userHandle": "MQ",
                "attestationObject": "oA",
            },
        }
    ),
]


@pytest.fixture
def owner() -> User:
    return make_user(email="olga@shop.example", password=PASSWORD)


@pytest.mark.parametrize("credential", SHAPES)
def test_what_no_browser_sends_opens_nothing(
    client: Client, owner: User, credential: str
) -> None:
    client.get(LOGIN, headers={"Accept": "application/json"})

    answer = client.post(LOGIN, {"credential": credential})

    assert answer.headers["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("credential", SHAPES)
def test_what_no_browser_sends_is_no_passkey(
    client: Client, owner: User, credential: str
) -> None:
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert client.get(ADD).status_code == 200

    answer = client.post(ADD, {"name": "a", "credential": credential})

    assert answer.status_code == 200
    assert not second_factor.is_on(owner)


def test_a_network_asks_so_often_and_not_oftener(client: Client) -> None:
    for _each in range(21):
        client.post(LOGIN, {"credential": '{"id": 1}'})

    page = client.get("/accounts/login/").content.decode()

    assert "Please try again in 15 minutes." in page
    assert [len(row.times) for row in Tries.objects.all()] == [20]


@pytest.mark.parametrize(
    ("address", "work"),
    [
        ("https://pay.example.com", True),
        ("http://localhost:8000", True),
        ("http://127.0.0.1:8000", False),
        ("http://pay.example.com", False),
        ("https://192.0.2.1", False),
        ("https://[2001:db8::1]", False),
    ],
)
def test_browsers_allow_them_on_names_with_https(
    settings: LazySettings, address: str, work: bool
) -> None:
    settings.PUBLIC_URL = address

    assert second_factor.passkeys_work() is work


def test_are_bound_to_the_public_host(
    client: Client, owner: User, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://pay.example.com"

    answer = client.get(LOGIN, headers={"Accept": "application/json"}).json()

    options = answer["request_options"]["publicKey"]
    assert options["rpId"] == "pay.example.com"
    assert options["userVerification"] == "required"
