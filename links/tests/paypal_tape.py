"""PayPal without a network: answers shaped as documented, played by the state of orders;
certificates of our own make."""

import base64
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from requests.adapters import BaseAdapter

from links.providers.paypal_client import LIVE_BASE, Client

CLIENT_ID, SECRET, WEBHOOK_ID = "client-of-the-tape", "secret-of-the-tape", "WH-TAPE"
CERTIFICATE_URL = "https://api.paypal.com/v1/notifications/certs/CERT-tape-1"
NOW = "2026-11-18T09:31:40Z"
NOT_FOUND = {
    "name": "RESOURCE_NOT_FOUND",
    "details": [{"issue": "INVALID_RESOURCE_ID"}],
}


@cache
def private_key(of: str = "") -> rsa.RSAPrivateKey:
    """One for each name; slow to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    name: str,
    *,
    of: str = "",
    signer: str = "root",
    is_root: bool = False,
    starts: datetime | None = None,
) -> bytes:
    """As PEM; `of` and `signer` name keys. It holds for thirty days from `starts`."""
    begins = starts or datetime.now(UTC) - timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, of or "leaf")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, signer)])
    ours, theirs = private_key(of).public_key(), private_key(signer)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(ours)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30))
        .add_extension(
            x509.BasicConstraints(ca=is_root, path_length=None), critical=True
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(theirs.public_key()),
            critical=False,
        )
    )
    if is_root:
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(ours), critical=False
        )
    else:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
    made = builder.sign(theirs, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def signed(
    body: bytes,
    *,
    secret: str | None = None,
    age_seconds: int = 0,
    webhook_id: str = WEBHOOK_ID,
    url: str = CERTIFICATE_URL,
) -> dict[str, str]:
    """PayPal's five headers. `secret`: the name of another key than theirs."""
    sent_at = datetime.now(UTC) - timedelta(seconds=age_seconds)
    stamp = sent_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    message = f"69cd13f0-d67a|{stamp}|{webhook_id}|{zlib.crc32(body)}".encode()
    key = private_key(secret or "paypal")
    signature = key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return {
        "Paypal-Transmission-Id": "69cd13f0-d67a",
        "Paypal-Transmission-Time": stamp,
        "Paypal-Transmission-Sig": base64.b64encode(signature).decode(),
        "Paypal-Cert-Url": url,
        "Paypal-Auth-Algo": "SHA256withRSA",
    }


def event(kind: str, resource: dict[str, Any], resource_type: str = "capture") -> bytes:
    return json.dumps(
        {
            "id": f"WH-{kind}-{resource.get('id')}",
            "event_version": "1.0",
            "create_time": NOW,
            "resource_type": resource_type,
            "event_type": kind,
            "resource": resource,
            "links": [],
        }
    ).encode()


def error(name: str, issue: str = "") -> dict[str, Any]:
    return {"name": name, "details": [{"issue": issue}] if issue else []}


class PayPalTape(BaseAdapter):
    """`next_replies` come before all else but tokens: (status, body), or an exception.

    `calls`: method, path, query, body and headers of each but those for tokens;
    `token_calls`: headers of these.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, dict[str, str], Any, Any]] = []
        self.token_calls: list[Any] = []
        self.next_replies: list[tuple[int, Any] | Exception] = []
        self.orders: dict[str, Any] = {}
        self.captures: dict[str, Any] = {}
        self.disputes: dict[str, Any] = {}
        self.events: list[Any] = []
        self.webhook: dict[str, Any] = {}
        self.refuses_tokens = self.refuses_bearers = False
        self.declines = False
        self.ordered_at = NOW
        self._answers: dict[str, tuple[Any, tuple[int, Any]]] = {}

    def client(self) -> Client:
        session = requests.Session()
        session.mount("https://", self)
        return Client(CLIENT_ID, SECRET, LIVE_BASE, session)

    # -- what the payer does -----------------------------------------------------------

    def approve(self, session_id: str) -> None:
        self.orders[session_id]["status"] = "APPROVED"

    def take(self, session_id: str, status: str = "COMPLETED", **changes: Any) -> Any:
        """The money of an order, as one capture."""
        order = self.orders[session_id]
        unit = order["purchase_units"][0]
        number = len(self.captures)
        capture = {
            "id": f"CAPTURE{number}",
            "status": status,
            "amount": unit["amount"],
            "custom_id": unit["custom_id"],
            "create_time": NOW,
            "supplementary_data": {"related_ids": {"order_id": session_id}},
            **changes,
        }
        if status == "COMPLETED":
            kept = "0.66" if "." in unit["amount"]["value"] else "66"
            fee = {**unit["amount"], "value": kept}
            capture["seller_receivable_breakdown"] = {
                "gross_amount": unit["amount"],
                "paypal_fee": fee,
            }
        self.captures[capture["id"]] = capture
        order["status"] = "COMPLETED"
        unit["payments"] = {"captures": [capture], "refunds": []}
        return capture

    def give_back(self, capture_id: str, value: str, **changes: Any) -> Any:
        """A refund, as one made at PayPal; no check of how much is left."""
        capture = self.captures[capture_id]
        order = self.orders[capture["supplementary_data"]["related_ids"]["order_id"]]
        refunds = order["purchase_units"][0]["payments"]["refunds"]
        refund = {
            "id": f"REFUND{capture_id}{len(refunds)}",
            "status": "COMPLETED",
            "amount": {**capture["amount"], "value": value},
            "create_time": NOW,
            "custom_id": capture["custom_id"],
            "links": [
                {
                    "rel": "up",
                    "href": f"https://api.paypal.com/v2/payments/captures/{capture_id}",
                }
            ],
            **changes,
        }
        refunds.append(refund)
        capture["status"] = "PARTIALLY_REFUNDED"
        return refund

    # -- answering ---------------------------------------------------------------------

    def send(
        self, request: requests.PreparedRequest, *_given: Any, **_named: Any
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        method = request.method or ""
        if parts.path == "/v1/oauth2/token":
            self.token_calls.append(request.headers)
            if self.refuses_tokens:
                return _response(request, 401, {"error": "invalid_client"})
            token = {"access_token": f"token{len(self.token_calls)}"}
            return _response(request, 200, {**token, "expires_in": 32_400})
        sent = request.body if isinstance(request.body, str | bytes) else ""
        body = json.loads(sent) if sent else None
        query = dict(parse_qsl(str(parts.query)))
        self.calls.append((method, str(parts.path), query, body, request.headers))
        if self.refuses_bearers:
            return _response(request, 401, error("AUTHENTICATION_FAILURE"))
        if self.next_replies:
            reply = self.next_replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return _response(request, *reply)
        key = request.headers.get("PayPal-Request-Id", "")
        return _response(request, *self._once(method, str(parts.path), body, str(key)))

    def close(self) -> None:
        pass

    def _once(self, method: str, path: str, body: Any, key: str) -> tuple[int, Any]:
        if key and f"{path} {key}" in self._answers:
            first, (_status, answer) = self._answers[f"{path} {key}"]
            if first != body:
                return 422, error("UNPROCESSABLE_ENTITY", "DUPLICATE_REQUEST_ID")
            return 200, answer
        reply = self._reply(method, path, body)
        if key and reply[0] < 400:
            self._answers[f"{path} {key}"] = (body, reply)
        return reply

    def _reply(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if parts[1] == "notifications":
            if parts[2] == "webhooks-events":
                return 200, {"events": self.events, "links": []}
            return (200, self.webhook) if self.webhook else (404, NOT_FOUND)
        if parts[1:] == ["checkout", "orders"]:
            return self._create(body)
        kept = {"orders": self.orders, "disputes": self.disputes}
        found = kept.get(parts[2], self.captures).get(parts[3])
        if found is None:
            return 404, NOT_FOUND
        acts: dict[str, Callable[[Any, Any], tuple[int, Any]]] = {
            "capture": self._capture,
            "refund": self._refund,
        }
        return acts[parts[4]](found, body) if len(parts) > 4 else (200, found)

    def _create(self, body: Any) -> tuple[int, Any]:
        name = f"ORDER{len(self.orders)}"
        order = {
            "id": name,
            "intent": body["intent"],
            "status": "PAYER_ACTION_REQUIRED",
            "create_time": self.ordered_at,
            "purchase_units": body["purchase_units"],
            "links": [
                {"rel": "self", "href": f"{LIVE_BASE}/v2/checkout/orders/{name}"},
                {
                    "rel": "payer-action",
                    "href": f"https://www.paypal.com/checkoutnow?token={name}",
                },
            ],
        }
        self.orders[name] = order
        return 200, order

    def _capture(self, order: Any, _body: Any) -> tuple[int, Any]:
        if order["status"] == "COMPLETED":
            return 422, error("UNPROCESSABLE_ENTITY", "ORDER_ALREADY_CAPTURED")
        if order["status"] != "APPROVED":
            return 422, error("UNPROCESSABLE_ENTITY", "ORDER_NOT_APPROVED")
        if self.declines:
            return 422, error("UNPROCESSABLE_ENTITY", "INSTRUMENT_DECLINED")
        self.take(order["id"])
        return 201, order

    def _refund(self, capture: Any, body: Any) -> tuple[int, Any]:
        order = self.orders[capture["supplementary_data"]["related_ids"]["order_id"]]
        refunds = order["purchase_units"][0]["payments"]["refunds"]
        before = sum(float(refund["amount"]["value"]) for refund in refunds)
        value = body["amount"]["value"]
        if before + float(value) > float(capture["amount"]["value"]):
            return 422, error("UNPROCESSABLE_ENTITY", "REFUND_AMOUNT_EXCEEDED")
        return 201, self.give_back(
            capture["id"], value, custom_id=body.get("custom_id", "")
        )


def _response(
    request: requests.PreparedRequest, status: int, body: Any
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.request = request
    response.url = request.url or ""
    response.encoding = "utf-8"
    content = body if isinstance(body, str) else json.dumps(body)
    response._content = content.encode()
    return response
