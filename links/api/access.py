"""Which links a key may see, and what the services' refusals are over the API."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from django.db.models import QuerySet

from merchant_portal.lib.problems import Problem, invalid, not_found
from merchant_portal.staff.api_auth import allows
from merchant_portal.staff.models import ApiKey
from merchant_portal.staff.roles import Right

from ..models import PaymentLink
from ..services.errors import LinkConflict, LinkError

_FIELD_NAMES = {
    "unit_amount": "unit_amount_minor",
    "tax": "tax_rate",
    "quantity_max": "quantity_range",
    "amount_kind": "terms/kind",
    "minimum": "terms/minimum_minor",
    "maximum": "terms/maximum_minor",
    "presets": "terms/presets_minor",
    "deposit": "terms/deposit_minor",
    "tips": "terms/tips_bp",
    "reusable": "terms/reusable",
    "use_limit": "terms/use_limit",
    "inactive_message": "terms/inactive_message",
}
"""Names of the services → names in a body, where they differ."""


def visible_to(key: ApiKey) -> QuerySet[PaymentLink]:
    """Every link for a key with links:all or *; else those made for the key's owner.

    The owner of a key is the member of staff who made it; a key made from the command
    line has none and sees the links of keys without one.
    """
    if allows(key, Right.LINKS_ALL):
        return PaymentLink.objects.all()
    return PaymentLink.objects.filter(created_by_id=key.created_by_id)


def shown_to(key: ApiKey) -> QuerySet[PaymentLink]:
    """`visible_to` with all that LinkOut reads: two queries for any number of links."""
    joined = ("customer", "replaces", "reminder_plan")
    return visible_to(key).select_related(*joined).prefetch_related("lines")


def find(key: ApiKey, public_id: str) -> PaymentLink:
    """The link of this id, or the 404 that unknown and foreign ids share."""
    link = shown_to(key).filter(public_id=public_id).first()
    if link is None:
        raise not_found("There is no payment link with this id.")
    return link


@contextmanager
def as_problems() -> Iterator[None]:
    """LinkConflict → 409, LinkError → 422 with a pointer to the field at fault."""
    try:
        yield
    except LinkConflict as exc:
        raise Problem(HTTPStatus.CONFLICT, "conflict", exc.message) from exc
    except LinkError as exc:
        place = {"pointer": _pointer(exc.field)} if exc.field else {}
        raise invalid(exc.message, **place) from exc


def _pointer(field: str) -> str:
    parts = [_FIELD_NAMES.get(part, part) for part in re.split(r"\.", field)]
    return "/" + "/".join(parts)
