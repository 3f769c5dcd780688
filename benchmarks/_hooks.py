"""Webhooks as each provider signs them, each about 1.5 kB and about another payment."""

import base64
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from benchmarks._client import post
from benchmarks._stage import STRIPE_SECRET

Event = Callable[[str, int], bytes]
SQUARE_KEY, SQUARE_LOCATION = "bench-square", "LBENCH"
PAYPAL_WEBHOOK = "WH-BENCH"
CERTIFICATE_PATH = "/v1/notifications/certs/CERT-BENCH"
WORDS = "Birthday cake " * 60


def stripe(path: str, number: int) -> bytes:
    body = _json(
        {
            "id": f"evt_{number:024}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "livemode": False,
            "created": 1_790_000_000,
            "data": {
                "object": {
                    "id": f"pi_{number:024}",
                    "object": "payment_intent",
                    "amount": 1250,
                    "amount_received": 1250,
                    "currency": "eur",
                    "status": "succeeded",
                    "metadata": {"link": f"plk_{number:024}"},
                    "description": WORDS,
                }
            },
        }
    )
    moment = int(time.time())
    key = STRIPE_SECRET.encode()
    proof = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return _post(path, body, {"Stripe-Signature": f"t={moment},v1={proof}"})


def square(url: str) -> Event:
    """`url`: as it is registered at Square, whatever the path that is measured."""

    def event(path: str, number: int) -> bytes:
        payment = {
            "id": f"PAY{number:020}",
            "location_id": SQUARE_LOCATION,
            "status": "COMPLETED",
            "amount_money": {"amount": 1250, "currency": "EUR"},
            "note": WORDS,
        }
        body = _json(
            {
                "merchant_id": "MBENCH",
                "type": "payment.updated",
                "event_id": f"ev-{number:024}",
                "data": {
                    "type": "payment",
                    "id": payment["id"],
                    "object": {"payment": payment},
                },
            }
        )
        told = hmac.new(SQUARE_KEY.encode(), url.encode() + body, hashlib.sha256)
        proof = base64.b64encode(told.digest()).decode()
        return _post(path, body, {"X-Square-Hmacsha256-Signature": proof})

    return event


def paypal(certificate_url: str) -> Event:
    """Signed by the key of `certificate`, which is said to lie at that address."""

    def event(path: str, number: int) -> bytes:
        body = _json(
            {
                "id": f"WH-{number:024}",
                "event_version": "1.0",
                "create_time": "2026-11-26T12:00:00Z",
                "resource_type": "capture",
                "event_type": "PAYMENT.CAPTURE.COMPLETED",
                "resource": {
                    "id": f"CAP{number:020}",
                    "status": "COMPLETED",
                    "amount": {"currency_code": "EUR", "value": "12.50"},
                    "note": WORDS,
                },
            }
        )
        stamp = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        told = f"69cd13f0|{stamp}|{PAYPAL_WEBHOOK}|{zlib.crc32(body)}".encode()
        proof = _private_key().sign(told, padding.PKCS1v15(), hashes.SHA256())
        headers = {
            "Paypal-Transmission-Id": "69cd13f0",
            "Paypal-Transmission-Time": stamp,
            "Paypal-Transmission-Sig": base64.b64encode(proof).decode(),
            "Paypal-Cert-Url": certificate_url,
            "Paypal-Auth-Algo": "SHA256withRSA",
        }
        return _post(path, body, headers)

    return event


def certificate() -> tuple[str, datetime]:
    """PEM of what proves the events of `paypal`, and when it ends."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    begins = datetime.now(UTC) - timedelta(days=1)
    ends = begins + timedelta(days=30)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_private_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(_private_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), ends


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _json(found: dict[str, Any]) -> bytes:
    return json.dumps(found, indent=2).encode()


def _post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    return post(path, body, {"Content-Type": "application/json", **headers})
