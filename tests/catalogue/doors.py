"""The ways in that a stranger, a script or a member of staff has."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connection, models
from django.test import Client

from customers.models import Customer
from links.models import PaymentLink
from links.services import pages
from notifications.models import Message
from tests.api.client import Caller

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

ADD_LINK = "/admin/links/paymentlink/add/"
ADD_CUSTOMER = "/admin/customers/customer/add/"
LINE: dict[str, Any] = {"description": "Chair", "unit_amount_minor": 1250}
LINK_FORM: dict[str, Any] = {
    "who": "nobody",
    "new_language": "en",
    "currency": "EUR",
    "has_reminders": "on",
    "action": "link",
    "line_description": "Chair",
    "line_quantity": "1",
    "line_unit_amount": "12.50",
    "line_discount": "",
    "line_tax": "",
}
CUSTOMER_FORM: dict[str, str] = {
    "name": "Ana Silva",
    "email": "ana@example.com",
    "phone": "",
    "preferred_channel": "",
    "language": "",
    "time_zone": "",
    "country": "",
    "source": "",
    "external_ref": "",
    "tags": "",
    "note": "",
}


@dataclass(frozen=True)
class Doors:
    """A script with a key for everything, and a browser that the owner is signed in to."""

    api: Caller
    browser: Client

    def ask_link(self, line: dict[str, Any] | None = None, **more: Any) -> "Response":
        """POST a link over the API; `line` changes its only line."""
        body = {"currency": "EUR", "lines": [{**LINE, **(line or {})}], **more}
        return self.api.post("links", body)

    def ask_customer(self, **fields: Any) -> "Response":
        return self.api.post("customers", {"name": "Ana Silva", **fields})

    def fill_link(self, **fields: Any) -> "Response":
        """Send the form of a new link, as a browser does."""
        form = {**LINK_FORM, "creation_key": "frm_0123456789abcdefghij", **fields}
        return self.browser.post(ADD_LINK, form)

    def fill_customer(self, **fields: str) -> "Response":
        return self.browser.post(ADD_CUSTOMER, {**CUSTOMER_FORM, **fields})


def tables() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    found = {}
    with connection.cursor() as cursor:
        for name in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")  # noqa: S608 - its own names
            found[name] = sorted(cursor.fetchall(), key=repr)
    return found


def too_wide() -> list[str]:
    """Values that PostgreSQL would not take; SQLite keeps texts of any length."""
    return [
        f"{model._meta.label}.{column.attname}"
        for model in apps.get_models()
        for column in model._meta.concrete_fields
        if isinstance(column, models.CharField) and column.max_length
        for value in model._base_manager.values_list(column.attname, flat=True)
        if value and len(value) > column.max_length
    ]


def nothing_stored() -> bool:
    return not (
        Customer.objects.exists()
        or PaymentLink.objects.exists()
        or Message.objects.exists()
    )


def path_of(link: PaymentLink) -> str:
    return f"/p/{pages.token_of(link)}/"
