"""Payouts of the fake Stripe: what leaves the balance for the merchant's bank.

The whole balance may leave at once; Stripe would wait until it is available. Not
modelled: instant payouts, reversals, and what each payout is made of.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from proofs.fakes import stripe_money as money
from proofs.fakes import stripe_objects as objects
from proofs.fakes import stripe_rules as rules
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.stripe_form import StripeError, integer, missing
from proofs.fakes.stripe_refunds import Tell

PAYOUT = "payout"
USUAL_DAYS = 2


class Payouts:
    """`find(kind, id)` is the books' own."""

    def __init__(
        self, ledger: Ledger, find: Callable[[str, str], Json], tell: Tell
    ) -> None:
        self._ledger = ledger
        self._find = find
        self._tell = tell

    def create(self, params: Json, *, key: str) -> Json:
        """POST /v1/payouts."""
        currency = params.get("currency")
        if not isinstance(currency, str):
            raise missing("currency")
        rules.check_metadata(params, "metadata")
        return self._begin(
            integer(params, "amount"),
            currency.lower(),
            days=USUAL_DAYS,
            metadata=params.get("metadata", {}),
            key=key,
        )

    def pay_out(self, *, amount: int | None, currency: str, days: int) -> None:
        """As Stripe does by itself every day."""
        currency = currency.lower()
        amount = self._balance(currency) if amount is None else amount
        self._begin(amount, currency, days=days, metadata={}, is_automatic=True)

    def end(self, payout: str, *, is_paid: bool) -> None:
        """A bank may send back what had arrived."""
        row = self._find(PAYOUT, payout)
        if row["status"] == "failed" or (row["status"] == "paid" and is_paid):
            raise StripeError(400, "This payout has ended.")
        row["status"] = "paid" if is_paid else "failed"
        if not is_paid:
            back = self._move(row, row["amount"])
            row.update(
                failure_balance_transaction=back["id"],
                failure_code="account_closed",
                failure_message="The bank account has been closed",
            )
        self._ledger.put(PAYOUT, payout, row)
        self._tell(f"payout.{row['status']}", row)

    def update(self, identity: str, params: Json) -> Json:
        row = self._find(PAYOUT, identity)
        rules.check_metadata(params, "metadata")
        row["metadata"] |= params.get("metadata", {})
        self._ledger.put(PAYOUT, identity, row)
        self._tell("payout.updated", row)
        return row

    def _begin(
        self,
        amount: int,
        currency: str,
        *,
        days: int,
        metadata: Json,
        is_automatic: bool = False,
        key: str = "",
    ) -> Json:
        if amount <= 0:
            raise StripeError(400, "Invalid positive integer", param="amount")
        if amount > self._balance(currency):
            raise StripeError(
                400,
                "You have insufficient funds in your Stripe account.",
                code="balance_insufficient",
            )
        row = _payout(amount, currency, days, metadata, is_automatic=is_automatic)
        row["balance_transaction"] = self._move(row, -amount)["id"]
        self._ledger.put(PAYOUT, row["id"], row)
        self._tell("payout.created", row, key=key)
        return row

    def _balance(self, currency: str) -> int:
        rows = self._ledger.objects("balance_transaction")
        return sum(row["net"] for row in rows if row["currency"] == currency)

    def _move(self, payout: Json, amount: int) -> Json:
        kind = "payout" if amount < 0 else "payout_failure"
        entry = money.balance_transaction({**payout, "amount": -amount}, kind)
        self._ledger.put("balance_transaction", entry["id"], entry)
        return entry


def _payout(
    amount: int, currency: str, days: int, metadata: Json, *, is_automatic: bool
) -> Json:
    created = objects.now()
    day = datetime.fromtimestamp(created, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return {
        "id": objects.new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": int(day.timestamp()) + days * objects.DAY_SECONDS,
        "automatic": is_automatic,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": "ba_1FakeBankOfTheShop",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": metadata,
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if is_automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
