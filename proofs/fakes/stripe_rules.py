"""What Stripe demands of a new checkout session beyond the shapes in its documents."""

from typing import Any

from proofs.fakes import stripe_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.stripe_form import StripeError, integer, missing

LINE_ITEMS_LIMIT = 100
EXPIRES_MIN_SECONDS = 30 * 60
EXPIRES_MAX_SECONDS = 24 * 3600
# A caller's clock may be a little off, and its request takes time to arrive.
EXPIRES_SLACK_SECONDS = 60
AMOUNT_MAX_MINOR = 99_999_999
# Stripe's minimum charge, "docs.stripe.com/currencies"; other currencies: 1 here.
MINIMUM_MINOR = {
    "aud": 50,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "sek": 300,
    "sgd": 50,
    "usd": 50,
}
# They change the amount, and this fake does no such sums.
UNSUPPORTED = ("discounts", "shipping_options", "optional_items", "subscription_data")


def session_items(params: Json, ledger: Ledger) -> list[Json]:
    """Check the parameters of a session and build its line items. Raises StripeError."""
    for name in UNSUPPORTED:
        if name in params:
            raise StripeError(400, f"This fake does not do {name}.", param=name)
    if params.get("mode") != "payment":
        raise StripeError(400, "This fake only does mode=payment.", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise StripeError(
            400, "This fake only does ui_mode=hosted_page.", param="ui_mode"
        )
    for name in ("success_url", "cancel_url"):
        address = params.get(name)
        if address is None and name == "cancel_url":
            continue
        if not isinstance(address, str) or not address.startswith(
            ("http://", "https://")
        ):
            raise StripeError(400, "Not a valid URL", code="url_invalid", param=name)
    if len(params.get("client_reference_id", "")) > 200:
        raise StripeError(
            400, "Too long: at most 200 characters", param="client_reference_id"
        )
    check_metadata(params, "metadata")
    check_metadata(
        params.get("payment_intent_data", {}), "payment_intent_data[metadata]"
    )
    _check_expiry(params)
    items = _items(params.get("line_items"), ledger)
    _check_total(items)
    return items


def check_metadata(holder: Any, name: str) -> None:
    """At most 50 keys of 40 characters with values of 500. Raises StripeError."""
    metadata = holder.get("metadata", {}) if isinstance(holder, dict) else None
    if not isinstance(metadata, dict):
        raise StripeError(400, "Invalid object", param=name)
    if len(metadata) > 50:
        raise StripeError(400, "Metadata may have at most 50 keys", param=name)
    for key, value in metadata.items():
        if len(key) > 40 or not isinstance(value, str) or len(value) > 500:
            raise StripeError(
                400, "Metadata keys are at most 40, values 500 long", param=name
            )


def _check_expiry(params: Json) -> None:
    if "expires_at" not in params:
        return
    ahead = integer(params, "expires_at") - objects.now()
    earliest = EXPIRES_MIN_SECONDS - EXPIRES_SLACK_SECONDS
    if not earliest <= ahead <= EXPIRES_MAX_SECONDS + EXPIRES_SLACK_SECONDS:
        raise StripeError(
            400,
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.",
            param="expires_at",
        )


def _items(given: Any, ledger: Ledger) -> list[Json]:
    if not isinstance(given, list) or not given:
        raise missing("line_items")
    if len(given) > LINE_ITEMS_LIMIT:
        raise StripeError(400, "At most 100 line items", param="line_items")
    items = []
    for position, line in enumerate(given):
        where = f"line_items[{position}]"
        if not isinstance(line, dict):
            raise StripeError(400, "Invalid object", param=where)
        quantity = integer(line, "quantity", default=1)
        if quantity < 1:
            raise StripeError(
                400, "Quantity must be at least 1", param=f"{where}[quantity]"
            )
        description, price = _price(line, where, ledger)
        items.append(
            objects.line_item(description, price["unit_amount"], quantity, price)
        )
    return items


def _price(line: Json, where: str, ledger: Ledger) -> tuple[str, Json]:
    if "price" in line:
        stored = ledger.get("price", str(line["price"]))
        if stored is None:
            raise no_such("price", str(line["price"]))
        product = ledger.get("product", stored["product"]) or {}
        return product.get("name", ""), stored
    data = line.get("price_data")
    if not isinstance(data, dict):
        raise missing(f"{where}[price_data]")
    if not isinstance(data.get("currency"), str):
        raise missing(f"{where}[price_data][currency]")
    currency = data["currency"].lower()
    if len(currency) != 3 or not currency.isalpha():
        raise StripeError(
            400, f"Invalid currency: {currency}", param=f"{where}[currency]"
        )
    unit = integer(data, "unit_amount")
    if unit < 0:
        raise StripeError(
            400, "Invalid non-negative integer", param=f"{where}[unit_amount]"
        )
    about = data.get("product_data")
    if not isinstance(about, dict) or not about.get("name"):
        raise missing(f"{where}[price_data][product_data][name]")
    return about["name"], objects.price(currency, unit, objects.new_id("prod"))


def _check_total(items: list[Json]) -> None:
    currency = items[0]["currency"]
    if any(item["currency"] != currency for item in items):
        raise StripeError(
            400, "All line items must have one currency", param="line_items"
        )
    check_amount(sum(item["amount_total"] for item in items), currency)


def check_amount(total: int, currency: str) -> int:
    """The amount itself when Stripe would take it. Raises StripeError."""
    minimum = MINIMUM_MINOR.get(currency, 1)
    if total < minimum:
        raise StripeError(
            400,
            f"The total amount must convert to at least {minimum}.",
            code="amount_too_small",
        )
    if total > AMOUNT_MAX_MINOR:
        raise StripeError(
            400, "Amount must be no more than 99999999", code="amount_too_large"
        )
    return total


def no_such(kind: str, identity: str) -> StripeError:
    return StripeError(
        404, f"No such {kind}: '{identity}'", code="resource_missing", param="id"
    )
