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
INTENT = "payment_intent"
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


def _listing(url: str, rows: list[Any], limit: int = 100) -> Any:
    more = len(rows) > limit
    return {"object": "list", "url": url, "has_more": more, "data": rows[:limit]}


class StripeTape(stripe.HTTPClient):
    """`next_replies` come before all else: (status, body), or an exception to raise."""

    name = "tape"

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, dict[str, str], Mapping[str, str]]] = []
        self.next_replies: list[Reply | Exception] = []
        self.sessions: dict[str, Any] = {}
        self.intents: dict[str, Any] = {}
        self.refunds: list[Any] = []  # newest first
        self.events: list[Any] = []
        self.disputes: dict[str, Any] = {}
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
        self._tell("payment_intent.succeeded", found)

    def give_back(self, intent_id: str | None, minor: int, **changes: Any) -> Any:
        """A refund made at the dashboard, or with `metadata` by a program."""
        refund = {**recorded("refund"), "id": f"re_{len(self.refunds)}", "metadata": {}}
        refund.update(payment_intent=intent_id, amount=minor, **changes)
        self.refunds.insert(0, refund)
        self._tell("refund.created", refund)
        return refund

    def _tell(self, kind: str, subject: Any) -> None:
        event = {**recorded("event_session_completed"), "type": kind}
        self.events.insert(0, {**event, "data": {"object": subject}})

    def _reply(
        self, method: str, path: str, form: dict[str, str], headers: Mapping[str, str]
    ) -> Reply:
        if path == "/v1/checkout/sessions" and method == "post":
            return self._create(form, headers.get("Idempotency-Key", ""))
        if path == "/v1/events":
            return 200, _listing(path, self.events)
        if path == "/v1/refunds":
            if method == "post":
                return self._refund(form, headers.get("Idempotency-Key", ""))
            rows = self._refunds_of(form["payment_intent"])
            after = form.get("starting_after")
            start = next((n for n, row in enumerate(rows, 1) if row["id"] == after), 0)
            return 200, _listing(path, rows[start:], int(form["limit"]))
        if path == "/v1/account":
            return 200, recorded("account")
        identity = path.split("/")[4 if "sessions" in path else 3]
        found = (
            self.sessions.get(identity)
            or self.intents.get(identity)
            or self.disputes.get(identity)
        )
        if found is None:
            return 404, recorded("error_no_such")
        if path.endswith("/expire"):
            if found["status"] != "open":
                return 400, recorded("error_not_open")
            found.update(status="expired", url=None)
        self._show_refunds(found)
        return 200, found

    def _refunds_of(self, intent_id: str) -> list[Any]:
        return [row for row in self.refunds if row["payment_intent"] == intent_id]

    def _show_refunds(self, found: Any) -> None:
        """A charge shows its ten newest."""
        intent = found if found["object"] == "payment_intent" else found.get(INTENT)
        if isinstance(intent, dict) and intent["latest_charge"]:
            rows = self._refunds_of(intent["id"])
            intent["latest_charge"]["refunds"] = _listing("/v1/charges/ch_1", rows, 10)

    def _refund(self, form: dict[str, str], key: str) -> Reply:
        if key in self._answers:
            first, answer = self._answers[key]
            same = first == form
            return (200, answer) if same else (400, recorded("error_idempotency"))
        intent = self.intents.get(form["payment_intent"])
        if intent is None:
            return 404, recorded("error_no_such")
        given = [
            row["amount"]
            for row in self._refunds_of(intent["id"])
            if row["status"] not in {"failed", "canceled"}
        ]
        left, amount = intent["amount_received"] - sum(given), int(form["amount"])
        if amount > left:
            name = "refund_too_large" if left else "already_refunded"
            return 400, recorded(f"error_{name}")
        metadata = {"refund": form["metadata[refund]"]}
        refund = self.give_back(intent["id"], amount, metadata=metadata)
        self._answers[key] = (form, copy.deepcopy(refund))
        return 200, refund

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
