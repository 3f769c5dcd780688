"""Forms of the create screen as a browser posts them."""

from typing import Any

from customers.models import Customer
from merchant_portal.lib import ids

ADD = "/admin/links/paymentlink/add/"


def filled(customer: Customer | None = None, **changes: Any) -> dict[str, Any]:
    """A form as a browser posts it, good unless `changes` say otherwise."""
    return {
        "who": "existing" if customer else "nobody",
        "customer": customer.public_id if customer else "",
        "customer_query": customer.name if customer else "",
        "new_language": "en",
        "currency": "EUR",
        "line_description": ["Birthday cake"],
        "line_quantity": ["1"],
        "line_unit_amount": ["12.50"],
        "line_discount": [""],
        "line_tax": [""],
        "has_reminders": "on",
        "creation_key": ids.new("frm"),
        "action": "link",
        **changes,
    }


def errors_of(answer: Any) -> dict[str, str]:
    form = answer.context["form"]
    rows = {
        f"{index}.{name}": text
        for index, row in enumerate(form.lines)
        for name, text in row.errors.items()
    }
    return {**form.errors, **rows}
