"""What PayPal demands of a new order or refund beyond the documents' shapes."""

from typing import Any

from proofs.fakes.ledger import Json
from proofs.fakes.paypal_errors import PayPalError, missing
from proofs.fakes.paypal_money import minor_units, parsed

KEY_LIMIT = 108
UNIT = "/purchase_units/0"
KEPT_IN_UNIT = {
    "reference_id": 256,
    "description": 127,
    "custom_id": 127,
    "invoice_id": 127,
    "soft_descriptor": 22,
}
# They change who gets the money or how much, and this fake does no such sums.
UNSUPPORTED_IN_UNIT = ("payee", "payment_instruction", "shipping", "supplementary_data")
ADDED = ("item_total", "tax_total", "shipping", "handling", "insurance")
TAKEN_OFF = ("shipping_discount", "discount")


def purchase_unit(body: Json) -> Json:
    """The only purchase unit of a new order, as far as it is kept. Raises PayPalError."""
    if not body.get("intent"):
        raise missing("/intent")
    if body["intent"] == "AUTHORIZE":
        raise PayPalError(400, "NOT_SUPPORTED", field="/intent")
    if body["intent"] != "CAPTURE":
        raise PayPalError(400, "INVALID_PARAMETER_VALUE", field="/intent")
    units = body.get("purchase_units")
    if not isinstance(units, list):
        raise missing("/purchase_units")
    if not units:
        raise PayPalError(400, "INVALID_ARRAY_MIN_ITEMS", field="/purchase_units")
    if len(units) > 1:
        raise PayPalError(400, "NOT_SUPPORTED", field="/purchase_units/1")
    unit = units[0]
    if not isinstance(unit, dict):
        raise missing(f"{UNIT}/amount")
    for name in UNSUPPORTED_IN_UNIT:
        if unit.get(name):
            raise PayPalError(400, "NOT_SUPPORTED", field=f"{UNIT}/{name}")
    for name, limit in KEPT_IN_UNIT.items():
        check_text(unit, name, limit, UNIT)
    _check_amount(unit)
    kept = {name: unit[name] for name in KEPT_IN_UNIT if unit.get(name) is not None}
    items = {"items": unit["items"]} if unit.get("items") else {}
    return {"reference_id": "default", "amount": unit["amount"]} | kept | items


def addresses(body: Json) -> Json:
    """return_url and cancel_url, {} where neither is given. Raises PayPalError."""
    source = part(body, "payment_source")
    for name in source:
        if name != "paypal":
            raise PayPalError(400, "NOT_SUPPORTED", field=f"/payment_source/{name}")
    context = part(
        part(source, "paypal", "/payment_source"),
        "experience_context",
        "/payment_source/paypal",
    )
    # Deprecated, but still taken.
    context = context or part(body, "application_context")
    found = {}
    for name in ("return_url", "cancel_url"):
        address = context.get(name)
        if address is None:
            continue
        if not isinstance(address, str) or not address.startswith(
            ("http://", "https://")
        ):
            raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field=f"/{name}")
        found[name] = address
    return found


def part(holder: Json, name: str, where: str = "") -> Json:
    """The object of that name, {} where there is none. Raises PayPalError."""
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field=f"{where}/{name}")
    return value


def check_text(holder: Json, name: str, limit: int, where: str = "") -> None:
    value = holder.get(name)
    if value is None:
        return
    if not isinstance(value, str):
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field=f"{where}/{name}")
    if not 1 <= len(value) <= limit:
        raise PayPalError(400, "INVALID_STRING_LENGTH", field=f"{where}/{name}")


def _check_amount(unit: Json) -> None:
    field = f"{UNIT}/amount"
    total, currency = parsed(unit.get("amount"), field)
    breakdown = part(unit["amount"], "breakdown", field)
    parts = {
        name: _of_currency(given, f"{field}/breakdown/{name}", currency)
        for name, given in breakdown.items()
    }
    _check_items(unit.get("items"), parts.get("item_total"), currency)
    if not parts:
        return
    added = sum(parts.get(name, 0) for name in ADDED)
    if total != added - sum(parts.get(name, 0) for name in TAKEN_OFF):
        raise PayPalError(422, "AMOUNT_MISMATCH", field=f"{field}/value")


def _check_items(items: Any, expected: int | None, currency: str) -> None:
    if not items:
        return
    if not isinstance(items, list):
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field=f"{UNIT}/items")
    total = 0
    for position, item in enumerate(items):
        where = f"{UNIT}/items/{position}"
        if not isinstance(item, dict):
            raise PayPalError(400, "INVALID_PARAMETER_SYNTAX", field=where)
        for name, limit in (("name", 127), ("quantity", 10)):
            if item.get(name) is None:
                raise missing(f"{where}/{name}")
            check_text(item, name, limit, where)
        check_text(item, "description", 127, where)
        if item.get("tax"):
            raise PayPalError(400, "NOT_SUPPORTED", field=f"{where}/tax")
        if not item["quantity"].isascii() or not item["quantity"].isdigit():
            raise PayPalError(
                400, "INVALID_PARAMETER_SYNTAX", field=f"{where}/quantity"
            )
        each = _of_currency(item.get("unit_amount"), f"{where}/unit_amount", currency)
        total += int(item["quantity"]) * each
    field = f"{UNIT}/amount/breakdown/item_total"
    if expected is None:
        raise PayPalError(422, "ITEM_TOTAL_REQUIRED", field=field)
    if total != expected:
        raise PayPalError(422, "ITEM_TOTAL_MISMATCH", field=f"{field}/value")


def _of_currency(given: Any, field: str, currency: str) -> int:
    minor, other = parsed(given, field, least=0)
    if other != currency:
        raise PayPalError(422, "MULTI_CURRENCY_ORDER", field=f"{field}/currency_code")
    return minor


def refund_minor(body: Json, capture: Json, refunds: list[Json]) -> int:
    """What to give back of a capture that has these refunds. Raises PayPalError."""
    for name, limit in (
        ("custom_id", 127),
        ("invoice_id", 127),
        ("note_to_payer", 255),
    ):
        check_text(body, name, limit)
    if body.get("payment_instruction"):
        raise PayPalError(422, "REFUND_NOT_ALLOWED")
    if capture["status"] == "PENDING":
        raise PayPalError(422, "PENDING_CAPTURE")
    if capture["status"] == "DECLINED":
        raise PayPalError(422, "REFUND_NOT_ALLOWED")
    # Those under way count too: else two at once could give back more than came in.
    counted = [row for row in refunds if row["status"] in ("PENDING", "COMPLETED")]
    paid = capture["amount"]
    left = minor_units(paid) - sum(minor_units(row["amount"]) for row in counted)
    if left == 0:
        raise PayPalError(422, "CAPTURE_FULLY_REFUNDED")
    if body.get("amount") is None:
        return left
    asked, currency = parsed(
        body["amount"], "/amount", too_fine="DECIMALS_NOT_SUPPORTED"
    )
    if currency != paid["currency_code"]:
        raise PayPalError(
            422, "REFUND_CAPTURE_CURRENCY_MISMATCH", field="/amount/currency_code"
        )
    if asked > left:
        raise PayPalError(422, "REFUND_AMOUNT_EXCEEDED", field="/amount/value")
    return asked
