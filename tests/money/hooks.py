"""Webhooks as the three providers sign and send them, about what is in `truth`."""

import json
from dataclasses import dataclass
from typing import Any

from links.models import WebhookEvent
from links.services import inbox
from links.tests import paypal_tape, square_tape, stripe_tape


@dataclass(frozen=True, slots=True)
class Hook:
    slug: str
    event_id: str
    headers: dict[str, str]
    body: bytes

    def deliver(self) -> None:
        """It comes once more, and whoever took it works on it."""
        pk = inbox.receive(self.slug, self.headers, self.body)
        if pk is None:  # a repeat; another worker may be woken for it all the same
            found = WebhookEvent.objects.filter(event_id=self.event_id)
            pk = found.values_list("pk", flat=True).get()
        inbox.process(pk)


def hook(
    kind: str,
    *,
    slug: str,
    number: str,
    session_id: str,
    payment_id: str,
    refund_id: str = "",
) -> Hook:
    """An event of a kind; `number` makes its id another one."""
    event_id = f"evt-{number}"
    make = {"stripe": _stripe, "square": _square, "paypal": _paypal}[slug]
    return make(kind, event_id, session_id, payment_id, refund_id)


def _stripe(
    kind: str, event_id: str, session_id: str, payment_id: str, refund_id: str
) -> Hook:
    names = {"checkout": session_id, "payment_intent": payment_id}
    subject = {
        "id": names.get(kind.partition(".")[0], refund_id or f"ch-{payment_id}"),
        "payment_intent": payment_id,
    }
    body = _body(id=event_id, type=kind, livemode=False, data={"object": subject})
    return Hook("stripe", event_id, stripe_tape.signed(body), body)


def _square(
    kind: str, event_id: str, session_id: str, payment_id: str, refund_id: str
) -> Hook:
    name = kind.partition(".")[0]
    subject = {
        "id": refund_id if name == "refund" else payment_id,
        "payment_id": payment_id,
        "location_id": square_tape.LOCATION,
    }
    data = {"type": name, "id": subject["id"], "object": {name: subject}}
    body = _body(event_id=event_id, type=kind, data=data)
    return Hook("square", event_id, square_tape.signed(body), body)


def _paypal(
    kind: str, event_id: str, session_id: str, payment_id: str, refund_id: str
) -> Hook:
    resource: dict[str, Any] = {"id": payment_id}
    resource_type = "capture"
    if kind.startswith("CHECKOUT"):
        resource, resource_type = {"id": session_id}, "checkout-order"
    elif refund_id:
        captured = f"https://api.paypal.com/v2/payments/captures/{payment_id}"
        resource = {"id": refund_id, "links": [{"rel": "up", "href": captured}]}
        resource_type = "refund"
    body = _body(
        id=event_id, event_type=kind, resource_type=resource_type, resource=resource
    )
    return Hook("paypal", event_id, paypal_tape.signed(body), body)


def _body(**facts: Any) -> bytes:
    return json.dumps(facts).encode()
