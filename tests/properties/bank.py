"""Stripe's side of the property world: it answers, fails and takes money in process.

Its own books are the judge of what was paid.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import stripe

from links.tests import stripe_tape
from links.tests.stripe_tape import StripeTape

FAULTS = ("no answer", "busy", "refused", "answer lost")
# `refused`: only an opening that was never answered well; the others: any call
WAYS = ("pay", "pay", "later", "decline", "short", "other currency")
RECORDINGS = {
    "later": "payment_intent_processing",
    "decline": "payment_intent_failed",
}


@cache
def _text(name: str) -> str:
    return (stripe_tape.DATA / f"{name}.json").read_text()


def recorded(name: str) -> Any:
    return json.loads(_text(name))


def _silence() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("no answer")  # type: ignore[no-untyped-call]


class Bank(StripeTape):
    """`faults`: how the next calls go, in order; when none is left they go well.

    `webhooks`: bodies of all events that were ever caused; `untold`: the places in it
    of those that were not delivered yet.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self.faults: list[str] = []
        self.webhooks: list[bytes] = []
        self.untold: list[int] = []

    # -- answering -------------------------------------------------------------

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        **given: Any,
    ) -> tuple[str, int, Mapping[str, str]]:
        fault = self.faults.pop(0) if self.faults else ""
        key = (headers or {}).get("Idempotency-Key", "")
        is_opening = method == "post" and url.endswith("/checkout/sessions")
        if fault == "no answer":
            raise _silence()
        if fault == "busy":
            self.next_replies.append((500, recorded("error_api")))
        if fault == "refused" and is_opening and key not in self._answers:
            self.next_replies.append((400, recorded("error_amount_too_small")))
        answer = super().request(method, url, headers, post_data, **given)
        if fault == "answer lost":
            raise _silence()
        return answer

    def _reply(
        self, method: str, path: str, form: dict[str, str], headers: Mapping[str, str]
    ) -> stripe_tape.Reply:
        for session in self.sessions.values():
            if session["status"] == "open" and not self.is_open(session["id"]):
                session.update(status="expired", url=None)
        return super()._reply(method, path, form, headers)

    def _create(self, form: dict[str, str], key: str) -> stripe_tape.Reply:
        is_new = key not in self._answers
        status, session = super()._create(form, key)
        if is_new:
            session["expires_at"] = int(form["expires_at"])
        return status, session

    def is_open(self, session_id: str) -> bool:
        session = self.sessions[session_id]
        ends_at = int(session["expires_at"])
        return session["status"] == "open" and ends_at > self._now().timestamp()

    # -- what payers do --------------------------------------------------------

    def take(self, session_id: str, way: str) -> None:
        """The payer submits the hosted page; nothing if it is closed."""
        if not self.is_open(session_id):
            return
        session = self.sessions[session_id]
        self.pay(session_id, RECORDINGS.get(way, "payment_intent_succeeded"))
        intent = session["payment_intent"]
        self._date(intent)
        if way == "decline":  # the page stays open for another try
            session.update(status="open", payment_status="unpaid")
            self._tell("payment_intent.payment_failed", intent["id"])
            return
        if way == "short":
            intent["amount_received"] = max(intent["amount"] // 2, 1)
        if way == "other currency":
            intent["currency"] = "usd" if session["currency"] != "usd" else "eur"
        self._tell("checkout.session.completed", session_id)
        if way != "later":
            self._tell("payment_intent.succeeded", intent["id"])

    def settle(self, session_id: str, *, succeeded: bool) -> None:
        """A delayed payment ends one way or the other; nothing if there is none."""
        session = self.sessions[session_id]
        intent = session["payment_intent"]
        if intent is None or intent["status"] != "processing":
            return
        if not succeeded:
            failed = recorded("payment_intent_failed")
            intent.update(
                status=failed["status"], last_payment_error=failed["last_payment_error"]
            )
            self._tell("checkout.session.async_payment_failed", session_id)
            return
        paid = recorded("payment_intent_succeeded")
        intent.update(status="succeeded", amount_received=intent["amount"])
        intent["latest_charge"] = paid["latest_charge"]
        self._date(intent)
        session["payment_status"] = "paid"
        self._tell("checkout.session.async_payment_succeeded", session_id)

    def take_elsewhere(self, amount: int, currency: str, link: str) -> None:
        """Money that another program took; `link`: our reference, or empty."""
        intent = recorded("payment_intent_succeeded")
        intent["id"] = f"pi_elsewhere_{len(self.intents)}"
        intent["metadata"] = {"link": link} if link else {}
        intent.update(amount=amount, amount_received=amount, currency=currency)
        self._date(intent)
        self.intents[intent["id"]] = intent
        self._tell("payment_intent.succeeded", intent["id"])

    def succeeded(self) -> dict[str, tuple[int, str]]:
        """id → amount and currency of every payment that came in."""
        return {
            found["id"]: (found["amount_received"], found["currency"].upper())
            for found in self.intents.values()
            if found["status"] == "succeeded"
        }

    def sessions_waiting(self) -> list[str]:
        """Ids of the sessions of which a delayed payment is under way."""
        return [
            identity
            for identity, session in self.sessions.items()
            if session["payment_intent"]
            and session["payment_intent"]["status"] == "processing"
        ]

    def _date(self, intent: Any) -> None:
        intent["created"] = int(self._now().timestamp())
        if intent["latest_charge"]:
            intent["latest_charge"]["created"] = intent["created"]

    def _tell(self, kind: str, subject: str) -> None:
        event = recorded("event_session_completed")
        event.update(id=f"evt_{len(self.webhooks)}", type=kind)
        event["data"] = {"object": {"id": subject}}
        if kind.startswith("payment_intent."):
            self.events.append(event)
        self.untold.append(len(self.webhooks))
        self.webhooks.append(json.dumps(event).encode())
