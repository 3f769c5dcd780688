"""What proves a webhook of PayPal's, and what does not; with certificates of our own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from links.models import EventState, WebhookCertificate, WebhookEvent
from links.providers import paypal_webhooks
from links.providers.base import (
    CertificateMissing,
    ProviderUnavailable,
    WebhookVerificationError,
)
from links.services import inbox, proving

from .paypal_tape import CLIENT_ID, SECRET, WEBHOOK_ID, certificate, event, signed

pytestmark = pytest.mark.django_db
NAME = "messageverificationcerts.paypal.com"
PATH = "/v1/notifications/certs/CERT-1"
BODY = event("VAULT.PAYMENT-TOKEN.CREATED", {"id": "v1"}, "payment_token")


class Desk:
    """A host that gives out certificates; `content` is what it answers."""

    def __init__(self) -> None:
        self.content, self.status, self.asked = good(), 200, 0
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                desk.asked += 1
                self.send_response(desk.status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
                self.wfile.write(desk.content)

            def log_message(self, *_given: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def good() -> bytes:
    return certificate(NAME, of="paypal")


@pytest.fixture
def desk(settings: Any, tmp_path: Path) -> Iterator[Desk]:
    roots = tmp_path / "roots.pem"
    roots.write_bytes(certificate("", of="root", is_root=True))
    desk = Desk()
    settings.PAYPAL_CLIENT_ID = CLIENT_ID
    settings.PAYPAL_CLIENT_SECRET = SECRET
    settings.PAYPAL_WEBHOOK_ID = WEBHOOK_ID
    settings.PAYPAL_API_BASE = desk.url
    settings.PAYPAL_CA_FILE = str(roots)
    thread = Thread(target=desk.server.serve_forever)
    thread.start()
    paypal_webhooks.forget_certificates()
    yield desk
    paypal_webhooks.forget_certificates()
    desk.server.shutdown()
    desk.server.server_close()
    thread.join()


def arrives(client: Client, desk: Desk, body: bytes = BODY, signature: str = "") -> int:
    headers = signed(body, url=desk.url + PATH)
    if signature:
        headers["Paypal-Transmission-Sig"] = signature
    return client.post(
        "/webhooks/paypal/", body, content_type="application/json", headers=headers
    ).status_code


class TestHosts:
    @pytest.mark.parametrize(
        ("url", "base"),
        [
            ("https://evil.example/v1/notifications/certs/C", ""),
            ("http://api.paypal.com/v1/notifications/certs/C", ""),
            ("https://api.paypal.com@evil.example/v1/notifications/certs/C", ""),
            ("https://api.paypal.com.evil.example/v1/notifications/certs/C", ""),
            ("https://api.paypal.com:444/v1/notifications/certs/C", ""),
            ("https://api.paypal.com:x/v1/notifications/certs/C", ""),
            ("https://api.paypal.com/v1/notifications/certs/../../x", ""),
            ("https://api.paypal.com/v1/notifications/certs/%2e%2e", ""),
            ("https://api.paypal.com/v1/notifications/certs/", ""),
            ("https://api.paypal.com/v1/notifications/certs/C?next=//e", ""),
            ("https://api.paypal.com/logo.png", ""),
            ("https://api.sandbox.paypal.com/v1/notifications/certs/C", ""),
            (
                "https://api.paypal.com/v1/notifications/certs/C",
                "https://api-m.sandbox.paypal.com",
            ),
            ("http://127.0.0.1:9/v1/notifications/certs/C", ""),
            ("http://127.0.0.1:9/v1/notifications/certs/C", "http://127.0.0.1:8"),
            ("https://api.paypal.com/v1/notifications/certs/" + "C" * 300, ""),
            ("", ""),
        ],
    )
    def test_refuses_certificates_of_anyone_else(self, url: str, base: str) -> None:
        with pytest.raises(WebhookVerificationError, match="not at PayPal"):
            paypal_webhooks.verify(
                signed(BODY, url=url), BODY, webhook_id=WEBHOOK_ID, base=base
            )

    @pytest.mark.parametrize(
        ("url", "base"),
        [
            ("https://api.paypal.com/v1/notifications/certs/C-1", ""),
            (
                "https://api.sandbox.paypal.com/v1/notifications/certs/C-1",
                "https://api-m.sandbox.paypal.com",
            ),
        ],
    )
    def test_asks_for_those_of_paypals_own_host(self, url: str, base: str) -> None:
        with pytest.raises(CertificateMissing) as caught:
            paypal_webhooks.verify(
                signed(BODY, url=url), BODY, webhook_id=WEBHOOK_ID, base=base
            )

        assert caught.value.url == url


class TestFirstWebhook:
    def test_waits_for_a_worker_and_calls_nobody(
        self, client: Client, desk: Desk
    ) -> None:
        assert arrives(client, desk) == 200

        waiting = WebhookEvent.objects.get()
        assert not waiting.is_verified
        assert waiting.event_id.startswith("unproved:")
        assert desk.asked == 0
        for pk in inbox.due():
            inbox.process(pk)
        waiting.refresh_from_db()
        assert waiting.is_verified
        assert waiting.proof == {}
        assert waiting.event_id == "WH-VAULT.PAYMENT-TOKEN.CREATED-v1"
        assert waiting.state == EventState.IGNORED
        assert desk.asked == 1

    def test_the_next_is_proved_in_its_request_by_every_process(
        self, client: Client, desk: Desk
    ) -> None:
        arrives(client, desk)
        for pk in inbox.due():
            inbox.process(pk)
        paypal_webhooks.forget_certificates()  # as another process

        body = event("VAULT.PAYMENT-TOKEN.CREATED", {"id": "v2"}, "payment_token")
        assert arrives(client, desk, body) == 200

        assert WebhookEvent.objects.filter(is_verified=True).count() == 2
        assert desk.asked == 1

    def test_the_next_costs_one_statement_and_a_forgery_none(
        self,
        client: Client,
        desk: Desk,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        self.test_the_next_is_proved_in_its_request_by_every_process(client, desk)

        body = event("VAULT.PAYMENT-TOKEN.CREATED", {"id": "v3"}, "payment_token")
        with django_assert_num_queries(1):
            assert arrives(client, desk, body) == 200
        with django_assert_num_queries(0):
            assert arrives(client, desk, body, signature="Zm9yZ2Vk") == 400

    @pytest.mark.parametrize("days_ahead", [0, 9, -9])
    def test_a_wrong_clock_of_this_host_refuses_nothing(
        self, client: Client, desk: Desk, days_ahead: int
    ) -> None:
        arrives(client, desk)
        for pk in inbox.due():
            inbox.process(pk)
        body = event("VAULT.PAYMENT-TOKEN.CREATED", {"id": "v2"}, "payment_token")
        headers = signed(body, url=desk.url + PATH)

        with time_machine.travel(datetime.now(UTC) + timedelta(days=days_ahead)):
            told = client.post(
                "/webhooks/paypal/",
                body,
                content_type="application/json",
                headers=headers,
            )

        assert told.status_code == 200
        assert WebhookEvent.objects.filter(is_verified=True).count() == 2

    def test_comes_twice_while_it_waits(self, client: Client, desk: Desk) -> None:
        headers = signed(BODY, url=desk.url + PATH)
        for _time in range(2):
            client.post(
                "/webhooks/paypal/",
                BODY,
                content_type="application/json",
                headers=headers,
            )

        assert WebhookEvent.objects.count() == 1

    def test_came_again_and_was_proved_first(self, client: Client, desk: Desk) -> None:
        arrives(client, desk)
        waiting = WebhookEvent.objects.get()
        paypal_webhooks.learn_certificate(desk.url + PATH, good().decode())
        assert arrives(client, desk) == 200

        inbox.process(waiting.pk)

        assert WebhookEvent.objects.get().is_verified

    def test_a_forgery_does_not_pass_for_the_event_it_names(
        self, client: Client, desk: Desk
    ) -> None:
        assert arrives(client, desk, signature="Zm9yZ2Vk") == 200
        for pk in inbox.due():
            inbox.process(pk)
        assert not WebhookEvent.objects.exists()

        assert arrives(client, desk) == 200
        assert WebhookEvent.objects.get().event_id.startswith("WH-")

    def test_forgeries_do_not_fill_the_database(
        self, client: Client, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proving, "WAITING_MAX", 3)
        codes = [
            arrives(client, desk, signature=f"Zm9y{number}A==") for number in range(5)
        ]

        assert codes == [200, 200, 200, 503, 503]

    def test_waits_while_the_certificate_cannot_be_fetched(
        self, client: Client, desk: Desk
    ) -> None:
        arrives(client, desk)
        desk.status = 503
        waiting = WebhookEvent.objects.get()

        inbox.process(waiting.pk)

        waiting.refresh_from_db()
        assert waiting.state == EventState.RECEIVED
        assert "certificate" in waiting.last_error


class TestCertificates:
    def test_is_learned_with_its_end(self, desk: Desk) -> None:
        found = paypal_webhooks.fetch_certificate(desk.url + PATH, _roots_of())

        assert "BEGIN CERTIFICATE" in found.pem
        assert found.expires_at > datetime.now(UTC)

    @pytest.mark.parametrize(
        "made",
        [
            lambda: certificate("evil.example", of="paypal"),
            lambda: certificate("paypal.com.evil.example", of="paypal"),
            lambda: certificate("notpaypal.com", of="paypal"),
            lambda: certificate(NAME, of="paypal", signer="somebody"),
            lambda: certificate(
                NAME, of="paypal", starts=datetime.now(UTC) - timedelta(days=40)
            ),
            lambda: b"",
            lambda: b"<html>sign in to the network</html>",
            lambda: b"A" * 40_000,
        ],
        ids=["name", "suffix", "prefix", "chain", "old", "empty", "page", "large"],
    )
    def test_refuses_what_is_not_paypals(
        self, made: Callable[[], bytes], client: Client, desk: Desk
    ) -> None:
        desk.content = made()
        arrives(client, desk)

        for pk in inbox.due():
            inbox.process(pk)

        assert not WebhookEvent.objects.exists()
        assert not WebhookCertificate.objects.exists()

    def test_follows_no_redirect(self, client: Client, desk: Desk) -> None:
        desk.status = 302
        arrives(client, desk)

        for pk in inbox.due():
            inbox.process(pk)

        assert not WebhookEvent.objects.exists()

    def test_knows_the_usual_roots(self) -> None:
        assert len(paypal_webhooks._roots("")) > 100

    def test_silence_is_no_refusal(self, desk: Desk) -> None:
        with pytest.raises(ProviderUnavailable):
            paypal_webhooks.fetch_certificate("http://127.0.0.1:9" + PATH)

    def test_one_that_has_run_out_is_fetched_anew(
        self, client: Client, desk: Desk
    ) -> None:
        old = certificate(
            NAME, of="paypal", starts=datetime.now(UTC) - timedelta(days=40)
        )
        paypal_webhooks.learn_certificate(desk.url + PATH, old.decode())
        WebhookCertificate.objects.create(
            url=desk.url + PATH,
            pem=old.decode(),
            expires_at=datetime.now(UTC) - timedelta(days=10),
        )

        arrives(client, desk)
        for pk in inbox.due():
            inbox.process(pk)

        assert WebhookEvent.objects.get().is_verified
        assert WebhookCertificate.objects.get().expires_at > datetime.now(UTC)


def _roots_of() -> str:
    path: str = settings.PAYPAL_CA_FILE
    return path
