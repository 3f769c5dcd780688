"""The hosted payment page of the fake Stripe, plain HTML for browsers and scripts."""

import html

from proofs.fakes.ledger import Json

OUTCOMES = {
    "pay": "Pay",
    "decline": "Pay with a card that is declined",
    "later": "Pay with a slow method",
    "cancel": "Go back",
}


def form(session: Json, items: list[Json], *, notice: str = "") -> str:
    lines = "".join(
        f"<li>{html.escape(item['description'])}: {item['amount_total']}</li>"
        for item in items
    )
    buttons = "".join(
        f'<button name="outcome" value="{value}">{label}</button> '
        for value, label in OUTCOMES.items()
    )
    warning = f'<p role="alert">{html.escape(notice)}</p>' if notice else ""
    amount = f"{session['amount_total']} {html.escape(session['currency'].upper())}"
    return _document(
        f"{warning}<p>To pay: <strong>{amount}</strong> in minor units</p><ul>{lines}</ul>"
        f'<form method="post">{buttons}</form>'
    )


def closed(message: str) -> str:
    return _document(f'<p role="alert">{html.escape(message)}</p>')


def _document(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        "<title>Fake Stripe checkout</title></head><body>"
        f"<h1>Fake Stripe checkout</h1>{body}</body></html>"
    )
