"""PayPal's webhooks: proved by a certificate of PayPal's, read as hints of what to fetch.

The signature is of RSA over `id|time|our webhook's id|crc32 of the body`; each webhook
names the address of its certificate, which must be on PayPal's own host and stand on a
known root. In a request nothing is fetched: a certificate that we do not hold yet is
CertificateMissing. Source: developer.paypal.com, "Verify webhook signature".
"""

import base64
import binascii
import re
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

import certifi
import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import verification

from merchant_portal.lib import clock

from .base import (
    Certificate,
    CertificateMissing,
    ProviderEvent,
    ProviderUnavailable,
    WebhookVerificationError,
)
from .parsing import KIND_MAX, Json, json_object, plain, text, webhook_object
from .paypal_objects import linked, moment, order_id

ALGORITHM = "SHA256withRSA"
# PayPal repeats a webhook for three days; whether under a new time is not documented.
PAST_SECONDS, AHEAD_SECONDS = 4 * 24 * 3600, 300
LIVE_HOSTS = {"api.paypal.com", "api-m.paypal.com"}
SANDBOX_HOSTS = {"api.sandbox.paypal.com", "api-m.sandbox.paypal.com"}
CERTIFICATE_PATH = "/v1/notifications/certs/"
CERTIFICATE_MAX, URL_MAX = 32_768, 255
# More addresses than PayPal ever used at a time; an old one is fetched again.
KEPT = 20
FETCH_SECONDS = (5.0, 10.0)
SIGNER = "paypal.com"
_PEM = re.compile(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

ORDER_EVENTS = ("CHECKOUT.ORDER.APPROVED", "CHECKOUT.ORDER.COMPLETED")
PAYMENT_EVENTS = (
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.DECLINED",
    "PAYMENT.CAPTURE.DENIED",
    "PAYMENT.CAPTURE.PENDING",
    "PAYMENT.CAPTURE.REFUNDED",
    "PAYMENT.CAPTURE.REVERSED",
)
DISPUTE_EVENTS = (
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.UPDATED",
    "CUSTOMER.DISPUTE.RESOLVED",
)
# To register at PayPal. DECLINED is of older versions of their API.
EVENTS = (
    *ORDER_EVENTS,
    *(name for name in PAYMENT_EVENTS if not name.endswith("DECLINED")),
    *DISPUTE_EVENTS,
)


@dataclass(frozen=True, slots=True)
class _Known:
    """Of a certificate that is here: its key, and until when it is good."""

    key: rsa.RSAPublicKey
    ends_at: datetime


_certificates: dict[str, _Known] = {}
_lock = Lock()


def verify(
    headers: Mapping[str, str], body: bytes, *, webhook_id: str, base: str
) -> None:
    """Signature, and time by this machine's clock or the database's; else
    WebhookVerificationError, or CertificateMissing if only the certificate is not here.

    `base`: of PayPal's API, which tells test from live.
    """
    given = {name.lower(): value for name, value in headers.items()}
    url = given.get("paypal-cert-url", "")
    if not _is_allowed(url, base):
        raise WebhookVerificationError("the certificate is not at PayPal")
    if given.get("paypal-auth-algo") != ALGORITHM:
        raise WebhookVerificationError("the signature is of another kind")
    identity = given.get("paypal-transmission-id", "")
    sent = given.get("paypal-transmission-time", "")
    sent_at = moment({"sent": sent}, "sent")
    if sent_at is None:
        raise WebhookVerificationError("the time of sending is no time")
    try:
        signature = base64.b64decode(
            given.get("paypal-transmission-sig", "").encode(), validate=True
        )
    except binascii.Error as exc:
        raise WebhookVerificationError("the signature is malformed") from exc
    if not identity or not signature:
        raise WebhookVerificationError("the signature is missing")
    key = _key_of(url)
    signed = f"{identity}|{sent}|{webhook_id}|{zlib.crc32(body)}".encode()
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as exc:
        raise WebhookVerificationError("the signature does not fit") from exc
    if not clock.is_recent(
        sent_at.timestamp(), past_seconds=PAST_SECONDS, ahead_seconds=AHEAD_SECONDS
    ):
        raise WebhookVerificationError("the time of sending is too far off")


def _key_of(url: str) -> rsa.RSAPublicKey:
    known = _certificates.get(url)
    if known is None or (
        known.ends_at < datetime.now(UTC) and known.ends_at < clock.now()
    ):
        raise CertificateMissing(url)
    return known.key


@lru_cache(maxsize=KEPT)
def _is_allowed(url: str, base: str) -> bool:
    """Whether it is an address of certificates on PayPal's host for our mode."""
    try:
        parts, ours = urlsplit(url), urlsplit(base)
        has_port = parts.port is not None
    except ValueError:
        return False
    if len(url) > URL_MAX or not plain(url) or parts.query or parts.fragment:
        return False
    name = parts.path.removeprefix(CERTIFICATE_PATH)
    if name == parts.path or not name or set(name) & set("/\\%"):
        return False
    if ours.hostname in {"127.0.0.1", "localhost", "::1"}:
        return (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
    hosts = SANDBOX_HOSTS if base and ours.hostname in SANDBOX_HOSTS else LIVE_HOSTS
    return parts.scheme == "https" and parts.netloc in hosts and not has_port


def fetch_certificate(url: str, roots: str = "") -> Certificate:
    """The leaf and what lies between it and a root, looked through.

    `url`: of a CertificateMissing. `roots`: path of a file of roots instead of
    the usual ones.
    Raises ProviderUnavailable, or WebhookVerificationError for what is not PayPal's.
    """
    try:
        answer = requests.get(
            url, timeout=FETCH_SECONDS, allow_redirects=False, stream=True
        )
        with answer:
            content = answer.raw.read(CERTIFICATE_MAX + 1, decode_content=True)
    except (requests.RequestException, OSError) as exc:
        raise ProviderUnavailable("PayPal's certificate cannot be fetched.") from exc
    if answer.status_code >= 500 or answer.status_code == 429:
        raise ProviderUnavailable("PayPal's certificate cannot be fetched.")
    if answer.status_code != 200 or len(content) > CERTIFICATE_MAX:
        raise WebhookVerificationError("there is no such certificate")
    try:
        leaf, *between = x509.load_pem_x509_certificates(content)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        name = _name_at_paypal(names.value.get_values_for_type(x509.DNSName))
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store(_roots(roots)))
            .time(clock.now())
            .build_server_verifier(x509.DNSName(name))
        )
        verifier.verify(leaf, between)
    except (ValueError, x509.ExtensionNotFound, verification.VerificationError) as exc:
        raise WebhookVerificationError("the certificate is not PayPal's") from exc
    if not isinstance(leaf.public_key(), rsa.RSAPublicKey):
        raise WebhookVerificationError("the certificate is of another kind")
    pem = bytes(content).decode("ascii", "replace")
    return Certificate(pem, leaf.not_valid_after_utc)


def _name_at_paypal(names: list[str]) -> str:
    for name in names:
        if name.lower() == SIGNER or name.lower().endswith(f".{SIGNER}"):
            return name.replace("*", "messages", 1)
    raise WebhookVerificationError("the certificate is not PayPal's")


def learn_certificate(url: str, pem: str) -> None:
    """What fetch_certificate gave, here or in another process."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise WebhookVerificationError("the certificate is of another kind")
    known = _Known(key, certificate.not_valid_after_utc)
    with _lock:
        while len(_certificates) >= KEPT:
            del _certificates[next(iter(_certificates))]
        _certificates[url] = known


def forget_certificates() -> None:
    """Those of this process; for tests."""
    with _lock:
        _certificates.clear()


@cache
def _roots(path: str) -> list[x509.Certificate]:
    content = Path(path or certifi.where()).read_bytes()
    return [root for block in _PEM.findall(content) for root in _loaded(block)]


def _loaded(block: bytes) -> list[x509.Certificate]:
    """The certificate, or none: some old roots break rules that are kept today."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return [x509.load_pem_x509_certificate(block)]
        except (ValueError, UserWarning):
            return []


def parse(body: bytes) -> ProviderEvent:
    """The envelope of a verified body."""
    event = webhook_object(body)
    event_id, kind = plain(event.get("id")), plain(event.get("event_type"))
    if not event_id or not kind or not isinstance(event.get("resource"), Mapping):
        raise WebhookVerificationError("the body is no PayPal event")
    session_id, dispute_id = "", ""
    if kind in ORDER_EVENTS:
        session_id = plain(json_object(event, "resource").get("id"))
    elif kind in DISPUTE_EVENTS:
        dispute_id = plain(json_object(event, "resource").get("dispute_id"))
    return ProviderEvent(
        event_id=event_id,
        kind=kind[:KIND_MAX],
        provider_session_id=session_id,
        provider_payment_id=payment_of(event),
        provider_dispute_id=dispute_id,
    )


def payment_of(event: Json) -> str:
    """The capture that an event is about; empty for other events.

    A refund is told of as itself, and names its capture by a link.
    """
    if text(event, "event_type") not in PAYMENT_EVENTS:
        return ""
    resource = json_object(event, "resource")
    is_refund = text(event, "resource_type") == "refund" and not order_id(resource)
    return linked(resource, "up") if is_refund else plain(resource.get("id"))
