import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from notifications.models import Message, OptOut
from notifications.services import unsubscribing

from .factories import Shop, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict() -> Client:
    return Client(enforce_csrf_checks=True)


def path_of(row: Message, settings: Settings) -> str:
    return unsubscribing.url_of(row).removeprefix(settings.PUBLIC_URL)


def test_looking_changes_nothing(
    shop: Shop, strict: Client, settings: Settings
) -> None:
    row = message(kind="reminder")

    response = strict.get(path_of(row, settings))

    assert response.status_code == 200
    assert b'<form method="post"><button' in response.content
    assert row.recipient.encode() not in response.content
    assert response["Referrer-Policy"] == "no-referrer"
    assert not OptOut.objects.exists()
    row.refresh_from_db()
    assert row.state == "queued"


def test_one_click_stops_reminders_but_not_receipts(
    shop: Shop, strict: Client, settings: Settings
) -> None:
    row = message(kind="reminder")
    receipt = message(kind="receipt")

    response = strict.post(path_of(row, settings), {"List-Unsubscribe": "One-Click"})

    assert response.status_code == 200
    assert response.cookies == {}
    opt_out = OptOut.objects.get()
    assert (opt_out.channel, opt_out.address, opt_out.scope, opt_out.source) == (
        "email",
        "ada1@example.com",
        "reminders",
        "unsubscribe link",
    )
    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {row.pk: "suppressed", receipt.pk: "queued"}


@pytest.mark.parametrize("token", ["x", "0" * 40, "%00", "../admin"])
def test_unknown_token_is_not_found(
    shop: Shop, client: Client, settings: Settings, token: str
) -> None:
    assert client.post(f"/unsubscribe/{token}/").status_code == 404


def test_changed_token_is_not_found(
    shop: Shop, client: Client, settings: Settings
) -> None:
    path = path_of(message(kind="reminder"), settings)
    changed = path[:-2] + ("A" if path[-2] != "A" else "B") + "/"

    assert client.post(changed).status_code == 404
    assert not OptOut.objects.exists()
