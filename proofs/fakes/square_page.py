"""The hosted payment page of the fake Square, plain HTML for browsers and scripts."""

import html

from proofs.fakes.ledger import Json

OUTCOMES = {
    "pay": "Pay",
    "decline": "Pay with a card that is declined",
    "later": "Pay by bank transfer",
    "cancel": "Go back",
}


def form(order: Json, *, notice: str = "") -> str:
    lines = "".join(
        f"<li>{html.escape(item['name'])}: {item['total_money']['amount']}</li>"
        for item in order["line_items"]
    )
    buttons = "".join(
        f'<button name="outcome" value="{value}">{label}</button> '
        for value, label in OUTCOMES.items()
    )
    warning = f'<p role="alert">{html.escape(notice)}</p>' if notice else ""
    total = order["total_money"]
    amount = f"{total['amount']} {html.escape(total['currency'])}"
    return _document(
        f"{warning}<p>To pay: <strong>{amount}</strong> in minor units</p><ul>{lines}</ul>"
        f'<form method="post">{buttons}</form>'
    )


def closed(message: str) -> str:
    return _document(f'<p role="alert">{html.escape(message)}</p>')


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        "<title>Fake Square checkout</title></head><body>"
        f"<h1>Fake Square checkout</h1>{body}</body></html>"
    )
