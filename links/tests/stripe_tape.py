"""Stripe without a network: recorded bodies, played by the state of each session."""

import copy
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

DATA = Path(__file__).parent / "data" / "stripe"
SECRET_KEY = "sk_test_tape"
WEBHOOK_SECRET = "whsec_tape"
Reply = tuple[int, Any]


def recorded(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text())


def signed(
    body: bytes, *, secret: str | None = None, age_seconds: int = 0
) -> dict[str, str]:
    moment = str(int(time.time()) - age_seconds)
    key = (secret or WEBHOOK_SECRET).encode()
    digest = hmac.new(key, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={moment},v1={digest}"}


class StripeTape(stripe.HTTPClient):
    """`next_replies` come before all else: (status, body), or an exception to raise."""

    name = "tape"

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, dict[str, str], Mapping[str, str]]] = []
        self.next_replies: list[Reply | Exception] = []
        self.sessions: dict[str, Any] = {}
        self.intents: dict[str, Any] = {}
        self.events: list[Any] = []
        self._answers: dict[str, tuple[Any, Any]] = {}

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **_: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        source = post_data if method == "post" else parts.query
        form = dict(parse_qsl(source or "", keep_blank_values=True))
        self.calls.append((method, parts.path, form, headers or {}))
        if self.next_replies:
            reply = self.next_replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            status, body = reply
        else:
            status, body = self._reply(method, parts.path, form, headers or {})
        text = body if isinstance(body, str) else json.dumps(body)
        return text, status, {"request-id": "req_tape"}

    def close(self) -> None:
        pass

    def pay(self, session_id: str, intent: str = "payment_intent_succeeded") -> None:
        """The payer submits the hosted page; `intent`: the recording of how it went."""
        session = self.sessions[session_id]
        found = recorded(intent)
        found["id"] = f"pi_{session_id[3:]}"
        found["metadata"] = session["metadata"]
        found["amount"] = session["amount_total"]
        if found["status"] == "succeeded":
            found["amount_received"] = session["amount_total"]
        self.intents[found["id"]] = found
        paid = "paid" if found["status"] == "succeeded" else "unpaid"
        session.update(payment_intent=found, status="complete", payment_status=paid)
        self.events.insert(
            0, {**recorded("event_session_completed"), "data": {"object": found}}
        )

    def _reply(
        self, method: str, path: str, form: dict[str, str], headers: Mapping[str, str]
    ) -> Reply:
        if path == "/v1/checkout/sessions" and method == "post":
            return self._create(form, headers.get("Idempotency-Key", ""))
        if path == "/v1/events":
            return 200, {
                "object": "list",
                "url": path,
                "has_more": False,
                "data": self.events,
            }
        if path == "/v1/account":
            return 200, recorded("account")
        identity = path.split("/")[4 if "sessions" in path else 3]
        found = self.sessions.get(identity) or self.intents.get(identity)
        if found is None:
            return 404, recorded("error_no_such")
        if path.endswith("/expire"):
            if found["status"] != "open":
                return 400, recorded("error_not_open")
            found.update(status="expired", url=None)
        return 200, found

    def _create(self, form: dict[str, str], key: str) -> Reply:
        if key in self._answers:
            first, answer = self._answers[key]
            same = first == form
            return (200, answer) if same else (400, recorded("error_idempotency"))
        session = recorded("session_open")
        session["id"] = f"cs_test_{len(self.sessions)}"
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}"
        session["amount_total"] = int(form["line_items[0][price_data][unit_amount]"])
        session["currency"] = form["line_items[0][price_data][currency]"]
        session["client_reference_id"] = form["client_reference_id"]
        session["metadata"] = {
            name: form[f"metadata[{name}]"] for name in ("checkout", "link")
        }
        self.sessions[session["id"]] = session
        self._answers[key] = (form, copy.deepcopy(session))
        return 200, session
