"""The fake Square account: links, orders, payments, refunds and events in the ledger.

Every method that changes something runs inside one ledger transaction, given by the
caller, together with the events it causes and the webhooks that carry them.
"""

from collections.abc import Callable

from proofs.fakes import square_objects as objects
from proofs.fakes import square_rules as rules
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.square_disputes import Disputes
from proofs.fakes.square_objects import SquareError
from proofs.fakes.square_payouts import Payouts
from proofs.fakes.totals import Totals

LINK = "payment_link"
# Links that were deleted: the API no longer knows them, the hosted page does.
DELETED = "deleted_link"
ORDER = "order"
PAYMENT = "payment"
REFUND = "refund"
LIVE = ("APPROVED", "PENDING", "COMPLETED")
REFUND_ENDS = ("COMPLETED", "REJECTED", "FAILED")


def totals(ledger: Ledger) -> dict[str, Totals]:
    """The judge's sums by currency, from the objects alone."""
    sums: dict[str, Totals] = {}
    for paid in ledger.objects(PAYMENT):
        if paid["status"] == "COMPLETED":
            entry = sums.setdefault(paid["total_money"]["currency"], Totals())
            entry.captured += paid["total_money"]["amount"]
            entry.fees += sum(
                fee["amount_money"]["amount"] for fee in paid.get("processing_fee", ())
            )
    for refund in ledger.objects(REFUND):
        if refund["status"] == "COMPLETED":
            entry = sums.setdefault(refund["amount_money"]["currency"], Totals())
            entry.refunded += refund["amount_money"]["amount"]
    return sums


class Books:
    """`announce(event)` is called for each new event, inside the same transaction.

    `fee_seconds` after a payment its fee becomes known; None: when charge_fees() is told.
    """

    def __init__(
        self,
        ledger: Ledger,
        announce: Callable[[Json], None],
        *,
        location: Json,
        fee_seconds: float | None,
        completes_orders: bool,
    ) -> None:
        self.fee_seconds = fee_seconds
        self.refunds_at_once = False
        self._ledger = ledger
        self._announce = announce
        self.disputes = Disputes(ledger, self.find, self._tell)
        self.payouts = Payouts(ledger, self.find, self._tell, location)
        self._location = location
        self._completes_orders = completes_orders
        # Payment -> when its fee is due. What a restart finds without one is due at once.
        self._feeless = {
            row["id"]: 0.0
            for row in ledger.objects(PAYMENT)
            if row["status"] == "COMPLETED" and "processing_fee" not in row
        }

    # -- links and their orders ----------------------------------------------------

    def create_link(self, body: Json, *, base_url: str) -> Json:
        currency = self._location["currency"]
        given = rules.link_order(
            body, location_id=self._location["id"], currency=currency
        )
        order = objects.order(given, currency)
        link = objects.payment_link(body, order, base_url=base_url)
        self._ledger.put(ORDER, order["id"], order)
        self._ledger.put(LINK, link["id"], link)
        self._tell_order("order.created", order)
        return {"payment_link": link, "related_resources": {"orders": [order]}}

    def link(self, identity: str) -> Json:
        """The link, unless it was deleted. Raises SquareError 404."""
        if self._ledger.get(DELETED, identity) is not None:
            raise rules.not_found("Payment link", identity)
        return self.find(LINK, identity)

    def links(self) -> list[Json]:
        deleted = {row["id"] for row in self._ledger.objects(DELETED)}
        return [row for row in self._ledger.objects(LINK) if row["id"] not in deleted]

    def delete_link(self, identity: str) -> Json:
        """Forget the link and cancel its order; refused once money is on its way."""
        link = self.link(identity)
        order = self.find(ORDER, link["order_id"])
        if self._live_payments(order) or order["state"] == "COMPLETED":
            raise SquareError(
                400, "BAD_REQUEST", "The order of this payment link is paid."
            )
        order.update(state="CANCELED", closed_at=objects.now())
        self._ledger.put(DELETED, identity, {"id": identity})
        self._put_order(order)
        return {"id": identity, "cancelled_order_id": order["id"]}

    def complete_order(self, order_id: str) -> None:
        """What the merchant does by hand once the goods are delivered."""
        order = self.find(ORDER, order_id)
        paid = [p["status"] for p in self._live_payments(order)]
        if order["state"] != "OPEN" or paid != ["COMPLETED"]:
            raise SquareError(400, "BAD_REQUEST", "Only a paid open order completes.")
        order.update(state="COMPLETED", closed_at=objects.now())
        self._put_order(order)

    # -- what the payer does on the hosted page --------------------------------------

    def checkout(self, identity: str) -> tuple[Json, Json]:
        """Link and order as long as they can be paid. Raises SquareError 404 or 410."""
        link = self.find(LINK, identity)
        order = self.find(ORDER, link["order_id"])
        if self._ledger.get(DELETED, identity) is not None:
            raise SquareError(410, "GONE", "This payment link was deleted.")
        if self._live_payments(order):
            raise SquareError(410, "GONE", "This order is paid, or about to be.")
        return link, order

    def pay(self, identity: str) -> Json:
        """A card is approved and captured; the fee follows. Returns link."""
        link, order = self.checkout(identity)
        payment = objects.payment(order, link, status="APPROVED", by_card=True)
        self._new_payment(payment)
        self._complete(payment, order)
        return link

    def pay_later(self, identity: str) -> Json:
        """A bank transfer is under way: nothing is paid until settle()."""
        link, order = self.checkout(identity)
        payment = objects.payment(order, link, status="PENDING", by_card=False)
        self._new_payment(payment)
        order["state"] = "OPEN"
        self._put_order(order, payment)
        return link

    def decline(self, identity: str) -> Json:
        """The card is refused: a FAILED payment, and the order waits for another."""
        link, order = self.checkout(identity)
        payment = objects.payment(order, link, status="FAILED", by_card=True)
        self._new_payment(payment)
        self._put_order(order, payment)
        return link

    def settle(self, identity: str, *, succeeded: bool) -> None:
        """End the pending payment of a link one way or the other."""
        order = self.find(ORDER, self.find(LINK, identity)["order_id"])
        payment = next(iter(self._live_payments(order)), {})
        if payment.get("status") != "PENDING":
            raise SquareError(400, "BAD_REQUEST", "No payment is under way.")
        if succeeded:
            self._complete(payment, order)
        else:
            payment["status"] = "FAILED"
            self._put_payment(payment)
            self._put_order(order, payment)

    def charge_fees(self, *, by: float | None = None) -> None:
        """Fees that are due by then (None: all) become known, each with an event."""
        for identity in [
            k for k, at in self._feeless.items() if by is None or at <= by
        ]:
            del self._feeless[identity]
            payment = self._ledger.get(PAYMENT, identity)
            if payment is None:  # its transaction was rolled back
                continue
            amount = payment["total_money"]
            fee = objects.money(objects.fee_minor(amount["amount"]), amount["currency"])
            payment["processing_fee"] = [
                {"amount_money": fee, "effective_at": objects.now(), "type": "INITIAL"}
            ]
            self._put_payment(payment)

    def fees_are_due(self, by: float) -> bool:
        return self.fee_seconds is not None and any(
            at <= by for at in list(self._feeless.values())
        )

    def _complete(self, payment: Json, order: Json) -> None:
        payment["status"] = "COMPLETED"
        if "card_details" in payment:
            details = payment["card_details"]
            details["status"] = "CAPTURED"
            details["card_payment_timeline"]["captured_at"] = objects.now()
        payment["receipt_url"] = f"https://squareup.com/receipt/preview/{payment['id']}"
        self._put_payment(payment)
        self._feeless[payment["id"]] = objects.clock() + (self.fee_seconds or 0)
        order["state"] = "OPEN"
        order["net_amount_due_money"] = objects.money(
            0, order["total_money"]["currency"]
        )
        if self._completes_orders:
            order.update(state="COMPLETED", closed_at=objects.now())
        self._put_order(order, payment)

    def _live_payments(self, order: Json) -> list[Json]:
        found = (
            self.find(PAYMENT, row["payment_id"]) for row in order.get("tenders", ())
        )
        return [payment for payment in found if payment["status"] in LIVE]

    # -- refunds -----------------------------------------------------------------------

    def create_refund(self, body: Json) -> Json:
        """A PENDING refund, of at most what is neither refunded nor about to be."""
        if not isinstance(body.get("payment_id"), str):
            raise rules.missing("payment_id")
        payment = self.find(PAYMENT, body["payment_id"])
        earlier = [
            row
            for row in self._ledger.objects(REFUND)
            if row["payment_id"] == payment["id"]
        ]
        amount = rules.check_refund(body, payment, earlier)
        refund = objects.refund(payment, amount, body.get("reason"))
        self._ledger.put(REFUND, refund["id"], refund)
        payment.setdefault("refund_ids", []).append(refund["id"])
        self._tell("refund.created", "refund", refund["id"], refund)
        self._put_payment(payment)
        if self.refunds_at_once:
            self.settle_refund(refund["id"], status="COMPLETED")
        return {"refund": refund}

    def settle_refund(self, identity: str, *, status: str) -> None:
        """End a pending refund: COMPLETED, REJECTED or FAILED."""
        refund = self.find(REFUND, identity)
        if refund["status"] != "PENDING" or status not in REFUND_ENDS:
            raise SquareError(400, "BAD_REQUEST", "This refund cannot end like that.")
        refund.update(status=status, updated_at=objects.now())
        self._ledger.put(REFUND, identity, refund)
        self._tell("refund.updated", "refund", identity, refund)
        if status == "COMPLETED":
            payment = self.find(PAYMENT, refund["payment_id"])
            before = payment.get("refunded_money", {}).get("amount", 0)
            money = refund["amount_money"]
            payment["refunded_money"] = {**money, "amount": before + money["amount"]}
            self._put_payment(payment)

    # -- reading and writing -------------------------------------------------------------

    def find(self, kind: str, identity: str) -> Json:
        """The stored object. Raises SquareError 404."""
        found = self._ledger.get(kind, identity)
        if found is None:
            raise rules.not_found(kind, identity)
        return found

    def _new_payment(self, payment: Json) -> None:
        self._ledger.put(PAYMENT, payment["id"], payment)
        self._tell("payment.created", "payment", payment["id"], payment)

    def _put_payment(self, payment: Json) -> None:
        payment.update(updated_at=objects.now(), version_token=objects.new_id(32))
        self._ledger.put(PAYMENT, payment["id"], payment)
        self._tell("payment.updated", "payment", payment["id"], payment)

    def _put_order(self, order: Json, payment: Json | None = None) -> None:
        """Raise the version and tell; `payment` comes in as a tender, or anew as one."""
        if payment is not None:
            tenders = {row["id"]: row for row in order.get("tenders", ())}
            tenders[payment["id"]] = objects.tender(payment)
            order["tenders"] = list(tenders.values())
        order.update(updated_at=objects.now(), version=order["version"] + 1)
        self._ledger.put(ORDER, order["id"], order)
        self._tell_order("order.updated", order)

    def _tell_order(self, kind: str, order: Json) -> None:
        created = kind == "order.created"
        notice = objects.order_notice(order, created=created)
        self._tell(kind, kind.replace(".", "_"), order["id"], notice)

    def _tell(self, kind: str, subject: str, identity: str, body: Json) -> None:
        event = objects.event(kind, subject, identity, body)
        self._ledger.put("event", event["event_id"], event)
        self._announce(event)
