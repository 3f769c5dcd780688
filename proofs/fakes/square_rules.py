"""What Square demands of a new payment link or refund beyond the documents' shapes."""

import re
from typing import Any

from proofs.fakes.ledger import Json
from proofs.fakes.square_objects import SquareError

LINK_KEY_LIMIT = 192
REFUND_KEY_LIMIT = 45
REFUNDS_LIMIT = 20
LINE_ITEMS_LIMIT = 500
# They change the amount or when it is taken, and this fake does no such sums.
UNSUPPORTED_IN_ORDER = (
    "taxes",
    "discounts",
    "service_charges",
    "fulfillments",
    "pricing_options",
)
UNSUPPORTED_IN_OPTIONS = (
    "shipping_fee",
    "app_fee_money",
    "subscription_plan_id",
    "custom_fields",
)


def integer(value: Any, field: str) -> int:
    """A JSON integer, not a boolean. Raises SquareError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise SquareError(400, "EXPECTED_INTEGER", "Expected an integer.", field=field)
    return value


def part(holder: Json, name: str, where: str = "") -> Json:
    """The object of that name, {} where there is none. Raises SquareError."""
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SquareError(
            400, "EXPECTED_OBJECT", "Expected an object.", field=f"{where}{name}"
        )
    return value


def missing(field: str) -> SquareError:
    return SquareError(
        400, "MISSING_REQUIRED_PARAMETER", f"Missing: {field}.", field=field
    )


def not_found(what: str, identity: str) -> SquareError:
    return SquareError(404, "NOT_FOUND", f"{what} `{identity}` was not found.")


def link_order(body: Json, *, location_id: str, currency: str) -> Json:
    """The order a new link asks for, quick_pay turned into one. Raises SquareError."""
    if ("order" in body) == ("quick_pay" in body):
        raise SquareError(
            400, "BAD_REQUEST", "Exactly one of order and quick_pay is needed."
        )
    order = _quick_order(body) if "quick_pay" in body else part(body, "order")
    for name in UNSUPPORTED_IN_ORDER:
        if order.get(name):
            raise _unsupported(f"order.{name}")
    if not order.get("location_id"):
        raise missing("order.location_id")
    if order["location_id"] != location_id:
        raise SquareError(
            400, "INVALID_VALUE", "No such location.", field="order.location_id"
        )
    _check_length(order, "reference_id", 40, "order.")
    _check_metadata(order.get("metadata"))
    _check_items(order.get("line_items"), currency)
    _check_link(body)
    return order


def _quick_order(body: Json) -> Json:
    quick = part(body, "quick_pay")
    for name in ("name", "price_money", "location_id"):
        if not quick.get(name):
            raise missing(f"quick_pay.{name}")
    line = {
        "name": quick["name"],
        "quantity": "1",
        "base_price_money": quick["price_money"],
    }
    return {"location_id": quick["location_id"], "line_items": [line]}


def _check_link(body: Json) -> None:
    _check_length(body, "description", 4096)
    _check_length(body, "payment_note", 500)
    options = part(body, "checkout_options")
    for name in UNSUPPORTED_IN_OPTIONS:
        if options.get(name):
            raise _unsupported(f"checkout_options.{name}")
    if options.get("allow_tipping"):
        raise _unsupported("checkout_options.allow_tipping")
    _check_length(options, "redirect_url", 2048, "checkout_options.")
    address = options.get("redirect_url")
    if address and not address.startswith(("http://", "https://")):
        raise SquareError(
            400, "INVALID_VALUE", "Not a URL.", field="checkout_options.redirect_url"
        )
    buyer = part(body, "pre_populated_data")
    _check_length(buyer, "buyer_email", 256, "pre_populated_data.")
    email = buyer.get("buyer_email")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise SquareError(
            400,
            "INVALID_EMAIL_ADDRESS",
            "Not an email address.",
            field="pre_populated_data.buyer_email",
        )


def _check_items(items: Any, currency: str) -> None:
    if not isinstance(items, list) or not items:
        raise missing("order.line_items")
    if len(items) > LINE_ITEMS_LIMIT:
        raise SquareError(
            400, "ARRAY_LENGTH_TOO_LONG", "Too many items.", field="order.line_items"
        )
    total = 0
    for position, line in enumerate(items):
        where = f"order.line_items[{position}]."
        quantity = line.get("quantity") if isinstance(line, dict) else None
        if not isinstance(quantity, str):
            raise missing(f"{where}quantity")
        # Square takes decimals too, and rounds.
        if not re.fullmatch(r"[1-9]\d{0,11}", quantity):
            raise SquareError(
                400, "INVALID_VALUE", "Not a whole number.", field=f"{where}quantity"
            )
        if not line.get("name"):
            raise missing(f"{where}name")
        _check_length(line, "name", 512, where)
        price = line.get("base_price_money")
        total += int(quantity) * check_money(
            price, currency, f"{where}base_price_money", minimum=0
        )
    if total < 1:
        raise SquareError(400, "VALUE_TOO_LOW", "The order must cost at least 1.")


def check_money(given: Any, currency: str, field: str, *, minimum: int) -> int:
    """The amount, when it is money of this currency. Raises SquareError."""
    if not isinstance(given, dict) or "amount" not in given:
        raise missing(f"{field}.amount")
    amount = integer(given["amount"], f"{field}.amount")
    if given.get("currency") != currency:
        raise SquareError(
            400,
            "INVALID_VALUE",
            f"The location only takes {currency}.",
            field=f"{field}.currency",
        )
    if amount < minimum:
        raise SquareError(
            400, "VALUE_TOO_LOW", f"At least {minimum}.", field=f"{field}.amount"
        )
    return amount


def _check_metadata(metadata: Any) -> None:
    field = "order.metadata"
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        raise SquareError(400, "EXPECTED_MAP", "Expected a map.", field=field)
    if len(metadata) > 10:
        raise SquareError(400, "TOO_MANY_MAP_ENTRIES", "At most 10.", field=field)
    for key, value in metadata.items():
        if len(key) > 60:
            raise SquareError(400, "MAP_KEY_LENGTH_TOO_LONG", key[:80], field=field)
        if not isinstance(value, str) or len(value) > 255:
            raise SquareError(400, "VALUE_TOO_LONG", "At most 255.", field=field)


def _check_length(holder: Json, name: str, limit: int, where: str = "") -> None:
    value = holder.get(name)
    if value is None:
        return
    field = f"{where}{name}"
    if not isinstance(value, str):
        raise SquareError(400, "EXPECTED_STRING", "Expected a string.", field=field)
    if len(value) > limit:
        raise SquareError(400, "VALUE_TOO_LONG", f"At most {limit}.", field=field)


def _unsupported(field: str) -> SquareError:
    return SquareError(
        400, "NOT_IMPLEMENTED", f"This fake does not do {field}.", field=field
    )


def check_refund(body: Json, payment: Json, refunds: list[Json]) -> int:
    """The amount to give back of a payment with these refunds. Raises SquareError."""
    _check_length(body, "reason", 192)
    if payment["status"] != "COMPLETED":
        raise _refund_error(
            "REFUND_ERROR_PAYMENT_NEEDS_COMPLETION", "The payment is not completed."
        )
    wanted = body.get("payment_version_token")
    if wanted and wanted != payment["version_token"]:
        raise SquareError(409, "CONFLICT", "The payment has another version.")
    currency = payment["total_money"]["currency"]
    amount = check_money(body.get("amount_money"), currency, "amount_money", minimum=1)
    # Those under way count too: else two at once could give back more than came in.
    counted = [row for row in refunds if row["status"] in ("PENDING", "COMPLETED")]
    left = payment["total_money"]["amount"] - sum(
        row["amount_money"]["amount"] for row in counted
    )
    if amount > left:
        raise _refund_error(
            "REFUND_AMOUNT_INVALID", f"Only {left} of the payment is left to refund."
        )
    if len(refunds) >= REFUNDS_LIMIT:
        raise _refund_error("PAYMENT_NOT_REFUNDABLE", "At most 20 refunds a payment.")
    return amount


def _refund_error(code: str, detail: str) -> SquareError:
    return SquareError(400, code, detail, category="REFUND_ERROR")
