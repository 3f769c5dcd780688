"""Whom a link is for: picked by type-ahead, added in place, or nobody named."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from customers import visibility
from customers.models import ContactKind, ContactPoint, Customer
from customers.services import contacts, customers
from customers.services.contacts import ContactError
from customers.services.customers import CustomerData
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from . import typed
from .entry import needs, who

if TYPE_CHECKING:
    from .link_form import LinkForm

EXISTING, NEW, NOBODY = "existing", "new", "nobody"
MAX_OPTIONS = 8
MAX_TERM = 200


@require_GET
@needs(Right.LINKS_WRITE)
@needs(Right.CUSTOMERS_READ)
def options(request: HttpRequest) -> JsonResponse:
    """Customers for the type-ahead: `?q=`, at most MAX_OPTIONS; two queries."""
    term = request.GET.get("q", "").replace("\x00", "").strip()[:MAX_TERM]
    found = list(_search(who(request), term)[:MAX_OPTIONS]) if term else []
    known = addresses_of(found)
    return JsonResponse(
        {
            "customers": [
                {
                    "id": customer.public_id,
                    "name": customer.name,
                    "email": known[customer.pk].get(ContactKind.EMAIL, ""),
                    "phone": known[customer.pk].get(ContactKind.PHONE, ""),
                }
                for customer in found
            ]
        }
    )


def _search(user: User, term: str) -> QuerySet[Customer]:
    """Among those whom this member of staff may see."""
    seen = visibility.visible_to(user).values("pk")
    return customers.search(term).filter(pk__in=seen)


def addresses_of(found: list[Customer]) -> dict[int, dict[str, str]]:
    """customer pk → kind → primary address; one query."""
    known: dict[int, dict[str, str]] = {customer.pk: {} for customer in found}
    points = ContactPoint.objects.filter(customer__in=found, is_primary=True)
    for customer_pk, kind, value in points.values_list("customer_id", "kind", "value"):
        known[customer_pk][kind] = value
    return known


def check(form: "LinkForm", user: User) -> tuple[Customer | None, CustomerData | None]:
    """The customer picked, or the one to add; errors go into the form."""
    chosen = form.values["who"]
    if chosen == NOBODY:
        return None, None
    if chosen == NEW:
        return None, _new(form)
    _pick(form, user)
    return form.customer, None


def _pick(form: "LinkForm", user: User) -> None:
    """By the id that the type-ahead filled in, else by what was typed."""
    public_id, query = form.values["customer"], form.values["customer_query"].strip()
    if public_id:
        picked = picked_by(user, public_id)
        if picked is not None and (not query or query == picked.name):
            form.show_customer(picked)
            return
    if not query:
        form.errors["customer"] = _("Pick a customer, or add a new one.")
        return
    found = list(_search(user, query.replace("\x00", "")[:MAX_TERM])[:2])
    if len(found) == 1:
        form.show_customer(found[0])
    elif found:
        form.errors["customer"] = _(
            "More than one customer matches. Write more of the name, or the e-mail."
        )
    else:
        form.errors["customer"] = _(
            "Nobody is found by that. Check the spelling or add a new customer."
        )


def picked_by(user: User, public_id: str) -> Customer | None:
    """The customer of this id, if they may see them."""
    known = visibility.visible_to(user).filter(erased_at__isnull=True)
    return known.filter(public_id=public_id[:64]).first()


def _new(form: "LinkForm") -> CustomerData | None:
    values = form.values
    languages = [code for code, _name in settings.LANGUAGES]
    name = email = phone = ""
    try:
        name = typed.line(values["new_name"])
        if not name:
            form.errors["new_name"] = _("Write the customer's name.")
    except typed.TypedError as exc:
        form.errors["new_name"] = str(exc)
    try:
        email = contacts.parse_email(values["new_email"]) if values["new_email"] else ""
    except ContactError as exc:
        form.errors["new_email"] = str(exc)
    try:
        phone = _phone(form)
    except ContactError as exc:
        form.errors["new_phone"] = str(exc)
    if values["new_language"] not in languages:
        form.errors["new_language"] = _("Choose a language.")
    if any(field.startswith("new_") for field in form.errors):
        return None
    return CustomerData(
        name=name, email=email, phone=phone, language=values["new_language"]
    )


def _phone(form: "LinkForm") -> str:
    raw = form.values["new_phone"].strip()
    if not raw:
        return ""
    return contacts.parse_phone(raw, form.business.country)
