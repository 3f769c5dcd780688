"""Square's webhooks: proved by their signature, read as hints of what to fetch.

Source: developer.squareup.com, "Verify and validate an event notification". The time of
sending is not signed, so an old event can come again; the inbox knows its id.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from .base import ProviderEvent, WebhookVerificationError
from .parsing import KIND_MAX, Json, json_object, plain, text, webhook_object

HEADER = "x-square-hmacsha256-signature"
PAYMENT_EVENTS = ("payment.created", "payment.updated")
REFUND_EVENTS = ("refund.created", "refund.updated")
DISPUTE_EVENTS = ("dispute.created", "dispute.state.updated")
EVENTS = PAYMENT_EVENTS + REFUND_EVENTS + DISPUTE_EVENTS
# Taken by other programs of the seller's on the same account: their till, their invoices.
_OTHER_PRODUCTS = (
    "APPOINTMENTS INVOICES ONLINE_STORE RESTAURANTS RETAIL SQUARE_POS TERMINAL_API"
    " VIRTUAL_TERMINAL"
)
OTHER_PRODUCTS = frozenset(_OTHER_PRODUCTS.split())


def verify(headers: Mapping[str, str], body: bytes, *, keys: str, url: str) -> None:
    """The signature over the registered address and the raw body, else
    WebhookVerificationError.

    `keys`: signature keys, several separated by commas while one is replaced. `url`:
    exactly as registered at Square, with its final slash.
    """
    given = next((v for k, v in headers.items() if k.lower() == HEADER), "")
    for key in (key.strip() for key in keys.split(",")):
        if key and hmac.compare_digest(_signature(key, url, body), given.encode()):
            return
    raise WebhookVerificationError("the signature does not fit")


def _signature(key: str, url: str, body: bytes) -> bytes:
    digest = hmac.new(key.encode(), url.encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest)


def parse(body: bytes, *, location_id: str) -> ProviderEvent:
    """The envelope of a verified body.

    Says nothing of payments at another location of the seller's, or through another
    product of Square's: links are paid at `location_id` through the API. A refund or
    a dispute does not name the product; reading its payment does.
    """
    event = webhook_object(body)
    event_id, kind = plain(event.get("event_id")), plain(event.get("type"))
    data = event.get("data")
    if not event_id or not kind or not isinstance(data, Mapping):
        raise WebhookVerificationError("the body is no Square event")
    subject, payment_id, dispute_id = json_object(data, "object"), "", ""
    if kind in PAYMENT_EVENTS:
        payment = json_object(subject, "payment")
        if may_be_ours(payment, location_id):
            payment_id = plain(payment.get("id")) or plain(data.get("id"))
    elif kind in REFUND_EVENTS:
        refund = json_object(subject, "refund")
        if may_be_ours(refund, location_id):
            payment_id = plain(refund.get("payment_id"))
    elif kind in DISPUTE_EVENTS:
        dispute = json_object(subject, "dispute")
        if may_be_ours(dispute, location_id):
            dispute_id = plain(dispute.get("id")) or plain(data.get("id"))
    return ProviderEvent(
        event_id=event_id,
        kind=kind[:KIND_MAX],
        provider_payment_id=payment_id,
        provider_dispute_id=dispute_id,
    )


def may_be_ours(found: Json, location_id: str) -> bool:
    """`found`: a payment; or a refund or dispute, which only tell of their place."""
    product = text(json_object(found, "application_details"), "square_product")
    place = text(found, "location_id")
    return product not in OTHER_PRODUCTS and place in {"", location_id}
