"""The fake Stripe account: sessions, payments and events, all kept in the ledger; what
gives money back is in stripe_refunds.

Every method that changes something runs inside one ledger transaction, given by the
caller, together with the events it causes and the webhooks that carry them.
"""

from collections.abc import Callable
from typing import Any

from proofs.fakes import stripe_money as money
from proofs.fakes import stripe_objects as objects
from proofs.fakes import stripe_rules as rules
from proofs.fakes.actions import ANSWER_DAYS
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.stripe_disputes import DISPUTED_AT_ONCE, Disputes
from proofs.fakes.stripe_form import StripeError, integer, missing
from proofs.fakes.stripe_payouts import Payouts
from proofs.fakes.stripe_refunds import Refunds

SESSION = "checkout.session"
INTENT = "payment_intent"
TRANSACTION = "balance_transaction"
METHOD = "payment_method"
CARDS = {"", "pm_card_visa", "pm_card_bypassPending"}
# The account by which Stripe's CLI makes a debit fail.
BOUNCING = {"IT60X0542811101000000123456"}

# field -> kind of the object that its id names
EXPANDABLE = {
    "payment_intent": INTENT,
    "latest_charge": "charge",
    "charge": "charge",
    "balance_transaction": TRANSACTION,
}
EXPAND_DEPTH = 4

# list -> its filters, each naming a member that must be equal
FILTERS = {
    SESSION: ("payment_intent", "status"),
    INTENT: (),
    "charge": ("payment_intent",),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
    "payout": ("status", "destination"),
    TRANSACTION: ("source", "type", "currency"),
    "event": ("type",),
}
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


class Books:
    """`announce(event)` is called for each new event, inside the same transaction."""

    def __init__(self, ledger: Ledger, announce: Callable[[Json], None]) -> None:
        self._ledger = ledger
        self._announce = announce
        self.disputes = Disputes(ledger, self.find, self._tell)
        self.payouts = Payouts(ledger, self.find, self._tell)
        self.refunds = Refunds(ledger, self.find, self._tell, self.disputes.holds)

    # -- sessions --------------------------------------------------------------

    def create_session(self, params: Json, *, base_url: str) -> Json:
        items = rules.session_items(params, self._ledger)
        session = objects.checkout_session(params, items, base_url=base_url)
        self._ledger.put(SESSION, session["id"], session)
        # Not members of Stripe's object: kept beside it.
        self._ledger.put("session_items", session["id"], {"data": items})
        self._ledger.put(
            "session_data", session["id"], params.get("payment_intent_data", {})
        )
        return session

    def session(self, identity: str) -> Json:
        """The session as it is now; one whose time has come expires on the way."""
        session = self.find(SESSION, identity)
        if session["status"] == "open" and session["expires_at"] <= objects.now():
            self._close_expired(session)
        return session

    def expire_session(self, identity: str, *, key: str) -> Json:
        session = self.session(identity)
        if session["status"] != "open":
            raise StripeError(
                400, 'Only Checkout Sessions with a status in ["open"] can be expired.'
            )
        self._close_expired(session, key=key)
        return session

    def line_items(self, identity: str) -> Json:
        self.find(SESSION, identity)
        stored = self._ledger.get("session_items", identity) or {"data": []}
        url = f"/v1/checkout/sessions/{identity}/line_items"
        return objects.listing(url, stored["data"], has_more=False)

    def _close_expired(self, session: Json, *, key: str = "") -> None:
        session.update(status="expired", url=None)
        self._ledger.put(SESSION, session["id"], session)
        self._tell("checkout.session.expired", session, key=key)

    # -- what the payer does on the hosted page ----------------------------------

    def pay(self, identity: str) -> Json:
        """Take the money: intent, charge, balance transaction, complete session."""
        session = self._open_session(identity)
        intent = self._intent_of(session, "succeeded")
        intent.update(status="succeeded", amount_received=intent["amount"])
        self._charge(intent, email=session["customer_email"])
        self._complete(session, intent, payment_status="paid")
        self._tell("payment_intent.succeeded", intent)
        self._tell("checkout.session.completed", session)
        return session

    def pay_later(self, identity: str) -> Json:
        """Complete with a delayed method: nothing is paid until settle()."""
        session = self._open_session(identity)
        intent = self._intent_of(session, "processing")
        intent["status"] = "processing"
        self._ledger.put(INTENT, intent["id"], intent)
        self._complete(session, intent, payment_status="unpaid")
        self._tell("checkout.session.completed", session)
        return session

    def pay_by(self, identity: str, method: str) -> Json:
        """As the CLI confirms it: a debit is under way first, and its bank account says
        how it ends, a card is charged at once."""
        iban = (self._ledger.get(METHOD, method) or {}).get("iban")
        if iban is None:
            return self.pay(identity)
        self.pay_later(identity)
        return self.settle(identity, succeeded=iban not in BOUNCING)

    def settle(self, identity: str, *, succeeded: bool) -> Json:
        """End a delayed payment one way or the other."""
        session = self.find(SESSION, identity)
        intent = self._ledger.get(INTENT, str(session["payment_intent"]))
        if intent is None or intent["status"] != "processing":
            raise StripeError(400, "This session has no payment under way.")
        if succeeded:
            intent.update(status="succeeded", amount_received=intent["amount"])
            self._charge(intent, email=session["customer_email"])
            session["payment_status"] = "paid"
            self._ledger.put(SESSION, identity, session)
            self._tell("payment_intent.succeeded", intent)
            self._tell("checkout.session.async_payment_succeeded", session)
        else:
            self._decline(intent, session)
            self._tell("checkout.session.async_payment_failed", session)
        return session

    def decline(self, identity: str) -> Json:
        """The card is refused; the session stays open for another try."""
        session = self._open_session(identity)
        intent = self._intent_of(session, "requires_payment_method")
        self._decline(intent, session)
        return session

    def _open_session(self, identity: str) -> Json:
        session = self.session(identity)
        if session["status"] != "open":
            raise StripeError(400, f"This Checkout Session is {session['status']}.")
        return session

    def _intent_of(self, session: Json, status: str) -> Json:
        """The intent of the session; a first one is made with the status."""
        tried = self._ledger.get("session_intent", session["id"])
        if tried:
            return self.find(INTENT, tried["id"])
        data = self._ledger.get("session_data", session["id"]) or {}
        intent = money.payment_intent(
            session["amount_total"],
            session["currency"],
            data,
            status,
            customer=session["customer"],
        )
        self._ledger.put("session_intent", session["id"], {"id": intent["id"]})
        return intent

    def _charge(self, intent: Json, *, email: str | None) -> None:
        charge = money.charge(intent, email=email)
        transaction = money.balance_transaction(charge, "charge")
        charge["balance_transaction"] = transaction["id"]
        intent.update(latest_charge=charge["id"], last_payment_error=None)
        self._ledger.put(TRANSACTION, transaction["id"], transaction)
        self._ledger.put("charge", charge["id"], charge)
        self._ledger.put(INTENT, intent["id"], intent)
        self._tell("charge.succeeded", charge)

    def _decline(self, intent: Json, session: Json) -> None:
        charge = money.charge(intent, email=session["customer_email"], declined=True)
        intent.update(
            status="requires_payment_method",
            latest_charge=charge["id"],
            last_payment_error={
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "generic_decline",
                "message": "Your card was declined.",
                "charge": charge["id"],
            },
        )
        self._ledger.put("charge", charge["id"], charge)
        self._ledger.put(INTENT, intent["id"], intent)
        self._tell("charge.failed", charge)
        self._tell("payment_intent.payment_failed", intent)

    def _complete(self, session: Json, intent: Json, *, payment_status: str) -> None:
        session.update(
            status="complete",
            payment_status=payment_status,
            payment_intent=intent["id"],
            url=None,
        )
        self._ledger.put(SESSION, session["id"], session)

    def create_intent(self, params: Json, *, key: str) -> Json:
        """Money without a session, as another program of the merchant might take it."""
        rules.check_metadata(params, "metadata")
        currency = params.get("currency")
        if not isinstance(currency, str):
            raise missing("currency")
        if params.get("confirm") != "true":
            raise StripeError(400, "This fake only does confirm=true.", param="confirm")
        card = params.get("payment_method", "")
        if card not in CARDS and card not in DISPUTED_AT_ONCE:
            raise StripeError(
                400, f"This fake knows no card {card}.", param="payment_method"
            )
        amount = rules.check_amount(integer(params, "amount"), currency.lower())
        intent = money.payment_intent(amount, currency.lower(), params, "succeeded")
        self._charge(intent, email=params.get("receipt_email"))
        self._tell("payment_intent.succeeded", intent, key=key)
        if card in DISPUTED_AT_ONCE:
            self.disputes.open(
                intent["id"],
                amount=None,
                reason="",
                days=ANSWER_DAYS,
                is_inquiry=DISPUTED_AT_ONCE[card],
            )
        return intent

    # -- the catalogue, as far as Stripe's own CLI needs it ------------------------

    def create_product(self, params: Json) -> Json:
        if not params.get("name"):
            raise missing("name")
        product = objects.product(params)
        self._ledger.put("product", product["id"], product)
        return product

    def create_method(self, params: Json) -> Json:
        """A card, or an account by its IBAN; Stripe's object has no IBAN in full."""
        method = {"id": objects.new_id("pm"), "object": "payment_method"}
        debit = params.get("sepa_debit", {})
        iban = debit.get("iban") if isinstance(debit, dict) else None
        self._ledger.put(METHOD, method["id"], {"iban": iban})
        return method

    def create_price(self, params: Json) -> Json:
        if not params.get("currency"):
            raise missing("currency")
        product = self.find("product", str(params.get("product")))
        price = objects.price(
            params["currency"].lower(), integer(params, "unit_amount"), product["id"]
        )
        self._ledger.put("price", price["id"], price)
        return price

    # -- reading -------------------------------------------------------------------

    def find(self, kind: str, identity: str) -> Json:
        """The stored object. Raises StripeError 404."""
        found = self._ledger.get(kind, identity)
        if found is None:
            raise rules.no_such(kind, identity)
        return found

    def page(self, kind: str, url: str, params: Json) -> Json:
        """A page, newest first, with Stripe's cursors and `created` ranges."""
        if kind == SESSION:
            for row in self._ledger.objects(SESSION):
                self.session(row["id"])
        rows = [
            row
            for row in reversed(self._ledger.objects(kind))
            if _wanted(kind, row, params)
        ]
        if kind == "event" and "delivery_success" in params:
            arrived = self._delivered_events()
            wanted = params["delivery_success"] == "true"
            rows = [row for row in rows if (row["id"] in arrived) == wanted]
        limit = integer(params, "limit", default=10)
        if not 1 <= limit <= 100:
            raise StripeError(400, "limit is between 1 and 100", param="limit")
        ids = [row["id"] for row in rows]
        if "starting_after" in params:
            rows = rows[_position(ids, params["starting_after"]) + 1 :]
        elif "ending_before" in params:
            newer = rows[: _position(ids, params["ending_before"])]
            return objects.listing(url, newer[-limit:], has_more=len(newer) > limit)
        return objects.listing(url, rows[:limit], has_more=len(rows) > limit)

    def balance(self, *, currency: str) -> Json:
        return money.balance(self._ledger.objects(TRANSACTION), currency=currency)

    def expand(self, found: Json, paths: Any) -> Json:
        """Replace the named ids by their objects; `data.` leads into a list."""
        if not isinstance(paths, list):
            raise StripeError(400, "Invalid array", param="expand")
        for path in paths:
            steps = str(path).split(".")
            if len(steps) > EXPAND_DEPTH + 1:
                raise StripeError(
                    400, "You cannot expand more than 4 levels", param="expand"
                )
            self._expand(found, steps)
        return found

    def _expand(self, node: Json, steps: list[str]) -> None:
        step, rest = steps[0], steps[1:]
        if step == "data" and node.get("object") == "list":
            for member in node["data"]:
                self._expand(member, rest)
            return
        if step == "line_items" and node.get("object") == SESSION:
            node[step] = self.line_items(node["id"])
            return
        if step == "refunds" and node.get("object") == "charge":
            node[step] = self.refunds.newest_of(node)
            return
        if step not in EXPANDABLE or step not in node:
            raise StripeError(
                400, f"This property cannot be expanded ({step}).", param="expand"
            )
        if isinstance(node[step], str):
            node[step] = self.find(EXPANDABLE[step], node[step])
        if rest and node[step] is not None:
            self._expand(node[step], rest)

    def _delivered_events(self) -> set[str]:
        return {d.event for d in self._ledger.deliveries() if d.state == "delivered"}

    def _tell(self, kind: str, subject: Json, *, key: str = "") -> None:
        event = objects.event(kind, subject, key=key)
        self._ledger.put("event", event["id"], event)
        self._announce(event)


def _position(ids: list[str], cursor: str) -> int:
    if cursor not in ids:
        raise rules.no_such("object", cursor)
    return ids.index(cursor)


def _wanted(kind: str, row: Json, params: Json) -> bool:
    for name in FILTERS[kind]:
        if name in params and row[name] != params[name]:
            return False
    if kind == "event" and "types" in params and row["type"] not in params["types"]:
        return False
    created = params.get("created", {})
    if isinstance(created, str):
        return bool(row["created"] == integer(params, "created"))
    return all(
        COMPARE[word](row["created"], integer(created, word))
        for word in created
        if word in COMPARE
    )
