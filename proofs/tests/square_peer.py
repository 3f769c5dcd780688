"""The fake Square as tests hold it: server, caller, receiver, payer."""

import http.client
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.receiver import Receiver, ReceiverServer
from proofs.fakes.square import LINKS, LOCATION_ID, SquareFake
from proofs.fakes.web import FakeServer
from proofs.waiting import eventually

KEY = "square-token"
SECRET = "square-signature-key"
# What a card payment tells, in this order.
PAID = ["payment.created", "payment.updated", "order.updated"]


@dataclass
class Reply:
    """`body` is the parsed JSON, or {} where the answer was a page."""

    status: int
    body: Json
    text: str
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """Square's code of the first error."""
        return str(self.body["errors"][0]["code"])


@dataclass
class Peer:
    url: str
    ledger: Ledger
    receiver: Receiver
    fake: SquareFake
    token: str = KEY
    timeout: float = 5

    def get(self, path: str, **query: Any) -> Reply:
        mark = "?" if query else ""
        return self._call("GET", f"{path}{mark}{urllib.parse.urlencode(query)}")

    def post(self, path: str, body: Json) -> Reply:
        return self._call("POST", path, json.dumps(body))

    def delete(self, path: str) -> Reply:
        return self._call("DELETE", path)

    def control(self, **switches: Any) -> Reply:
        return ask("POST", f"{self.url}/_control", json.dumps(switches), {})

    def create_link(self, key: str = "", **changes: Any) -> Reply:
        return self.post(LINKS, link_body(key, **changes))

    def new_link(self, key: str = "", **changes: Any) -> Json:
        created = self.create_link(key, **changes)
        assert created.status == 200, created.text
        link: Json = created.body["payment_link"]
        return link

    def press(self, link: Json, outcome: str) -> Reply:
        return ask("POST", link["url"], f"outcome={outcome}", {})

    def paid_payment(self) -> Json:
        """A new payment of 2500 in the location's currency."""
        link = self.new_link()
        assert self.press(link, "pay").status == 303
        return self.payments(link)[-1]

    def order(self, link: Json) -> Json:
        order: Json = self.get(f"/v2/orders/{link['order_id']}").body["order"]
        return order

    def state(self, link: Json) -> tuple[str, int]:
        """State and version of the link's order."""
        order = self.order(link)
        return order["state"], order["version"]

    def payments(self, link: Json) -> list[Json]:
        """The payments that the tenders of the link's order name, oldest first."""
        ids = [row["payment_id"] for row in self.order(link).get("tenders", ())]
        return [self.get(f"/v2/payments/{i}").body["payment"] for i in ids]

    def refund(self, key: str, payment: Json, amount: int, **changes: Any) -> Reply:
        currency = payment["total_money"]["currency"]
        body = {
            "idempotency_key": key,
            "payment_id": payment["id"],
            "amount_money": {"amount": amount, "currency": currency},
            **changes,
        }
        return self.post("/v2/refunds", body)

    def events(self) -> list[str]:
        return [event["type"] for event in self.ledger.objects("event")]

    def wait_until_delivered(self) -> None:
        eventually(
            lambda: all(d.state != "pending" for d in self.ledger.deliveries()),
            within=10,
            what="every webhook delivered",
        )

    def _call(self, method: str, path: str, body: str = "") -> Reply:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Square-Version": "2026-09-16",
            **({"Content-Type": "application/json"} if body else {}),
        }
        return ask(method, f"{self.url}{path}", body, headers, timeout=self.timeout)


def link_body(key: str = "", **changes: Any) -> Json:
    body: Json = {
        "idempotency_key": key,
        "description": "Garden work in May",
        "payment_note": "plk_7",
        "order": order_body(),
        "checkout_options": {"redirect_url": "https://shop.example/back?from=square"},
        "pre_populated_data": {"buyer_email": "ada@example.com"},
        **changes,
    }
    return body


def order_body(*, amount: int = 1250, currency: str = "USD", **changes: Any) -> Json:
    line = {
        "name": "Garden work",
        "quantity": "2",
        "base_price_money": {"amount": amount, "currency": currency},
    }
    return {
        "location_id": LOCATION_ID,
        "reference_id": "plk_7",
        "line_items": [line],
        "metadata": {"link": "plk_7"},
        **changes,
    }


@contextmanager
def running_peer(
    directory: Path,
    *,
    statuses: tuple[int, ...] = (),
    webhook_url: str = "",
    **options: Any,
) -> Iterator[Peer]:
    """`webhook_url` instead of the receiver's; `options` are the fake's own.

    Fees only come when charge_fees says so, unless fee_seconds is among the options.
    """
    ledger = Ledger(directory / "square.sqlite3")
    receiving = ReceiverServer(statuses=statuses)
    with receiving, ledger.closing():
        fake = SquareFake(
            ledger,
            key=KEY,
            secret=SECRET,
            webhook_url=webhook_url or f"{receiving.url}/hook/",
            **{"fee_seconds": None, **options},
        )
        with FakeServer(fake) as server:
            yield Peer(server.url, ledger, receiving.receiver, fake)


def ask(
    method: str,
    url: str,
    body: str,
    headers: Mapping[str, str],
    *,
    timeout: float = 5,
) -> Reply:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    target = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
    try:
        connection.request(method, target, body or None, dict(headers))
        response = connection.getresponse()
        text = response.read().decode()
        found = dict(response.getheaders())
    finally:
        connection.close()
    data = json.loads(text) if text.startswith("{") else {}
    return Reply(response.status, data, text, found)
