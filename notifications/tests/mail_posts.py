"""Reports of mail services as they post them: bodies from files, proved for real."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from django.test import Client

from notifications.models import Message

DATA = Path(__file__).parent / "data" / "mail"
SECRET = "mail-service:a-long-and-random-password"
SIGNING_KEY = "mailgun-signing-key"
ANYMAIL = {
    "WEBHOOK_SECRET": [SECRET],
    "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY,
}
CERTIFICATE_URL = (
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
)
TOPIC = "arn:aws:sns:us-east-1:888888888888:mail-reports"
SERVICES = ("postmark", "mailgun", "brevo", "amazon_ses")


@dataclass(frozen=True)
class Post:
    """One request of a service: what `Client.post` is given."""

    esp: str
    body: str
    headers: dict[str, str]
    content_type: str = "application/json"

    @property
    def path(self) -> str:
        return f"/webhooks/email/{self.esp}/"


class Amazon:
    """Signs as SNS does, under a certificate of its own."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, message: dict[str, str]) -> dict[str, str]:
        names = sorted({*message} - {"SignatureVersion", "SigningCertURL", "Signature"})
        text = "".join(f"{name}\n{message[name]}\n" for name in names)
        digest: hashes.HashAlgorithm = (
            hashes.SHA1()  # noqa: S303  what SNS signs with by default
            if message["SignatureVersion"] == "1"
            else hashes.SHA256()
        )
        made = self._key.sign(text.encode(), padding.PKCS1v15(), digest)
        return {**message, "Signature": base64.b64encode(made).decode()}


def public_key() -> str:
    """As it is copied from a service's page: the inside of a PEM."""
    pem = (
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
    )
    return "".join(pem.decode().splitlines()[1:-1])


def body(esp: str, what: str, public_id: str) -> Any:
    text = (DATA / f"{esp}-{what}.json").read_text()
    return json.loads(text.replace("{public_id}", public_id))


def basic(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


def post(
    esp: str,
    said: Any,
    *,
    amazon: Amazon,
    secret: str = SECRET,
    key: str = SIGNING_KEY,
    token: str = "",
) -> Post:
    """`said` as that service posts it, proved as that service proves it."""
    if esp == "mailgun":
        said = mailgun_signed(said, key, token or secrets.token_hex(25))
    if esp == "amazon_ses":
        return sns(said, amazon=amazon, secret=secret)
    return Post(esp, json.dumps(said), basic(secret))


def mailgun_signed(said: Any, key: str, token: str) -> Any:
    at = said["signature"]["timestamp"]
    made = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
    return {**said, "signature": {"timestamp": at, "token": token, "signature": made}}


def sns(
    said: Any,
    *,
    amazon: Amazon,
    secret: str = SECRET,
    kind: str = "Notification",
    **more: str,
) -> Post:
    """SNS posts JSON as text/plain; the id is the same for each try."""
    text = said if isinstance(said, str) else json.dumps(said)
    message_id = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    message = {
        "Type": kind,
        "MessageId": message_id,
        "TopicArn": TOPIC,
        "Message": text,
        "Timestamp": "2026-11-23T12:00:10.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE_URL,
        **more,
    }
    return Post(
        "ses",
        json.dumps(amazon.sign(message)),
        {
            **basic(secret),
            "x-amz-sns-message-type": kind,
            "x-amz-sns-message-id": message_id,
        },
        "text/plain; charset=UTF-8",
    )


def give(client: Client, given: Post) -> int:
    return client.post(
        given.path, given.body, given.content_type, headers=given.headers
    ).status_code


def report(client: Client, esp: str, what: str, row: Message, amazon: Amazon) -> int:
    said = body(esp, what, row.public_id)
    return give(client, post(esp, said, amazon=amazon))
