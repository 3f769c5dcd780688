"""Stripe's objects of money: intents, charges, refunds and what they do to the balance."""

import secrets
from typing import Any

from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.stripe_objects import DAY_SECONDS, new_id, now
from proofs.fakes.totals import Totals

FEE_PER_MILLE = 29
FEE_FIXED_MINOR = 30


def fee_minor(amount_minor: int) -> int:
    """2.9 % half up, plus 30 minor units."""
    return (amount_minor * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR


def payment_intent(
    amount: int, currency: str, data: Json, status: str, *, customer: str | None = None
) -> Json:
    """An intent; `data` is a session's payment_intent_data or the caller's own form."""
    identity = new_id("pi")
    return {
        "id": identity,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": amount if status == "succeeded" else 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{identity}_secret_{secrets.token_hex(8)}",
        "confirmation_method": "automatic",
        "created": now(),
        "currency": currency,
        "customer": customer,
        "description": data.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": data.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None if status == "requires_payment_method" else new_id("pm"),
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": data.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }


def charge(intent: Json, *, email: str | None, declined: bool = False) -> Json:
    amount = intent["amount"]
    return {
        "id": new_id("ch"),
        "object": "charge",
        "amount": amount,
        "amount_captured": 0 if declined else amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {
            "address": None,
            "email": email,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "FAKE SHOP",
        "captured": not declined,
        "created": now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": "card_declined" if declined else None,
        "failure_message": "Your card was declined." if declined else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": None,
        "paid": not declined,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": _card_details(amount),
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if declined else "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def balance_transaction(source: Json, kind: str) -> Json:
    """What a charge (kind 'charge') or a refund (kind 'refund') does to the balance."""
    amount = source["amount"] if kind == "charge" else -source["amount"]
    fee = fee_minor(amount) if kind == "charge" else 0
    created = now()
    details = {
        "amount": fee,
        "application": None,
        "currency": source["currency"],
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": created + 2 * DAY_SECONDS,
        "balance_type": "payments",
        "created": created,
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": amount - fee,
        "reporting_category": kind,
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }


def adjustment(dispute: Json, amount: int, fee: int) -> Json:
    """What a dispute takes off the balance, or brings back to it."""
    entry = balance_transaction({**dispute, "amount": amount}, "charge")
    kept = {
        "amount": fee,
        "application": None,
        "currency": dispute["currency"],
        "description": "Dispute fee",
        "type": "stripe_fee",
    }
    return entry | {
        "description": f"Chargeback withdrawal for {dispute['charge']}",
        "fee": fee,
        "fee_details": [kept] if fee else [],
        "net": amount - fee,
        "reporting_category": "dispute" if amount < 0 else "dispute_reversal",
        "type": "adjustment",
    }


def refund(paid: Json, amount_minor: int, params: Json) -> Json:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount_minor,
        "balance_transaction": None,
        "charge": paid["id"],
        "created": now(),
        "currency": paid["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": params.get("metadata", {}),
        "payment_intent": paid["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def totals(ledger: Ledger) -> dict[str, Totals]:
    """The judge's sums by currency, from the objects alone."""
    sums: dict[str, Totals] = {}
    for paid in ledger.objects("charge"):
        if paid["status"] == "succeeded":
            entry = sums.setdefault(paid["currency"].upper(), Totals())
            entry.captured += paid["amount"]
    for given in ledger.objects("refund"):
        if given["status"] == "succeeded":
            entry = sums.setdefault(given["currency"].upper(), Totals())
            entry.refunded += given["amount"]
    for moved in ledger.objects("balance_transaction"):
        if moved["type"] not in ("charge", "refund"):  # disputes, payouts
            continue
        sums[moved["currency"].upper()].fees += moved["fee"]
    return sums


def balance(transactions: list[Json], *, currency: str) -> Json:
    sums: dict[str, int] = {currency: 0}
    for entry in transactions:
        sums[entry["currency"]] = sums.get(entry["currency"], 0) + entry["net"]
    pending = [
        {"amount": amount, "currency": code, "source_types": {"card": amount}}
        for code, amount in sums.items()
    ]
    nothing = [
        {"amount": 0, "currency": code, "source_types": {"card": 0}} for code in sums
    ]
    return {
        "object": "balance",
        "available": nothing,
        "livemode": False,
        "pending": pending,
    }


def _card_details(amount_minor: int) -> dict[str, Any]:
    return {
        "type": "card",
        "card": {
            "amount_authorized": amount_minor,
            "brand": "visa",
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": "US",
            "exp_month": 8,
            "exp_year": 2034,
            "fingerprint": "FakeCardPrint",
            "funding": "credit",
            "installments": None,
            "last4": "4242",
            "mandate": None,
            "network": "visa",
            "three_d_secure": None,
            "wallet": None,
        },
    }
