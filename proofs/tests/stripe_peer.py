"""The fake Stripe as tests hold it: server, SDK client, receiver, payer."""

import http.client
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stripe

from proofs.fakes.ledger import Ledger
from proofs.fakes.receiver import Receiver, ReceiverServer
from proofs.fakes.stripe import StripeFake
from proofs.fakes.web import FakeServer

KEY = "sk_test_fake"
SECRET = "whsec_fake"


@dataclass
class Page:
    status: int
    text: str
    location: str


@dataclass
class Peer:
    url: str
    ledger: Ledger
    receiver: Receiver
    client: stripe.StripeClient
    fake: StripeFake

    def control(self, **switches: Any) -> Page:
        return post(f"{self.url}/_control", json.dumps(switches))

    def new_session(self, key: str = "", **changes: Any) -> stripe.checkout.Session:
        options: Any = {"idempotency_key": key} if key else {}
        params: Any = session_params(**changes)
        return self.client.v1.checkout.sessions.create(params, options)

    def press(self, session: stripe.checkout.Session, outcome: str) -> Page:
        assert session.url is not None
        return post(session.url, f"outcome={outcome}")

    def events(self) -> list[str]:
        return [event["type"] for event in self.ledger.objects("event")]


def session_params(**changes: Any) -> dict[str, Any]:
    return {
        "mode": "payment",
        "client_reference_id": "plk_7",
        "customer_email": "ada@example.com",
        "success_url": "https://shop.example/back?cs={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/stop",
        "metadata": {"link": "plk_7"},
        "payment_intent_data": {"metadata": {"link": "plk_7"}},
        "line_items": [
            {
                "quantity": 2,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 1250,
                    "product_data": {"name": "Garden work"},
                },
            }
        ],
        **changes,
    }


@contextmanager
def running_peer(
    directory: Path,
    *,
    specs: Path | None = None,
    statuses: tuple[int, ...] = (),
    events: tuple[str, ...] = (),
) -> Iterator[Peer]:
    ledger = Ledger(directory / "stripe.sqlite3")
    receiving = ReceiverServer(statuses=statuses)
    with receiving, ledger.closing():
        fake = StripeFake(
            ledger,
            key=KEY,
            secret=SECRET,
            webhook_url=f"{receiving.url}/hook",
            events=events,
            specs=specs,
        )
        with FakeServer(fake) as server:
            yield Peer(server.url, ledger, receiving.receiver, client(server.url), fake)


def client(url: str, key: str = KEY, *, timeout: float = 5) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


def get(url: str) -> Page:
    return _ask("GET", url, "", {})


def post(url: str, body: str, headers: Mapping[str, str] | None = None) -> Page:
    return _ask("POST", url, body, headers or {})


def _ask(method: str, url: str, body: str, headers: Mapping[str, str]) -> Page:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, dict(headers))
        response = connection.getresponse()
        text = response.read().decode()
        return Page(response.status, text, response.getheader("Location", ""))
    finally:
        connection.close()
