"""Disputes of the fake Stripe: what takes a charge's money back, and what returns it.

An inquiry (`warning_…`) takes no money; one that the merchant closes by the API ends as
`warning_closed`, of which the documents do not speak. Not modelled: evidence itself,
and what only some networks do (prevented, compliance, arbitration).
"""

from collections.abc import Callable

from proofs.fakes import stripe_money as money
from proofs.fakes import stripe_objects as objects
from proofs.fakes import stripe_rules as rules
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.stripe_form import StripeError
from proofs.fakes.stripe_refunds import Tell

DISPUTE = "dispute"
FEE_MINOR = 1500
USUAL_REASON = "fraudulent"
NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}
# Cards of Stripe's test mode whose charges are disputed at once.
DISPUTED_AT_ONCE = {
    "pm_card_createDispute": False,
    "pm_card_createDisputeProductNotReceived": False,
    "pm_card_createDisputeInquiry": True,
}
TO_ANSWER = {"needs_response", "warning_needs_response"}
ANSWERED = {"under_review", "warning_under_review"}
EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy"),
    *("cancellation_policy_disclosure", "cancellation_rebuttal"),
    *("customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description"),
    *("receipt", "refund_policy", "refund_policy_disclosure"),
    *("refund_refusal_explanation", "service_date", "service_documentation"),
    *("shipping_address", "shipping_carrier", "shipping_date"),
    *("shipping_documentation", "shipping_tracking_number"),
    *("uncategorized_file", "uncategorized_text"),
)


class Disputes:
    """`find(kind, id)` is the books' own."""

    def __init__(
        self, ledger: Ledger, find: Callable[[str, str], Json], tell: Tell
    ) -> None:
        self._ledger = ledger
        self._find = find
        self._tell = tell

    def open(
        self,
        payment: str,
        *,
        amount: int | None,
        reason: str,
        days: int,
        is_inquiry: bool = False,
    ) -> Json:
        """`payment`: a payment intent whose charge succeeded."""
        intent = self._find("payment_intent", payment)
        charge = self._find("charge", str(intent["latest_charge"]))
        amount = charge["amount"] if amount is None else amount
        if charge["status"] != "succeeded" or charge["disputed"]:
            raise StripeError(400, "This charge cannot be disputed.")
        if not 0 < amount <= charge["amount"]:
            raise StripeError(400, "So much was not charged.")
        dispute = _dispute(
            charge,
            amount,
            reason=reason or USUAL_REASON,
            due_by=objects.now() + days * objects.DAY_SECONDS,
            is_inquiry=is_inquiry,
        )
        charge["disputed"] = True
        self._ledger.put("charge", charge["id"], charge)
        if not is_inquiry:
            self._move(dispute, -amount, FEE_MINOR)
        self._ledger.put(DISPUTE, dispute["id"], dispute)
        self._tell("charge.dispute.created", dispute)
        if not is_inquiry:
            self._tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def answer(self, identity: str) -> None:
        dispute = self._find(DISPUTE, identity)
        if dispute["status"] not in TO_ANSWER:
            raise StripeError(400, "There is nothing to answer.")
        details = dispute["evidence_details"]
        details.update(has_evidence=True, submission_count=1)
        details.update(submission_method="manual")
        prefix = "warning_" if _is_inquiry(dispute) else ""
        self._put(dispute, f"{prefix}under_review")
        self._tell("charge.dispute.updated", dispute)

    def close(self, identity: str, *, is_won: bool) -> None:
        """The bank's word; what was lost may be won after all, by an appeal."""
        dispute = self._find(DISPUTE, identity)
        is_open = dispute["status"] in TO_ANSWER | ANSWERED
        if not is_open and not (dispute["status"] == "lost" and is_won):
            raise StripeError(400, "This dispute is closed.")
        if _is_inquiry(dispute):
            if not is_won:
                raise StripeError(400, "An inquiry takes no money: it is not lost.")
            self._put(dispute, "warning_closed")
        elif is_won:
            self._move(dispute, dispute["amount"], 0)
            self._put(dispute, "won")
        else:
            self._put(dispute, "lost")
        self._tell("charge.dispute.closed", dispute)
        if dispute["status"] == "won":
            self._tell("charge.dispute.funds_reinstated", dispute)

    def give_in(self, identity: str) -> Json:
        """POST …/close: the merchant has nothing to say."""
        dispute = self._find(DISPUTE, identity)
        if dispute["status"] not in TO_ANSWER:
            raise StripeError(400, "This dispute is already closed or under review.")
        self.close(identity, is_won=_is_inquiry(dispute))
        return self._find(DISPUTE, identity)

    def update(self, identity: str, params: Json) -> Json:
        """Metadata only: evidence is refused, for nobody here would read it."""
        dispute = self._find(DISPUTE, identity)
        for name in ("evidence", "submit", "intended_submission_method"):
            if name in params:
                raise StripeError(400, f"This fake does not do {name}.", param=name)
        rules.check_metadata(params, "metadata")
        dispute["metadata"] |= params.get("metadata", {})
        self._put(dispute, dispute["status"])
        self._tell("charge.dispute.updated", dispute)
        return dispute

    def holds(self, charge: Json) -> bool:
        """Whether the charge's money is with the bank: then it cannot be refunded."""
        return any(
            row["charge"] == charge["id"]
            and row["status"] in {"needs_response", "under_review", "lost"}
            for row in self._ledger.objects(DISPUTE)
        )

    def _move(self, dispute: Json, amount: int, fee: int) -> None:
        entry = money.adjustment(dispute, amount, fee)
        self._ledger.put("balance_transaction", entry["id"], entry)
        dispute["balance_transactions"].append(entry)

    def _put(self, dispute: Json, status: str) -> None:
        dispute["status"] = status
        is_open = status in TO_ANSWER | ANSWERED
        dispute["is_charge_refundable"] = _is_inquiry(dispute) and is_open
        self._ledger.put(DISPUTE, dispute["id"], dispute)


def _is_inquiry(dispute: Json) -> bool:
    return str(dispute["status"]).startswith("warning_")


def _dispute(
    charge: Json, amount: int, *, reason: str, due_by: int, is_inquiry: bool
) -> Json:
    code = NETWORK_CODES.get(reason, "10.4")
    card = {"brand": "visa", "network": "visa", "network_reason_code": code}
    card["case_type"] = "inquiry" if is_inquiry else "chargeback"
    return {
        "id": objects.new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": objects.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": is_inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": card, "type": "card"},
        "reason": reason,
        "status": "warning_needs_response" if is_inquiry else "needs_response",
    }
