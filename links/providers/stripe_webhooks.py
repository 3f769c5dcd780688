"""Stripe's webhooks: proved by their signature, read as hints of what to fetch.

Source: docs.stripe.com/webhooks; event names of API 2026-10-28.endive.
"""

import hashlib
import hmac
from collections.abc import Mapping

from merchant_portal.lib import clock

from .base import ProviderEvent, WebhookVerificationError
from .parsing import KIND_MAX, Json, plain, webhook_object

TOLERANCE_SECONDS = 300
# Stripe's own; here it holds for the future too, which the SDK lets pass.
SESSION_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
INTENT_EVENTS = (
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
)
# The fee is often booked a moment after the charge; "updated" brings it.
CHARGE_EVENTS = ("charge.succeeded", "charge.updated")
# The first is about the charge; a refund can fail days later.
REFUND_EVENTS = (
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
)
DISPUTE_EVENTS = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)

EVENTS = SESSION_EVENTS + INTENT_EVENTS + CHARGE_EVENTS + REFUND_EVENTS + DISPUTE_EVENTS


def secrets(given: str) -> list[str]:
    """Several while one is being replaced by the next, separated by commas."""
    return [secret.strip() for secret in given.split(",") if secret.strip()]


def verify(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Stripe-Signature over the raw body by any of our secrets, at most 300 s old or
    ahead by this machine's clock or the database's; else WebhookVerificationError.

    `secret`: whsec_…, several separated by commas.
    """
    given = next((v for k, v in headers.items() if k.lower() == "stripe-signature"), "")
    signed_at, signatures = _parsed_signature(given)
    signed = str(signed_at).encode() + b"." + body
    expected = [
        hmac.new(one.encode(), signed, hashlib.sha256).hexdigest().encode()
        for one in secrets(secret)
    ]
    matches = [hmac.compare_digest(e, s) for e in expected for s in signatures]
    if not any(matches):
        raise WebhookVerificationError("the signature does not fit")
    if not clock.is_recent(
        signed_at, past_seconds=TOLERANCE_SECONDS, ahead_seconds=TOLERANCE_SECONDS
    ):
        raise WebhookVerificationError("the time of signing is too far off")


def parse(body: bytes, *, is_live: bool) -> ProviderEvent:
    """The envelope of a verified body.

    Refuses an event of the other mode than our key, and one of an account that is only
    connected to ours.
    """
    event = webhook_object(body)
    event_id, kind = plain(event.get("id")), plain(event.get("type"))
    data = event.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    if not event_id or not kind or not isinstance(subject, dict):
        raise WebhookVerificationError("the body is no Stripe event")
    if event.get("livemode") is not is_live:
        raise WebhookVerificationError(
            "a test event on a live endpoint, or the other way round"
        )
    if event.get("account"):
        raise WebhookVerificationError("the event is another account's")
    return ProviderEvent(
        event_id=event_id,
        kind=kind[:KIND_MAX],
        provider_session_id=plain(subject.get("id")) if kind in SESSION_EVENTS else "",
        provider_payment_id=payment_id(kind, subject),
        provider_dispute_id=plain(subject.get("id")) if kind in DISPUTE_EVENTS else "",
    )


def payment_id(kind: str, subject: Json) -> str:
    """The payment intent that an event is about; empty if it is about none."""
    if kind in INTENT_EVENTS:
        return plain(subject.get("id"))
    if kind in CHARGE_EVENTS + REFUND_EVENTS:
        return plain(subject.get("payment_intent"))
    return ""


def _parsed_signature(given: str) -> tuple[int, list[bytes]]:
    """Time and v1 signatures of `t=UNIX,v1=HEX[,v1=HEX]`."""
    pairs = [part.strip().partition("=")[::2] for part in given.split(",")]
    times = [value for name, value in pairs if name == "t"]
    signatures = [value.encode() for name, value in pairs if name == "v1"]
    if len(times) != 1 or not signatures:
        raise WebhookVerificationError("the signature is missing or malformed")
    moment = times[0]
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
        raise WebhookVerificationError("the signature is malformed")
    return int(moment), signatures
