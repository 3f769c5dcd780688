"""Disputes of the fake PayPal, in the words of Disputes 1.10.

A dispute is of one capture, is answered once, and resolved; resolved in the buyer's
favour it may be resolved anew, as after an appeal. Not modelled: the inquiry between
buyer and seller, offers, evidence, and what a loss does to the capture.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from proofs.fakes import paypal_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.paypal_errors import PayPalError
from proofs.fakes.paypal_money import minor_units, money

DISPUTE = "dispute"
PATH = "/v1/customer/disputes"
USUAL_REASON = "MERCHANDISE_OR_SERVICE_NOT_RECEIVED"
TO_ANSWER, ANSWERED = "WAITING_FOR_SELLER_RESPONSE", "UNDER_REVIEW"
RESOLVED = "RESOLVED"
LOST = "RESOLVED_BUYER_FAVOUR"
# What the seller sees of it in the list.
STATES = {
    TO_ANSWER: "REQUIRED_ACTION",
    ANSWERED: "UNDER_PAYPAL_REVIEW",
    RESOLVED: "RESOLVED",
}
TIMES = ("start_time", "update_time_after", "update_time_before")
KNOWN = {
    *TIMES,
    *("disputed_transaction_id", "page_size", "next_page_token", "dispute_state"),
}
SUMMARY = (
    *("dispute_id", "create_time", "update_time", "reason", "status"),
    *("dispute_amount", "dispute_life_cycle_stage", "dispute_channel"),
    "seller_response_due_date",
)
DEFAULT_SIZE, LARGEST = 10, 50
KEPT = timedelta(days=180)
PAID = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")


class Tell(Protocol):
    """Writes down an event and sends it."""

    def __call__(
        self, kind: str, subject: str, summary: str, resource: Json
    ) -> None: ...


class Disputes:
    """`find(kind, id)` and `base_url()` are the books' own."""

    def __init__(
        self,
        ledger: Ledger,
        find: Callable[[str, str], Json],
        tell: Tell,
        base_url: Callable[[], str],
    ) -> None:
        self._ledger = ledger
        self._find = find
        self._tell = tell
        self._base_url = base_url

    def open(self, payment: str, *, amount: int | None, reason: str, days: int) -> Json:
        capture = self._find("capture", payment)
        paid = minor_units(capture["amount"])
        amount = paid if amount is None else amount
        if capture["status"] not in PAID or not 0 < amount <= paid:
            raise ValueError("so much was not paid")
        dispute = _dispute(capture, amount, reason or USUAL_REASON, days)
        self._ledger.put(DISPUTE, dispute["dispute_id"], dispute)
        self._say("CREATED", "A new dispute opened", dispute)
        return dispute

    def answer(self, dispute: str) -> None:
        row = self._find(DISPUTE, dispute)
        if row["status"] != TO_ANSWER:
            raise ValueError("there is nothing to answer")
        del row["seller_response_due_date"]
        self._put(row, ANSWERED)
        self._say("UPDATED", "There was an update", row)

    def close(self, dispute: str, *, is_won: bool) -> None:
        row = self._find(DISPUTE, dispute)
        known = row.get("dispute_outcome", {}).get("outcome_code")
        if row["status"] == RESOLVED and not (known == LOST and is_won):
            raise ValueError("this dispute is closed")
        row.pop("seller_response_due_date", None)
        row["dispute_outcome"] = {
            "outcome_code": "RESOLVED_SELLER_FAVOUR" if is_won else LOST
        }
        if not is_won:
            row["dispute_outcome"]["amount_refunded"] = row["dispute_amount"]
        self._put(row, RESOLVED)
        self._say("RESOLVED", "A dispute was resolved", row)

    def shown(self, identity: str) -> Json:
        """As answers and events show it now. Raises PayPalError 404."""
        row = self._find(DISPUTE, identity)
        itself = f"{self._base_url()}{PATH}/{identity}"
        return row | {"links": [objects.link(itself, "self")]}

    def listed(self, params: Mapping[str, str]) -> Json:
        """One page of summaries, the last opened first. Raises PayPalError 400."""
        if set(params) - KNOWN:
            raise _refused()
        if "start_time" in params and "disputed_transaction_id" in params:
            raise _refused("start_time")
        size = params.get("page_size", str(DEFAULT_SIZE))
        if not (size.isascii() and size.isdigit() and 1 <= int(size) <= LARGEST):
            raise _refused("page_size")
        times = {name: _asked(params, name) for name in TIMES}
        rows = [
            row for row in self._ledger.objects(DISPUTE) if _wanted(row, params, times)
        ]
        rows.sort(key=_place, reverse=True)
        after = _decoded(params)
        if after is not None:
            rows = [row for row in rows if _place(row) < after]
        page, rest = rows[: int(size)], rows[int(size) :]
        base = f"{self._base_url()}{PATH}"
        links = [objects.link(base, "self")]
        if rest:
            links.append(objects.link(f"{base}?{_next(params, page[-1])}", "next"))
        # An empty list is left out: the documents want at least one.
        items = {"items": [self._summary(row) for row in page]} if page else {}
        return items | {"links": links}

    def _summary(self, row: Json) -> Json:
        told = {name: row[name] for name in SUMMARY if name in row}
        itself = f"{self._base_url()}{PATH}/{row['dispute_id']}"
        return told | {
            "dispute_state": STATES[row["status"]],
            "links": [objects.link(itself, "self")],
        }

    def _put(self, row: Json, status: str) -> None:
        row.update(status=status, update_time=_moment(objects.clock()))
        self._ledger.put(DISPUTE, row["dispute_id"], row)

    def _say(self, kind: str, summary: str, row: Json) -> None:
        self._tell(
            f"CUSTOMER.DISPUTE.{kind}",
            "dispute",
            f"{summary} with Case # {row['dispute_id']}",
            self.shown(row["dispute_id"]),
        )


def _dispute(capture: Json, amount: int, reason: str, days: int) -> Json:
    now, currency = objects.clock(), capture["amount"]["currency_code"]
    disputed = {
        "buyer_transaction_id": objects.new_id(),
        "seller_transaction_id": capture["id"],
        "create_time": capture["create_time"],
        "transaction_status": capture["status"],
        "gross_amount": capture["amount"],
        "buyer": {"name": "Ada Payer"},
        "seller": {
            "email": objects.MERCHANT_EMAIL,
            "merchant_id": objects.MERCHANT_ID,
        },
    }
    if "custom_id" in capture:
        disputed["custom"] = capture["custom_id"]
    return {
        "dispute_id": f"PP-D-{objects.new_id(8, '0123456789')}",
        "create_time": _moment(now),
        "update_time": _moment(now),
        "disputed_transactions": [disputed],
        "reason": reason,
        "status": TO_ANSWER,
        "dispute_amount": money(amount, currency),
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "INTERNAL",
        "seller_response_due_date": _moment(now + days * 86_400),
    }


def _moment(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _wanted(
    row: Json, params: Mapping[str, str], times: Mapping[str, datetime | None]
) -> bool:
    created = datetime.fromisoformat(row["create_time"])
    updated = datetime.fromisoformat(row["update_time"])
    start, after, before = (times[name] for name in TIMES)
    states = params.get("dispute_state", STATES[row["status"]]).split(",")
    capture = row["disputed_transactions"][0]["seller_transaction_id"]
    return (
        (start is None or start <= created)
        and (after is None or after <= updated)
        and (before is None or updated <= before)
        and STATES[row["status"]] in states
        and params.get("disputed_transaction_id", capture) == capture
    )


def _asked(params: Mapping[str, str], name: str) -> datetime | None:
    """PayPal looks back 180 days at most."""
    if name not in params:
        return None
    try:
        found = datetime.fromisoformat(params[name])
    except ValueError as exc:
        raise _refused(name) from exc
    oldest = datetime.fromtimestamp(objects.clock(), UTC) - KEPT
    if found.tzinfo is None or found < oldest:
        raise _refused(name)
    return found


def _place(row: Json) -> tuple[str, str]:
    return row["create_time"], row["dispute_id"]


def _next(params: Mapping[str, str], last: Json) -> str:
    token = base64.b64encode(json.dumps(_place(last)).encode()).decode()
    return objects.query({**params, "next_page_token": token})


def _decoded(params: Mapping[str, str]) -> tuple[str, str] | None:
    if "next_page_token" not in params:
        return None
    try:
        created, identity = json.loads(base64.b64decode(params["next_page_token"]))
    except (ValueError, TypeError) as exc:
        raise _refused("next_page_token") from exc
    return str(created), str(identity)


def _refused(field: str = "") -> PayPalError:
    return PayPalError(400, "INVALID_PARAMETER_VALUE", field=field, location="query")
