"""Refunds of the fake Stripe: how they are made, and how a pending one ends."""

from collections.abc import Callable
from typing import Protocol

from proofs.fakes import stripe_money as money
from proofs.fakes import stripe_objects as objects
from proofs.fakes import stripe_rules as rules
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.stripe_form import StripeError, integer, missing

SHOWN = 10  # of a charge's refunds, where the charge is asked for them
ENDS = ("succeeded", "failed", "canceled")


class Tell(Protocol):
    """Writes down an event and sends it."""

    def __call__(self, kind: str, subject: Json, *, key: str = "") -> None: ...


class Refunds:
    """`find(kind, id)` is the books' own. `is_disputed(charge)`: its money is held.
    `are_pending`: new ones wait for settle(), as those do that the account's balance
    cannot pay."""

    def __init__(
        self,
        ledger: Ledger,
        find: Callable[[str, str], Json],
        tell: Tell,
        is_disputed: Callable[[Json], bool],
    ) -> None:
        self.are_pending = False
        self._is_disputed = is_disputed
        self._ledger = ledger
        self._find = find
        self._tell = tell

    def create(self, params: Json, *, key: str) -> Json:
        """Give back at most what is left of a charge, pending refunds counted."""
        charge = self._refundable(params)
        rules.check_metadata(params, "metadata")
        left = charge["amount"] - charge["amount_refunded"]
        amount = integer(params, "amount", default=left)
        if left == 0:
            raise StripeError(
                400,
                f"Charge {charge['id']} has already been refunded.",
                code="charge_already_refunded",
            )
        if not 0 < amount <= left:
            raise StripeError(
                400,
                f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                param="amount",
            )
        refund = money.refund(charge, amount, params)
        if self.are_pending:
            refund.update(status="pending", pending_reason="insufficient_funds")
        else:
            self._book(refund)
        self._ledger.put("refund", refund["id"], refund)
        self._change_charge(charge, by=amount)
        self._tell("refund.created", refund, key=key)
        self._tell("charge.refunded", charge, key=key)
        return refund

    def settle(self, identity: str, *, status: str) -> None:
        """End a pending refund; what fails is left of the charge again."""
        refund = self._find("refund", identity)
        if refund["status"] != "pending" or status not in ENDS:
            raise StripeError(400, "This refund cannot end like that.")
        refund.update(status=status)
        del refund["pending_reason"]
        if status == "succeeded":
            self._book(refund)
        else:
            charge = self._find("charge", refund["charge"])
            self._change_charge(charge, by=-refund["amount"])
        if status == "failed":
            refund.update(failure_reason="insufficient_funds")
        self._ledger.put("refund", identity, refund)
        self._tell("refund.updated", refund)
        if status == "failed":
            self._tell("refund.failed", refund)

    def newest_of(self, charge: Json) -> Json:
        """The list that a charge shows when it is asked to."""
        rows = [
            row
            for row in reversed(self._ledger.objects("refund"))
            if row["charge"] == charge["id"]
        ]
        url = f"/v1/charges/{charge['id']}/refunds"
        return objects.listing(url, rows[:SHOWN], has_more=len(rows) > SHOWN)

    def _book(self, refund: Json) -> None:
        transaction = money.balance_transaction(refund, "refund")
        refund["balance_transaction"] = transaction["id"]
        self._ledger.put("balance_transaction", transaction["id"], transaction)

    def _change_charge(self, charge: Json, *, by: int) -> None:
        charge["amount_refunded"] += by
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._ledger.put("charge", charge["id"], charge)

    def _refundable(self, params: Json) -> Json:
        if "charge" in params:
            charge = self._find("charge", str(params["charge"]))
        elif "payment_intent" in params:
            intent = self._find("payment_intent", str(params["payment_intent"]))
            charge = self._find("charge", str(intent["latest_charge"]))
        else:
            raise missing("payment_intent")
        if not charge["captured"]:
            raise StripeError(400, "This charge was not captured.", param="charge")
        if self._is_disputed(charge):
            raise StripeError(
                400,
                f"Charge {charge['id']} has been charged back; cannot issue a refund.",
                code="charge_disputed",
            )
        return charge
