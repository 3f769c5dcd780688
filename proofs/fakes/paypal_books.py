"""The fake PayPal account: orders, captures, refunds and events in the ledger.

Every method that changes something runs inside one ledger transaction, given by the
caller, together with the events it causes and the webhooks that carry them.
"""

from collections.abc import Callable
from typing import Any

from proofs.fakes import paypal_objects as objects
from proofs.fakes import paypal_rules as rules
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.paypal_disputes import Disputes
from proofs.fakes.paypal_errors import PayPalError, not_found
from proofs.fakes.paypal_money import minor_units, money
from proofs.fakes.totals import Totals

ORDER = "order"
CAPTURE = "capture"
REFUND = "refund"
# What an order does not tell: where the payer goes back to, what was pressed, and the
# id of the capture.
CHECKOUT = "checkout"
# Invoice -> the last capture for it.
INVOICE = "invoice"
# Orders that ended without money: the API no longer knows them, the hosted page does.
EXPIRED = "expired_order"
PAID = ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED")
REFUND_ENDS = ("COMPLETED", "FAILED", "CANCELLED")
PENDING_REASONS = (
    "ECHECK",
    "INTERNATIONAL_WITHDRAWAL",
    "OTHER",
    "PENDING_REVIEW",
    "RECEIVING_PREFERENCE_MANDATES_MANUAL_ACTION",
    "UNILATERAL",
    "VERIFICATION_REQUIRED",
)


class GoneError(Exception):
    """The hosted page of an order that cannot be paid any more."""


def totals(ledger: Ledger) -> dict[str, Totals]:
    """The judge's sums by currency, from the objects alone."""
    sums: dict[str, Totals] = {}
    for paid in ledger.objects(CAPTURE):
        if paid["status"] in PAID:
            entry = sums.setdefault(paid["amount"]["currency_code"], Totals())
            entry.captured += minor_units(paid["amount"])
            entry.fees += minor_units(paid["seller_receivable_breakdown"]["paypal_fee"])
    for refund in ledger.objects(REFUND):
        if refund["status"] == "COMPLETED":
            entry = sums.setdefault(refund["amount"]["currency_code"], Totals())
            entry.refunded += minor_units(refund["amount"])
    return sums


class Books:
    """`announce(event)` is called for each new event, inside the same transaction.

    `base_url()` is where links point to. `unique_invoices`: no two orders with the same
    invoice_id are captured, which a seller may switch off at PayPal.
    """

    def __init__(
        self,
        ledger: Ledger,
        announce: Callable[[Json], None],
        *,
        base_url: Callable[[], str],
        unique_invoices: bool,
    ) -> None:
        self.refunds_at_once = True
        self.pending_reason = "ECHECK"
        self._ledger = ledger
        self._announce = announce
        self._base_url = base_url
        self._unique_invoices = unique_invoices
        self.disputes = Disputes(ledger, self.find, self._tell, base_url)

    # -- orders --------------------------------------------------------------------

    def create_order(self, body: Json) -> Json:
        unit = rules.purchase_unit(body)
        back = rules.addresses(body)
        wallet = "paypal" in rules.part(body, "payment_source")
        order = objects.order(unit, by_wallet=wallet)
        self._ledger.put(ORDER, order["id"], order)
        self._ledger.put(CHECKOUT, order["id"], {**back, "outcome": ""})
        return order

    def capture(self, identity: str, *, declined: bool) -> Json:
        """Take the money of an approved order, once; returns the order.

        Raises PayPalError: not approved, captured already, `declined` by the switch or
        because the payer pressed so, an invoice that is paid.
        """
        order = self.find(ORDER, identity)
        checkout = self._checkout(identity)
        outcome = checkout["outcome"]
        if order["status"] == "COMPLETED":
            raise PayPalError(422, "ORDER_ALREADY_CAPTURED")
        if order["status"] != "APPROVED":
            raise PayPalError(422, "ORDER_NOT_APPROVED")
        if declined or outcome == "decline":
            page = f"{self._base_url()}/pay/{identity}"
            raise PayPalError(
                422, "INSTRUMENT_DECLINED", links=[objects.link(page, "redirect")]
            )
        self._check_invoice(order)
        pending = self.pending_reason if outcome == "later" else ""
        capture = objects.capture(order, pending=pending)
        self._ledger.put(CAPTURE, capture["id"], capture)
        self._ledger.put(CHECKOUT, identity, {**checkout, "capture_id": capture["id"]})
        if "invoice_id" in capture:
            self._ledger.put(INVOICE, capture["invoice_id"], {"id": capture["id"]})
        order |= {"status": "COMPLETED", "update_time": objects.now()}
        self._ledger.put(ORDER, identity, order)
        self._tell_capture(capture)
        # Sent with the capture, whether or not there is money yet.
        self._tell_order("CHECKOUT.ORDER.COMPLETED", "Checkout Order Completed", order)
        return order

    def expire_order(self, identity: str) -> None:
        """What PayPal does some hours after an order that nobody has captured."""
        order = self.find(ORDER, identity)
        if order["status"] == "COMPLETED":
            raise PayPalError(422, "ORDER_ALREADY_CAPTURED")
        self._ledger.put(EXPIRED, identity, {"id": identity})

    def settle(self, order_id: str, *, succeeded: bool) -> None:
        """End the pending capture of an order one way or the other."""
        self.find(ORDER, order_id)
        capture = self._capture_of(order_id)
        if capture is None or capture["status"] != "PENDING":
            raise ValueError("no capture of this order is pending")
        del capture["status_details"]
        capture["status"] = "COMPLETED" if succeeded else "DECLINED"
        if succeeded:
            capture["seller_receivable_breakdown"] = objects.receivable(capture)
        self._put(CAPTURE, capture)
        self._tell_capture(capture)

    def _check_invoice(self, order: Json) -> None:
        invoice = order["purchase_units"][0].get("invoice_id")
        if not self._unique_invoices or invoice is None:
            return
        last = self._ledger.get(INVOICE, invoice)
        if last and self.find(CAPTURE, last["id"])["status"] != "DECLINED":
            raise PayPalError(422, "DUPLICATE_INVOICE_ID")

    # -- what the payer does on the hosted page --------------------------------------

    def checkout(self, identity: str) -> Json:
        """The order as long as it can be approved. Raises PayPalError 404, GoneError."""
        if self._ledger.get(EXPIRED, identity) is not None:
            raise GoneError("This checkout has expired.")
        order = self.find(ORDER, identity)
        if order["status"] == "COMPLETED":
            raise GoneError("This order is paid, or about to be.")
        return order

    def approve(self, identity: str, outcome: str) -> str:
        """The payer agrees; `outcome` tells what becomes of the capture: pay, later, decline.

        Who comes again may choose anew, and is sent back without another event unless
        the last choice was declined. Returns the address to go back to, or ''.
        """
        order = self.checkout(identity)
        checkout = self._checkout(identity)
        told = order["status"] == "APPROVED" and checkout["outcome"] != "decline"
        if order["status"] != "APPROVED":
            order |= {"status": "APPROVED", **objects.payer()}
            self._put(ORDER, order)
        self._ledger.put(CHECKOUT, identity, {**checkout, "outcome": outcome})
        if not told:
            summary = "An order has been approved by buyer"
            self._tell_order("CHECKOUT.ORDER.APPROVED", summary, order)
        return str(checkout.get("return_url", ""))

    def cancel_url(self, identity: str) -> str:
        self.checkout(identity)
        return str(self._checkout(identity).get("cancel_url", ""))

    # -- refunds -----------------------------------------------------------------------

    def refund(self, capture_id: str, body: Json) -> Json:
        """Give back what is asked for, or all that is left; COMPLETED or PENDING."""
        capture = self.find(CAPTURE, capture_id)
        minor = rules.refund_minor(body, capture, self._refunds(capture))
        before = self._refunded(capture)
        refund = objects.refund(
            capture, body, minor, before, pending=not self.refunds_at_once
        )
        self._ledger.put(REFUND, refund["id"], refund)
        capture["refund_ids"].append(refund["id"])
        self._ledger.put(CAPTURE, capture_id, capture)
        if self.refunds_at_once:
            self._complete_refund(refund, capture)
        return refund

    def settle_refund(self, identity: str, *, status: str) -> None:
        """End a pending refund: COMPLETED, FAILED or CANCELLED."""
        refund = self.find(REFUND, identity)
        if refund["status"] != "PENDING" or status not in REFUND_ENDS:
            raise ValueError("this refund cannot end like that")
        refund["status"] = status
        if status != "FAILED":
            del refund["status_details"]
        capture = self.find(CAPTURE, refund["capture_id"])
        if status == "COMPLETED":
            currency = refund["amount"]["currency_code"]
            total = self._refunded(capture) + minor_units(refund["amount"])
            breakdown = refund["seller_payable_breakdown"]
            breakdown["total_refunded_amount"] = money(total, currency)
        self._put(REFUND, refund)
        if status == "COMPLETED":
            self._complete_refund(refund, capture)

    def _complete_refund(self, refund: Json, capture: Json) -> None:
        whole = self._refunded(capture) == minor_units(capture["amount"])
        capture["status"] = "REFUNDED" if whole else "PARTIALLY_REFUNDED"
        self._put(CAPTURE, capture)
        resource = self.shown(REFUND, refund["id"])
        summary = f"A {_spoken(refund)} capture payment was refunded"
        self._tell("PAYMENT.CAPTURE.REFUNDED", "refund", summary, resource)

    def _refunded(self, capture: Json) -> int:
        rows = self._refunds(capture)
        done = [row for row in rows if row["status"] == "COMPLETED"]
        return sum(minor_units(row["amount"]) for row in done)

    # -- reading and writing -------------------------------------------------------------

    def find(self, kind: str, identity: str) -> Json:
        """The stored object. Raises PayPalError 404, of an expired order too."""
        found = self._ledger.get(kind, identity)
        gone = kind == ORDER and self._ledger.get(EXPIRED, identity) is not None
        if found is None or gone:
            raise not_found()
        return found

    def shown(self, kind: str, identity: str) -> Json:
        """The object as answers and events show it now. Raises PayPalError 404."""
        row, base = self.find(kind, identity), self._base_url()
        if kind == CAPTURE:
            return objects.shown_capture(row, base)
        if kind == REFUND:
            return objects.shown_refund(row, base)
        capture = self._capture_of(identity)
        refunds = self._refunds(capture) if capture else []
        return objects.shown_order(row, capture, refunds, base)

    def _checkout(self, identity: str) -> Json:
        return self._ledger.get(CHECKOUT, identity) or {"outcome": ""}

    def _capture_of(self, order_id: str) -> Json | None:
        identity = self._checkout(order_id).get("capture_id")
        return None if identity is None else self.find(CAPTURE, identity)

    def _refunds(self, capture: Json) -> list[Json]:
        return [self.find(REFUND, identity) for identity in capture["refund_ids"]]

    def _put(self, kind: str, row: Json) -> None:
        row["update_time"] = objects.now()
        self._ledger.put(kind, row["id"], row)

    def _tell_order(self, kind: str, summary: str, order: Json) -> None:
        self._tell(kind, "checkout-order", summary, self.shown(ORDER, order["id"]))

    def _tell_capture(self, capture: Json) -> None:
        kind, verb = {
            "COMPLETED": ("COMPLETED", "completed"),
            "PENDING": ("PENDING", "pending"),
            "DECLINED": ("DENIED", "denied"),
        }[capture["status"]]
        summary = f"Payment {verb} for {_spoken(capture)}"
        shown = self.shown(CAPTURE, capture["id"])
        self._tell(f"PAYMENT.CAPTURE.{kind}", "capture", summary, shown)

    def _tell(self, kind: str, subject: str, summary: str, resource: Any) -> None:
        event = objects.event(kind, subject, summary, resource, self._base_url())
        self._ledger.put("event", event["id"], event)
        self._announce(event)


def _spoken(row: Json) -> str:
    return f"{row['amount']['value']} {row['amount']['currency_code']}"
