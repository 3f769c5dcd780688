"""The hosted payment page of the fake PayPal, plain HTML for browsers and scripts."""

import html

from proofs.fakes.ledger import Json

OUTCOMES = {
    "pay": "Pay",
    "decline": "Pay with a card that is declined",
    "later": "Pay with an eCheck",
    "cancel": "Go back",
}


def form(order: Json) -> str:
    unit = order["purchase_units"][0]
    lines = "".join(
        f"<li>{html.escape(item['name'])}: {html.escape(item['unit_amount']['value'])}"
        f" x {html.escape(item['quantity'])}</li>"
        for item in unit.get("items", ())
    )
    buttons = "".join(
        f'<button name="outcome" value="{value}">{label}</button> '
        for value, label in OUTCOMES.items()
    )
    amount = f"{unit['amount']['value']} {unit['amount']['currency_code']}"
    about = html.escape(unit.get("description", ""))
    return _document(
        f"<p>To pay: <strong>{amount}</strong> {about}</p><ul>{lines}</ul>"
        f'<form method="post">{buttons}</form>'
    )


def closed(message: str) -> str:
    return _document(f'<p role="alert">{html.escape(message)}</p>')


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        "<title>Fake PayPal checkout</title></head><body>"
        f"<h1>Fake PayPal checkout</h1>{body}</body></html>"
    )
