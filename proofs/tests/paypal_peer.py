"""The fake PayPal as tests hold it: server, caller with a token, receiver, payer."""

import base64
import json
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.fakes import paypal_tokens
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.paypal import WEBHOOK_ID, PayPalFake
from proofs.fakes.paypal_objects import CAPTURES, ORDERS
from proofs.fakes.receiver import Receiver, ReceiverServer
from proofs.fakes.web import FakeServer
from proofs.tests.square_peer import Reply, ask
from proofs.waiting import eventually

CLIENT_ID = "paypal-client"
SECRET = "paypal-secret"
WHOLE = "return=representation"
# What a payer who pays at once makes it tell, in this order.
PAID = [
    "CHECKOUT.ORDER.APPROVED",
    "PAYMENT.CAPTURE.COMPLETED",
    "CHECKOUT.ORDER.COMPLETED",
]


@dataclass
class Peer:
    url: str
    ledger: Ledger
    receiver: Receiver
    fake: PayPalFake
    root: str = ""
    token: str = ""
    timeout: float = 5
    prefer: str = WHOLE

    def buy_token(
        self, secret: str = SECRET, grant: str = "client_credentials"
    ) -> Reply:
        pair = base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()
        headers = {
            "Authorization": f"Basic {pair}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{self.url}{paypal_tokens.PATH}"
        return ask("POST", url, f"grant_type={grant}", headers, timeout=self.timeout)

    def get(self, path: str, **query: Any) -> Reply:
        mark = "?" if query else ""
        return self._call("GET", f"{path}{mark}{urllib.parse.urlencode(query)}")

    def post(self, path: str, body: Json, key: str = "") -> Reply:
        return self._call("POST", path, json.dumps(body), key)

    def control(self, **switches: Any) -> Reply:
        return ask("POST", f"{self.url}/_control", json.dumps(switches), {})

    def create_order(self, key: str = "chk_1", **changes: Any) -> Reply:
        return self.post(ORDERS, order_body(**changes), key)

    def new_order(self, key: str = "chk_1", **changes: Any) -> Json:
        created = self.create_order(key, **changes)
        assert created.status == 201, created.text
        return created.body

    def press(self, order: Json, outcome: str) -> Reply:
        return ask("POST", f"{self.url}/pay/{order['id']}", f"outcome={outcome}", {})

    def page(self, order: Json) -> Reply:
        return ask("GET", f"{self.url}/pay/{order['id']}", "", {})

    def capture(self, order: Json, key: str = "cap_1") -> Reply:
        return self.post(f"{ORDERS}/{order['id']}/capture", {}, key)

    def captured(self, number: int = 1, **changes: Any) -> Json:
        """The capture of a new order of 25.00 that was paid at once."""
        order = self.new_order(f"chk_{number}", **changes)
        assert self.press(order, "pay").status == 303
        answer = self.capture(order, f"cap_{number}")
        assert answer.status == 201, answer.text
        return only_capture(answer.body)

    def order(self, order: Json) -> Json:
        return self.get(f"{ORDERS}/{order['id']}").body

    def refund(self, key: str, capture: Json, value: str = "", **changes: Any) -> Reply:
        body = dict(changes)
        if value:
            body["amount"] = {**capture["amount"], "value": value}
        return self.post(f"{CAPTURES}/{capture['id']}/refund", body, key)

    def status(self, capture: Json) -> str:
        return str(self.get(f"{CAPTURES}/{capture['id']}").body["status"])

    def events(self) -> list[str]:
        return [event["event_type"] for event in self.ledger.objects("event")]

    def wait_until_delivered(self) -> None:
        eventually(
            lambda: all(d.state != "pending" for d in self.ledger.deliveries()),
            within=10,
            what="every webhook delivered",
        )

    def _call(self, method: str, path: str, body: str = "", key: str = "") -> Reply:
        headers = {
            "Authorization": f"Bearer {self.token}",
            **({"Content-Type": "application/json"} if body else {}),
            **({"PayPal-Request-Id": key} if key else {}),
            **({"Prefer": self.prefer} if body else {}),
        }
        return ask(method, f"{self.url}{path}", body, headers, timeout=self.timeout)


def issue(reply: Reply) -> str:
    """PayPal's issue of the first detail."""
    return str(reply.body["details"][0]["issue"])


def only_capture(order: Json) -> Json:
    [found] = order["purchase_units"][0]["payments"]["captures"]
    capture: Json = found
    return capture


def rels(shown: Json) -> dict[str, str]:
    """Addresses by their relation."""
    return {link["rel"]: link["href"] for link in shown["links"]}


def order_body(**changes: Any) -> Json:
    """`changes` of None leave the name out."""
    context = {
        "return_url": "https://shop.example/back?from=paypal",
        "cancel_url": "https://shop.example/stay",
        "shipping_preference": "NO_SHIPPING",
        "user_action": "PAY_NOW",
    }
    body: Json = {
        "intent": "CAPTURE",
        "purchase_units": [unit()],
        "payment_source": {"paypal": {"experience_context": context}},
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def unit(value: str = "25.00", currency: str = "USD", **changes: Any) -> Json:
    made: Json = {
        "amount": {"currency_code": currency, "value": value},
        "custom_id": "plk_7",
        "description": "Garden work in May",
        **changes,
    }
    return made


def itemised(each: str = "12.50", total: str = "25.00", **changes: Any) -> Json:
    """A unit of two pieces."""
    price = {"currency_code": "USD", "value": each}
    items = [{"name": "<b>Hedge</b>", "quantity": "2", "unit_amount": price}]
    breakdown = {"item_total": {"currency_code": "USD", "value": total}}
    amount = {"currency_code": "USD", "value": "25.00", "breakdown": breakdown}
    return unit(**{"items": items, "amount": amount, **changes})


@contextmanager
def running_peer(
    directory: Path,
    *,
    statuses: tuple[int, ...] = (),
    webhook_url: str = "",
    **options: Any,
) -> Iterator[Peer]:
    """With a token; `webhook_url` instead of the receiver's, `options` are the fake's own."""
    ledger = Ledger(directory / "paypal.sqlite3")
    receiving = ReceiverServer(statuses=statuses)
    with receiving, ledger.closing():
        fake = PayPalFake(
            ledger,
            **{
                "client_id": CLIENT_ID,
                "secret": SECRET,
                "webhook_id": WEBHOOK_ID,
                "webhook_url": webhook_url or f"{receiving.url}/hook/",
                **options,
            },
        )
        with FakeServer(fake) as server:
            peer = Peer(server.url, ledger, receiving.receiver, fake, root=fake.root)
            peer.token = peer.buy_token().body["access_token"]
            yield peer
