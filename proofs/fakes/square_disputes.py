"""Disputes of the fake Square, as Square-Version 2025-08-20 describes them.

A closed one stays closed. Not modelled: inquiries, evidence, accepting by the API, and
what a dispute does to the payment.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from proofs.fakes import square_lists as lists
from proofs.fakes import square_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.square_objects import SquareError

DISPUTE = "dispute"
USUAL_REASON = "NOT_RECEIVED"
STATES = (
    *("INQUIRY_EVIDENCE_REQUIRED", "INQUIRY_PROCESSING", "INQUIRY_CLOSED"),
    *("EVIDENCE_REQUIRED", "PROCESSING", "WON", "LOST", "ACCEPTED"),
)
TO_ANSWER, ANSWERED = "EVIDENCE_REQUIRED", "PROCESSING"

Tell = Callable[[str, str, str, Json], None]


class Disputes:
    """`find(kind, id)` is the books' own; `tell(kind, subject, id, body)` writes down an
    event and sends it."""

    def __init__(
        self, ledger: Ledger, find: Callable[[str, str], Json], tell: Tell
    ) -> None:
        self._ledger = ledger
        self._find = find
        self._tell = tell

    def open(self, payment: str, *, amount: int | None, reason: str, days: int) -> Json:
        paid = self._find("payment", payment)
        total = paid["total_money"]
        amount = total["amount"] if amount is None else amount
        if paid["status"] != "COMPLETED" or not 0 < amount <= total["amount"]:
            raise SquareError(400, "BAD_REQUEST", "So much was not paid.")
        moment = objects.now()
        due = datetime.fromisoformat(moment) + timedelta(days=days)
        dispute = {
            "id": objects.new_id(20),
            "amount_money": {**total, "amount": amount},
            "brand_dispute_id": objects.new_id(22),
            "card_brand": "VISA",
            "created_at": moment,
            "disputed_payment": {"payment_id": payment},
            "due_at": f"{due:%Y-%m-%dT%H:%M:%S}.000Z",
            "location_id": paid["location_id"],
            "reason": reason or USUAL_REASON,
            "reported_at": moment,
            "state": TO_ANSWER,
            "updated_at": moment,
            "version": 1,
        }
        self._ledger.put(DISPUTE, dispute["id"], dispute)
        self._tell("dispute.created", DISPUTE, dispute["id"], dispute)
        return dispute

    def answer(self, dispute: str) -> None:
        row = self._find(DISPUTE, dispute)
        if row["state"] != TO_ANSWER:
            raise SquareError(400, "BAD_REQUEST", "There is nothing to answer.")
        self._put(row, ANSWERED)

    def close(self, dispute: str, *, is_won: bool) -> None:
        row = self._find(DISPUTE, dispute)
        if row["state"] not in (TO_ANSWER, ANSWERED):
            raise SquareError(400, "BAD_REQUEST", "This dispute is closed.")
        self._put(row, "WON" if is_won else "LOST")

    def listed(self, params: Mapping[str, str]) -> Json:
        """One page of all of them: Square's list knows no times."""
        states = params.get("states")
        if states is not None and states not in STATES:
            raise SquareError(
                400, "INVALID_ENUM_VALUE", "No such state.", field="states"
            )
        rows = [
            row
            for row in self._ledger.objects(DISPUTE)
            if states in (None, row["state"])
            and params.get("location_id", row["location_id"]) == row["location_id"]
        ]
        return lists.plain_page(rows, params, name="disputes", limit=LISTED)

    def _put(self, row: Json, state: str) -> None:
        row.update(state=state, updated_at=objects.now(), version=row["version"] + 1)
        self._ledger.put(DISPUTE, row["id"], row)
        self._tell("dispute.state.updated", DISPUTE, row["id"], row)


LISTED = 50  # a page; Square does not say how many
