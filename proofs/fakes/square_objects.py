"""Square's objects as Square-Version 2025-08-20 describes them."""

import secrets
import string
import time
import uuid
from datetime import UTC, datetime, timedelta

from proofs.fakes.ledger import Json

API_VERSION = "2025-08-20"
MERCHANT_ID = "MLFAKEFORPROOFS"
LETTERS = string.ascii_uppercase + string.digits
FEE_PER_MILLE = 29
FEE_FIXED_MINOR = 30


class SquareError(Exception):
    """An error answer; `category` and `code` are Square's, `field` the name at fault."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        category: str = "INVALID_REQUEST_ERROR",
        field: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.category = category
        self.field = field

    def body(self) -> Json:
        error = {"category": self.category, "code": self.code, "detail": str(self)}
        if self.field:
            error["field"] = self.field
        return {"errors": [error]}


def clock() -> float:
    return time.time()


def now() -> str:
    """RFC 3339 in UTC with milliseconds, as Square writes it."""
    moment = datetime.fromtimestamp(clock(), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def new_id(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def money(amount: int, currency: str) -> Json:
    return {"amount": amount, "currency": currency}


def fee_minor(amount: int) -> int:
    """2.9 % half up, plus 30 minor units; never more than the amount."""
    return min(amount, (amount * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR)


def payment_link(body: Json, order: Json, *, base_url: str) -> Json:
    identity, moment = new_id(16), now()
    link: Json = {
        "id": identity,
        "version": 1,
        "order_id": order["id"],
        "url": f"{base_url}/pay/{identity}",
        "long_url": f"{base_url}/pay/{identity}?long=1",
        "created_at": moment,
        "updated_at": moment,
    }
    kept = ("description", "checkout_options", "pre_populated_data", "payment_note")
    return link | {name: body[name] for name in kept if body.get(name) is not None}


def order(given: Json, currency: str) -> Json:
    """A draft: orders of payment links stay that until the payer has tried."""
    items = [line_item(line, currency) for line in given["line_items"]]
    total = sum(item["total_money"]["amount"] for item in items)
    zero, moment = money(0, currency), now()
    made: Json = {
        "id": new_id(28),
        "location_id": given["location_id"],
        "source": {"name": "Fake Square"},
        "line_items": items,
        "net_amounts": {
            "total_money": money(total, currency),
            "tax_money": zero,
            "discount_money": zero,
            "tip_money": zero,
            "service_charge_money": zero,
        },
        "created_at": moment,
        "updated_at": moment,
        "state": "DRAFT",
        "version": 1,
        "total_money": money(total, currency),
        "total_tax_money": zero,
        "total_discount_money": zero,
        "total_tip_money": zero,
        "total_service_charge_money": zero,
        "net_amount_due_money": money(total, currency),
    }
    kept = ("reference_id", "metadata")
    return made | {name: given[name] for name in kept if given.get(name) is not None}


def line_item(given: Json, currency: str) -> Json:
    unit = given["base_price_money"]["amount"]
    zero, total = money(0, currency), money(unit * int(given["quantity"]), currency)
    made = {
        "uid": new_id(22),
        "quantity": given["quantity"],
        "item_type": "ITEM",
        "base_price_money": money(unit, currency),
        "variation_total_price_money": total,
        "gross_sales_money": total,
        "total_tax_money": zero,
        "total_discount_money": zero,
        "total_service_charge_money": zero,
        "total_money": total,
    }
    kept = ("name", "note")
    return made | {name: given[name] for name in kept if given.get(name) is not None}


def payment(order: Json, link: Json, *, status: str, by_card: bool) -> Json:
    """A payment of the whole order; `status` is APPROVED, PENDING or FAILED."""
    identity, moment = new_id(30), now()
    made: Json = {
        "id": identity,
        "created_at": moment,
        "updated_at": moment,
        "amount_money": order["total_money"],
        "total_money": order["total_money"],
        "status": status,
        "source_type": "CARD" if by_card else "BANK_ACCOUNT",
        "location_id": order["location_id"],
        "order_id": order["id"],
        "receipt_number": identity[:4],
        "application_details": {"square_product": "ECOMMERCE_API"},
        "version_token": new_id(32),
    }
    if status == "APPROVED":
        made["approved_money"] = order["total_money"]
        made["delay_action"] = "CANCEL"
        made["delay_duration"] = "PT168H"
        week = datetime.fromisoformat(moment) + timedelta(hours=168)
        made["delayed_until"] = f"{week:%Y-%m-%dT%H:%M:%S}.000Z"
    if by_card:
        made["card_details"] = _card_details(status, moment)
    else:
        made["bank_account_details"] = {"transfer_type": "ACH", "country": "US"}
    email = link.get("pre_populated_data", {}).get("buyer_email")
    if email:
        made["buyer_email_address"] = email
    if "payment_note" in link:
        made["note"] = link["payment_note"]
    if "reference_id" in order:
        made["reference_id"] = order["reference_id"]
    return made


def _card_details(status: str, moment: str) -> Json:
    details: Json = {
        "status": "FAILED" if status == "FAILED" else "AUTHORIZED",
        "card": {
            "card_brand": "VISA",
            "last_4": "1111",
            "exp_month": 8,
            "exp_year": 2034,
            "fingerprint": "sq-1-FakeCardPrint",
            "card_type": "CREDIT",
            "prepaid_type": "NOT_PREPAID",
            "bin": "411111",
        },
        "entry_method": "KEYED",
        "cvv_status": "CVV_ACCEPTED",
        "avs_status": "AVS_ACCEPTED",
        "statement_description": "SQ *FAKE SHOP",
        "card_payment_timeline": {"authorized_at": moment},
    }
    if status == "FAILED":
        details["card_payment_timeline"] = {}
        details["errors"] = [
            {
                "category": "PAYMENT_METHOD_ERROR",
                "code": "GENERIC_DECLINE",
                "detail": "Authorization error: 'GENERIC_DECLINE'",
            }
        ]
    return details


def tender(payment: Json) -> Json:
    """How an order shows a payment, failed ones too."""
    made: Json = {
        "id": payment["id"],
        "location_id": payment["location_id"],
        "transaction_id": payment["order_id"],
        "created_at": payment["created_at"],
        "note": "Online Transaction",
        "amount_money": payment["amount_money"],
        "type": payment["source_type"],
        "payment_id": payment["id"],
    }
    if payment["source_type"] == "CARD":
        details = payment["card_details"]
        made["card_details"] = {
            "status": details["status"],
            "card": details["card"],
            "entry_method": "KEYED",
        }
    else:
        made["bank_account_details"] = {"status": payment["status"]}
    return made


def refund(paid: Json, amount: int, reason: str | None) -> Json:
    moment = now()
    made: Json = {
        "id": f"{paid['id']}_{new_id(43)}",
        "status": "PENDING",
        "location_id": paid["location_id"],
        "destination_type": paid["source_type"],
        "amount_money": money(amount, paid["amount_money"]["currency"]),
        "payment_id": paid["id"],
        "order_id": paid["order_id"],
        "created_at": moment,
        "updated_at": moment,
    }
    return made | ({"reason": reason} if reason else {})


def event(kind: str, subject: str, identity: str, body: Json) -> Json:
    """An event of `kind` about the `subject` (order_updated, payment …) as it is now."""
    return {
        "merchant_id": MERCHANT_ID,
        "type": kind,
        "event_id": str(uuid.uuid4()),
        "created_at": now(),
        "data": {"type": subject, "id": identity, "object": {subject: body}},
    }


def as_documented(event: Json) -> Json:
    """The event for its judge: the documents call the member of a dispute `object`, and
    their own examples, like Square itself, call it `dispute`."""
    held = event["data"]["object"]
    if "dispute" not in held:
        return event
    return {**event, "data": {**event["data"], "object": {"object": held["dispute"]}}}


def order_notice(order: Json, *, created: bool) -> Json:
    """What an order's event tells: neither amounts nor tenders."""
    names = ["location_id", "state", "version", "created_at"]
    notice = {"order_id": order["id"]} | {name: order[name] for name in names}
    return notice if created else notice | {"updated_at": order["updated_at"]}


def location(identity: str, *, currency: str, country: str) -> Json:
    return {
        "id": identity,
        "name": "Fake shop",
        "timezone": "Etc/UTC",
        "capabilities": ["CREDIT_CARD_PROCESSING", "AUTOMATIC_TRANSFERS"],
        "status": "ACTIVE",
        "created_at": "2024-01-01T00:00:00Z",
        "merchant_id": MERCHANT_ID,
        "country": country,
        "language_code": "en-US",
        "currency": currency,
        "business_name": "Fake shop",
        "type": "PHYSICAL",
    }


def merchant(location: Json) -> Json:
    names = ("business_name", "country", "language_code", "currency", "status")
    return {name: location[name] for name in (*names, "created_at")} | {
        "id": MERCHANT_ID,
        "main_location_id": location["id"],
    }
