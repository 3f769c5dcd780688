"""Payouts of the fake Square, as Square-Version 2025-08-20 describes them.

What a payout is made of, and its fees, are not modelled.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from proofs.fakes import square_lists as lists
from proofs.fakes import square_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.square_disputes import Tell
from proofs.fakes.square_objects import SquareError

PAYOUT = "payout"
STATUSES = ("SENT", "FAILED", "PAID")


class Payouts:
    """`find(kind, id)` and `tell` as for disputes; `location`: the only one there is."""

    def __init__(
        self,
        ledger: Ledger,
        find: Callable[[str, str], Json],
        tell: Tell,
        location: Json,
    ) -> None:
        self._ledger = ledger
        self._find = find
        self._tell = tell
        self._location = location

    def pay_out(self, *, amount: int | None, currency: str, days: int) -> None:
        own = self._location["currency"]
        balance = self._balance()
        amount = balance if amount is None else amount
        if currency not in ("", own) or not 0 < amount <= balance:
            raise SquareError(400, "BAD_REQUEST", "There is not so much.")
        moment = objects.now()
        arrival = datetime.fromisoformat(moment) + timedelta(days=days)
        row = {
            "id": f"po_{uuid.uuid4()}",
            "amount_money": objects.money(amount, own),
            "arrival_date": f"{arrival:%Y-%m-%d}",
            "created_at": moment,
            "destination": {"id": "bact:FakeBankOfTheShop", "type": "BANK_ACCOUNT"},
            "end_to_end_id": f"L{objects.new_id(10)}",
            "location_id": self._location["id"],
            "status": "SENT",
            "type": "BATCH",
            "updated_at": moment,
            "version": 1,
        }
        self._ledger.put(PAYOUT, row["id"], row)
        self._tell("payout.sent", PAYOUT, row["id"], row)

    def end(self, payout: str, *, is_paid: bool) -> None:
        row = self._find(PAYOUT, payout)
        if row["status"] != "SENT":
            raise SquareError(400, "BAD_REQUEST", "This payout has ended.")
        row.update(
            status="PAID" if is_paid else "FAILED",
            updated_at=objects.now(),
            version=row["version"] + 1,
        )
        self._ledger.put(PAYOUT, payout, row)
        self._tell(f"payout.{row['status'].lower()}", PAYOUT, payout, row)

    def listed(self, params: Mapping[str, str]) -> Json:
        status = params.get("status")
        if status is not None and status not in STATUSES:
            raise SquareError(
                400, "INVALID_ENUM_VALUE", "No such status.", field="status"
            )
        return lists.listed(self._ledger.objects(PAYOUT), params, name="payouts")

    def _balance(self) -> int:
        """What came in less fees, refunds and what was sent before."""
        rows = self._ledger.objects
        fees = [
            fee["amount_money"]
            for paid in rows("payment")
            for fee in paid.get("processing_fee", ())
        ]
        paid_in = [p["total_money"] for p in rows("payment") if _is(p, "COMPLETED")]
        refunded = [r["amount_money"] for r in rows("refund") if _is(r, "COMPLETED")]
        sent = [p["amount_money"] for p in rows(PAYOUT) if not _is(p, "FAILED")]
        gone = _sum(fees) + _sum(refunded) + _sum(sent)
        return _sum(paid_in) - gone


def _is(row: Json, status: str) -> bool:
    return bool(row["status"] == status)


def _sum(amounts: list[Json]) -> int:
    return sum(money["amount"] for money in amounts)
