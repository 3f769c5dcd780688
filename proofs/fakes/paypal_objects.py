"""PayPal's objects as its documents of 2024-02 describe them.

The ledger keeps them as answers show them, but without links and with ids besides:
`order_id` and `refund_ids` of a capture, `capture_id` of a refund.
"""

import secrets
import string
import time
import urllib.parse
from collections.abc import Mapping
from datetime import UTC, datetime

from proofs.fakes.ledger import Json
from proofs.fakes.paypal_money import fee_minor, minor_units, money

MERCHANT_ID = "FAKEMERCHANT2"
MERCHANT_EMAIL = "shop@example.com"
LETTERS = string.ascii_uppercase + string.digits
PAYER_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
PAYER_EMAIL = "payer@example.com"
PAYER_NAME = {"given_name": "Ada", "surname": "Payer"}
ORDERS = "/v2/checkout/orders"
CAPTURES = "/v2/payments/captures"
REFUNDS = "/v2/payments/refunds"
EVENTS = "/v1/notifications/webhooks-events"


def clock() -> float:
    return time.time()


def now() -> str:
    """RFC 3339 in UTC with whole seconds, as PayPal writes it."""
    return written(clock())


def written(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def query(params: Mapping[str, str]) -> str:
    return urllib.parse.urlencode(params)


def new_id(length: int = 17, letters: str = LETTERS) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def order(unit: Json, *, by_wallet: bool) -> Json:
    """A new order of this purchase unit; `by_wallet` when payment_source.paypal is named."""
    moment = now()
    made: Json = {
        "id": new_id(),
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED" if by_wallet else "CREATED",
        "purchase_units": [
            unit
            | {"payee": {"email_address": MERCHANT_EMAIL, "merchant_id": MERCHANT_ID}}
        ],
        "create_time": moment,
        "update_time": moment,
    }
    return made | ({"payment_source": {"paypal": {}}} if by_wallet else {})


def payer() -> Json:
    """What an approved order tells of who pays."""
    identity = new_id(13, PAYER_LETTERS)
    address = {"country_code": "US"}
    return {
        "payer": {
            "name": PAYER_NAME,
            "email_address": PAYER_EMAIL,
            "payer_id": identity,
            "address": address,
        },
        "payment_source": {
            "paypal": {
                "email_address": PAYER_EMAIL,
                "account_id": identity,
                "account_status": "VERIFIED",
                "name": PAYER_NAME,
                "address": address,
            }
        },
    }


def capture(paid: Json, *, pending: str) -> Json:
    """The capture of an order; `pending` is the reason why it waits, or ''."""
    unit, moment = paid["purchase_units"][0], now()
    total = unit["amount"]
    made: Json = {
        "id": new_id(),
        "order_id": paid["id"],
        "refund_ids": [],
        "status": "PENDING" if pending else "COMPLETED",
        "amount": money(minor_units(total), total["currency_code"]),
        "final_capture": True,
        "seller_protection": {
            "status": "ELIGIBLE",
            "dispute_categories": ["ITEM_NOT_RECEIVED", "UNAUTHORIZED_TRANSACTION"],
        },
        "create_time": moment,
        "update_time": moment,
    }
    for name in ("custom_id", "invoice_id"):
        if name in unit:
            made[name] = unit[name]
    if pending:
        return made | {"status_details": {"reason": pending}}
    return made | {"seller_receivable_breakdown": receivable(made)}


def receivable(paid: Json) -> Json:
    """PayPal tells it of completed captures only."""
    currency = paid["amount"]["currency_code"]
    gross = minor_units(paid["amount"])
    fee = fee_minor(gross, currency)
    return {
        "gross_amount": money(gross, currency),
        "paypal_fee": money(fee, currency),
        "net_amount": money(gross - fee, currency),
    }


def refund(paid: Json, body: Json, minor: int, earlier: int, *, pending: bool) -> Json:
    """A refund of `minor` units after `earlier` ones; PayPal keeps its fee."""
    currency, moment = paid["amount"]["currency_code"], now()
    amount = money(minor, currency)
    made: Json = {
        "id": new_id(),
        "capture_id": paid["id"],
        "status": "PENDING" if pending else "COMPLETED",
        "amount": amount,
        "seller_payable_breakdown": {
            "gross_amount": amount,
            "paypal_fee": money(0, currency),
            "net_amount": amount,
            "total_refunded_amount": money(earlier + minor, currency),
        },
        "create_time": moment,
        "update_time": moment,
    }
    for name in ("custom_id", "invoice_id"):
        if body.get(name) or name in paid:
            made[name] = body.get(name) or paid[name]
    if body.get("note_to_payer"):
        made["note_to_payer"] = body["note_to_payer"]
    return made | ({"status_details": {"reason": "ECHECK"}} if pending else {})


def link(href: str, rel: str, method: str = "GET") -> Json:
    return {"href": href, "rel": rel, "method": method}


def shown_order(
    row: Json, capture: Json | None, refunds: list[Json], base: str
) -> Json:
    """The order as answers show it, with its payments where there are any."""
    payments: Json = {}
    if capture:
        payments["captures"] = [_nested(shown_capture(capture, base))]
    if refunds:
        payments["refunds"] = [shown_refund(r, base) for r in refunds]
    units = row["purchase_units"]
    if payments:
        units = [units[0] | {"payments": payments}]
    itself = f"{base}{ORDERS}/{row['id']}"
    links = [link(itself, "self")]
    page = f"{base}/pay/{row['id']}"
    if row["status"] == "PAYER_ACTION_REQUIRED":
        links.append(link(page, "payer-action"))
    elif row["status"] == "CREATED":
        links.append(link(page, "approve"))
    if row["status"] in ("CREATED", "APPROVED"):
        links += [
            link(itself, "update", "PATCH"),
            link(f"{itself}/capture", "capture", "POST"),
        ]
    return row | {"purchase_units": units, "links": links}


def shown_capture(row: Json, base: str) -> Json:
    itself = f"{base}{CAPTURES}/{row['id']}"
    return _without(row, "order_id", "refund_ids") | {
        "supplementary_data": {"related_ids": {"order_id": row["order_id"]}},
        "payee": {"email_address": MERCHANT_EMAIL, "merchant_id": MERCHANT_ID},
        "links": [
            link(itself, "self"),
            link(f"{itself}/refund", "refund", "POST"),
            link(f"{base}{ORDERS}/{row['order_id']}", "up"),
        ],
    }


def shown_refund(row: Json, base: str) -> Json:
    return _without(row, "capture_id") | {
        "links": [
            link(f"{base}{REFUNDS}/{row['id']}", "self"),
            link(f"{base}{CAPTURES}/{row['capture_id']}", "up"),
        ],
    }


def minimal(shown: Json) -> Json:
    """What is answered without `Prefer: return=representation`."""
    return {name: shown[name] for name in ("id", "status", "links")}


def event(
    kind: str, resource_type: str, summary: str, resource: Json, base: str
) -> Json:
    identity = f"WH-{new_id()}-{new_id()}"
    moment = datetime.fromtimestamp(clock(), UTC)
    itself = f"{base}{EVENTS}/{identity}"
    return {
        "id": identity,
        "event_version": "1.0",
        "create_time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "resource_type": resource_type,
        "resource_version": "2.0",
        "event_type": kind,
        "summary": summary,
        "resource": resource,
        "links": [link(itself, "self"), link(f"{itself}/resend", "resend", "POST")],
    }


def _nested(shown: Json) -> Json:
    """A capture inside its order names neither the order nor the payee."""
    return _without(shown, "supplementary_data", "payee")


def _without(row: Json, *names: str) -> Json:
    return {name: value for name, value in row.items() if name not in names}
