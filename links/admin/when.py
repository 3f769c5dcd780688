"""When a send leaves: now, tomorrow morning, or at a moment by the customer's clock."""

from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services.customers import zone_of

from ..services import later
from ..services.errors import LinkError
from . import typed

NOW, MORNING, AT = "now", "morning", "at"
FIELDS = ("when", "send_at")
BLANK = {"when": NOW, "send_at": ""}


def read(values: Mapping[str, str], customer: Customer | None) -> datetime | None:
    """The moment that a form asks for, UTC; None for now. LinkError names `send_at`."""
    if values.get("when") == MORNING:
        return later.tomorrow_morning(customer)
    if values.get("when") != AT:
        return None
    return typed_moment(values.get("send_at", ""), customer)


def typed_moment(text: str, customer: Customer | None) -> datetime:
    """As typed, by the customer's clock; LinkError names `send_at`."""
    try:
        at = typed.moment(text, zone_of(customer))
    except typed.TypedError as exc:
        raise LinkError(str(exc), "send_at") from exc
    if at is None:
        raise LinkError(_("Say when it is to leave."), "send_at")
    return at
