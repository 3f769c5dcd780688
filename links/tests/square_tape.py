"""Square without a network: answers shaped as recorded, played by the state of orders."""

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx

TOKEN, LOCATION, SIGNATURE_KEY = (
    "token-of-the-tape",
    "L0TAPE",
    "signature-key-of-the-tape",
)
URL = "https://shop.example/webhooks/square/"
NOW = "2026-11-18T09:31:40.000Z"


def signed(body: bytes, *, secret: str | None = None, url: str = URL) -> dict[str, str]:
    key = (secret or SIGNATURE_KEY).encode()
    digest = hmac.new(key, url.encode() + body, hashlib.sha256).digest()
    return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}


def event(kind: str, subject: dict[str, Any], name: str) -> bytes:
    """An envelope of Square's around a payment, order or refund."""
    return json.dumps(
        {
            "merchant_id": "M0TAPE",
            "location_id": LOCATION,
            "type": kind,
            "event_id": f"event-{kind}-{subject.get('id')}",
            "created_at": NOW,
            "data": {"type": name, "id": subject.get("id"), "object": {name: subject}},
        }
    ).encode()


def error(category: str, code: str, **more: str) -> dict[str, Any]:
    return {"errors": [{"category": category, "code": code, **more}]}


NOT_FOUND = error("INVALID_REQUEST_ERROR", "NOT_FOUND")


class SquareTape:
    """`next_replies` come before all else: (status, body), or an exception to raise."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, str], Any]] = []
        self.headers: list[httpx.Headers] = []
        self.next_replies: list[tuple[int, Any] | Exception] = []
        self.links: dict[str, Any] = {}
        self.orders: dict[str, Any] = {}
        self.payments: dict[str, Any] = {}
        self.refunds: dict[str, Any] = {}
        self.disputes: dict[str, Any] = {}
        self.location = {
            "id": LOCATION,
            "status": "ACTIVE",
            "currency": "EUR",
            "capabilities": ["CREDIT_CARD_PROCESSING"],
        }
        self._answers: dict[str, tuple[Any, Any]] = {}

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def pay(self, session_id: str, status: str = "COMPLETED", **changes: Any) -> Any:
        """The payer submits the page; how the payment went is its `status`."""
        order = self.orders[session_id.partition(":")[2]]
        payment = {
            "id": f"pay-{order['id']}-{len(self.payments)}",
            "created_at": NOW,
            "updated_at": NOW,
            "status": status,
            "source_type": "CARD",
            "amount_money": order["total_money"],
            "total_money": order["total_money"],
            "order_id": order["id"],
            "location_id": LOCATION,
            "application_details": {"square_product": "ECOMMERCE_API"},
            **changes,
        }
        self.payments[payment["id"]] = payment
        if status not in {"FAILED", "CANCELED"}:
            order["tenders"] = [{"id": payment["id"], "type": "CARD"}]
            order["state"] = "COMPLETED"
        return payment

    def give_back(
        self, payment_id: str, minor: Any, status: str = "PENDING", **changes: Any
    ) -> Any:
        """A refund made at the dashboard, or with a `reason` by a program."""
        payment = self.payments[payment_id]
        refund = {
            "id": f"{payment_id}_re{len(self.refunds)}",
            "status": status,
            "location_id": payment["location_id"],
            "amount_money": {**payment["total_money"], "amount": minor},
            "payment_id": payment_id,
            "order_id": payment["order_id"],
            "created_at": NOW,
            "updated_at": NOW,
            **changes,
        }
        self.refunds[refund["id"]] = refund
        payment.setdefault("refund_ids", []).append(refund["id"])
        return refund

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        query = dict(request.url.params)
        self.calls.append((request.method, request.url.path, query, body))
        self.headers.append(request.headers)
        if self.next_replies:
            reply = self.next_replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            status, answer = reply
        else:
            status, answer = self._reply(request.method, request.url.path, body)
        content = answer if isinstance(answer, str) else json.dumps(answer)
        return httpx.Response(status, text=content)

    def _reply(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.split("/")[2:]
        if parts == ["online-checkout", "payment-links"]:
            return self._create(body)
        if parts == ["payments"]:
            return 200, {"payments": list(self.payments.values())}
        if parts == ["refunds"]:
            if method == "POST":
                return self._refund(body)
            return 200, {"refunds": list(self.refunds.values())}
        if parts[0] == "locations":
            return 200, {"location": self.location}
        if parts[0] == "online-checkout":
            return self._delete(parts[2])
        kept = getattr(self, parts[0])
        if parts[1] not in kept:
            return 404, NOT_FOUND
        return 200, {parts[0].removesuffix("s"): kept[parts[1]]}

    def _create(self, body: Any) -> tuple[int, Any]:
        key = body["idempotency_key"]
        if key in self._answers:
            first, answer = self._answers[key]
            reused = error("INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED")
            return (200, answer) if first == body else (400, reused)
        number = len(self.orders)
        order = {**body["order"], "id": f"order{number}", "state": "OPEN", "version": 1}
        order["total_money"] = order["line_items"][0]["base_price_money"]
        link = {
            "id": f"LINK{number}",
            "version": 1,
            "order_id": order["id"],
            "url": f"https://square.link/u/{number}",
            "created_at": NOW,
        }
        self.orders[order["id"]], self.links[link["id"]] = order, link
        self._answers[key] = (body, {"payment_link": link})
        return 200, {"payment_link": link}

    def _refund(self, body: Any) -> tuple[int, Any]:
        key = body["idempotency_key"]
        if key in self._answers:
            first, answer = self._answers[key]
            reused = error("INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED")
            return (200, answer) if first == body else (400, reused)
        payment = self.payments.get(body["payment_id"])
        if payment is None:
            return 404, NOT_FOUND
        amount = body["amount_money"]["amount"]
        given = [
            row["amount_money"]["amount"]
            for row in self.refunds.values()
            if row["payment_id"] == payment["id"] and row["status"] != "FAILED"
        ]
        if amount + sum(given) > payment["total_money"]["amount"]:
            return 400, error("REFUND_ERROR", "REFUND_AMOUNT_INVALID")
        refund = self.give_back(payment["id"], amount, reason=body["reason"])
        self._answers[key] = (body, {"refund": dict(refund)})
        return 200, {"refund": refund}

    def _delete(self, link_id: str) -> tuple[int, Any]:
        link = self.links.pop(link_id, None)
        if link is None:
            return 404, NOT_FOUND
        order = self.orders[link["order_id"]]
        if order["state"] == "OPEN":
            order["state"] = "CANCELED"
        return 200, {"id": link_id, "cancelled_order_id": order["id"]}
