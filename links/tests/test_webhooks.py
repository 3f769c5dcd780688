"""What comes in from providers: proved, stored once, answered quickly."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from links.models import EventState, Payment, WebhookEvent
from links.providers import training
from links.services import accounts, checkouts, inbox
from links.webhooks import views
from merchant_portal.lib.limits import RateLimit

from .factories import make_link
from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET, recorded, signed

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.TRAINING_ENABLED = True
    views.refusals.clear()


def body_of(name: str = "event_session_completed", **changes: Any) -> bytes:
    # As Stripe sends it; a receiver that writes it anew cannot prove it.
    return json.dumps({**recorded(name), **changes}, indent=2).encode()


def post(client: Client, body: bytes, content_type: str = JSON, **signing: Any) -> int:
    headers = signing.pop("headers", None) or signed(body, **signing)
    response = client.post(
        "/webhooks/stripe/", body, content_type=content_type, headers=headers
    )
    assert response.content == b""
    return response.status_code


def test_stores_the_bytes_that_were_proved(client: Client) -> None:
    body = body_of()

    assert post(client, body) == 200

    event = WebhookEvent.objects.get()
    assert event.event_id == "evt_1"
    assert event.kind == "checkout.session.completed"
    assert event.state == EventState.RECEIVED
    assert event.body == body.decode()
    assert event.account.slug == "stripe"


def test_takes_one_statement_and_two_for_a_repeat(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    post(client, body_of(id="evt_first"))

    with django_assert_num_queries(1):
        assert post(client, body_of()) == 200
    with django_assert_num_queries(2):
        assert post(client, body_of()) == 200


def test_a_repeat_is_answered_and_changes_nothing(client: Client) -> None:
    body = body_of()
    post(client, body)
    WebhookEvent.objects.update(state=EventState.DONE, tries=1)

    assert post(client, body) == 200

    event = WebhookEvent.objects.get()
    assert (event.state, event.tries) == (EventState.DONE, 1)


def test_loses_no_event_while_another_worker_makes_the_account(client: Client) -> None:
    """The first events of a new account come at once, each to another worker."""
    statements: list[str] = []

    def meanwhile(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        done = execute(sql, params, many, context)
        statements.append(sql)
        if len(statements) == 1:  # ours found no account and stored nothing
            accounts.get("stripe")
        return done

    with connection.execute_wrapper(meanwhile):
        assert post(client, body_of()) == 200

    assert WebhookEvent.objects.get().event_id == "evt_1"


def test_needs_no_cookie_and_sets_none() -> None:
    client = Client(enforce_csrf_checks=True)

    assert post(client, body_of()) == 200
    assert client.cookies == {}


@pytest.mark.parametrize(
    "signing",
    [
        {"headers": {"X-Nothing": "1"}},
        {"secret": "whsec_of_another"},
        {"age_seconds": 360},
        {"age_seconds": -360},
        {"headers": {"Training-Signature": "1,00"}},
    ],
)
def test_refuses_what_is_not_proved(client: Client, signing: dict[str, Any]) -> None:
    assert post(client, body_of(), **signing) == 400

    assert not WebhookEvent.objects.exists()


def test_refuses_the_same_event_written_anew(client: Client) -> None:
    body = body_of()
    anew = json.dumps(json.loads(body)).encode()

    assert post(client, anew, headers=signed(body)) == 400
    assert not WebhookEvent.objects.exists()


def test_refuses_the_other_providers_webhook(client: Client) -> None:
    link = make_link()
    checkouts.start(link.pk, "training")
    session = training.find_session(link.checkouts.get().public_id)
    assert session is not None
    payment = training.answer(session, "approve")
    assert payment is not None
    headers, body = training.webhook(payment, 1)

    assert post(client, body, headers=headers) == 400
    response = client.post(
        "/webhooks/training/", body, content_type=JSON, headers=headers
    )
    assert response.status_code == 200
    assert inbox.process(WebhookEvent.objects.get().pk) is True
    assert Payment.objects.get().link == link


def test_refuses_an_event_of_the_other_mode(client: Client) -> None:
    assert post(client, body_of(livemode=True)) == 400
    assert post(client, body_of(account="acct_other")) == 400
    assert not WebhookEvent.objects.exists()


def test_keeps_a_kind_it_does_not_know(client: Client) -> None:
    assert post(client, body_of("event_unknown")) == 200

    event = WebhookEvent.objects.get()
    inbox.process(event.pk)
    event.refresh_from_db()
    assert event.state == EventState.IGNORED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"7",
        b'{"id": "evt_1"}',
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b"\xff\xfe\x00",
        b'{"id": "evt_\\u0000", "type": "a", "livemode": false, "data": {"object": {}}}',
    ],
)
def test_refuses_quickly_what_is_no_event_though_signed(
    client: Client, body: bytes
) -> None:
    started = time.process_time()

    assert post(client, body) == 400

    assert time.process_time() - started < 1
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 400), (10_000_000, 413)])
def test_refuses_a_large_body_unread(client: Client, size: int, status: int) -> None:
    body = b" " * (size - 2) + b"{}"
    started = time.process_time()

    assert post(client, body) == status

    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", ""]
)
def test_takes_only_json(client: Client, content_type: str) -> None:
    assert post(client, body_of(), content_type) == 400
    assert post(client, body_of(), "application/json; charset=utf-8") == 200


def test_believes_no_length_that_is_no_number(client: Client) -> None:
    response = client.generic(
        "POST",
        "/webhooks/stripe/",
        b"{}",
        content_type=JSON,
        CONTENT_LENGTH="many",
    )

    assert response.status_code == 400


@pytest.mark.parametrize("slug", ["nobody", "manual", "paypal", "Stripe"])
def test_knows_only_providers_that_are_set_up(client: Client, slug: str) -> None:
    body = body_of()
    response = client.post(
        f"/webhooks/{slug}/", body, content_type=JSON, headers=signed(body)
    )

    assert response.status_code == 404


def test_answers_404_while_the_keys_are_not_set(client: Client, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""

    assert post(client, body_of()) == 404


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "head"])
def test_takes_only_post(client: Client, method: str) -> None:
    assert getattr(client, method)("/webhooks/stripe/").status_code == 405


def test_a_wrong_clock_of_this_host_refuses_nothing(
    client: Client,
) -> None:
    fresh = signed(body_of())

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=600)):
        assert post(client, body_of(), headers=fresh) == 200


def test_asks_to_come_again_without_a_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OperationalError("no connection")

    monkeypatch.setattr(inbox, "receive", broken)

    assert post(client, body_of()) == 503


def test_a_flood_of_forgeries_fills_no_log_and_locks_nobody_out(
    client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no minute ends in the middle
    monkeypatch.setattr(
        views, "refusals", RateLimit(views.LOGGED_A_MINUTE, seconds=1e12)
    )
    for _ in range(100):
        assert post(client, body_of(), secret="guess") == 400

    refused = [r for r in caplog.records if "webhook_refused" in r.getMessage()]
    assert len(refused) == views.LOGGED_A_MINUTE
    assert post(client, body_of()) == 200
