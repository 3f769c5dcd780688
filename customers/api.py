"""Customers over the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status
from pydantic import BaseModel, Field

from merchant_portal.lib.api_schemas import Input, PageQuery, PathId, page
from merchant_portal.lib.problems import Problem, invalid, not_found
from merchant_portal.staff.api_auth import Guard, actor_of, idempotent
from merchant_portal.staff.roles import Right

from .models import ContactKind, Customer
from .services import contacts, customers
from .services.customers import CustomerData, CustomerError

router = Router(tags=["customers"])

Line = Annotated[str, Field(max_length=800)]
Code = Annotated[str, Field(max_length=64)]
Tag = Annotated[str, Field(max_length=40)]


class CustomerIn(Input):
    """A customer; what is left out or null is unknown."""

    name: Line
    email: Annotated[str, Field(max_length=320)] | None = None
    phone: Annotated[str, Field(max_length=64)] | None = None
    language: Code | None = None
    time_zone: Code | None = None
    country: Code | None = None
    preferred_channel: Code | None = None
    source: Annotated[str, Field(max_length=40)] | None = None
    external_ref: Annotated[str, Field(max_length=100)] | None = None
    tags: Annotated[list[Tag], Field(max_length=50)] | None = None
    note: Annotated[str, Field(max_length=4000)] | None = None
    address: Annotated[str, Field(max_length=500)] | None = None
    tax_id: Annotated[str, Field(max_length=40)] | None = None


class CustomerPatch(CustomerIn):
    """What is left out stays as it is; null empties it."""

    name: Line = ""


class CustomerOut(BaseModel):
    id: str
    name: str
    email: str
    phone: str
    language: str
    time_zone: str
    country: str
    preferred_channel: str
    source: str
    external_ref: str
    tags: list[str]
    note: str
    address: str
    tax_id: str
    created_at: datetime
    updated_at: datetime


class CustomerPage(BaseModel):
    items: list[CustomerOut]
    next: str | None


class CustomerQuery(PageQuery):
    external_ref: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    source: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    email: Annotated[str, Field(min_length=1, max_length=320)] | None = None


def _fields(body: CustomerIn) -> dict[str, Any]:
    """What the body says, with null as empty."""
    said = body.model_dump(exclude_unset=True)
    return {
        name: value if value is not None else ([] if name == "tags" else "")
        for name, value in said.items()
    }


def shown(customer: Customer) -> CustomerOut:
    """`customer` with its contact points prefetched."""
    primary = {
        point.kind: point.value
        for point in customer.contact_points.all()
        if point.is_primary
    }
    return CustomerOut(
        id=customer.public_id,
        name=customer.name,
        email=primary.get(ContactKind.EMAIL, ""),
        phone=primary.get(ContactKind.PHONE, ""),
        language=customer.language,
        time_zone=customer.time_zone,
        country=customer.country,
        preferred_channel=customer.preferred_channel,
        source=customer.source,
        external_ref=customer.external_ref,
        tags=customer.tags,
        note=customer.note,
        address=customer.address,
        tax_id=customer.tax_id,
        created_at=customer.created_at,
        updated_at=customer.updated_at,
    )


def find(public_id: str, *, lock: bool = False) -> Customer:
    """The customer of this id, or a 404; `lock` keeps others from changing it."""
    rows = Customer.objects.prefetch_related("contact_points")
    if lock:
        rows = rows.select_for_update()
    customer = rows.filter(public_id=public_id).first()
    if customer is None:
        raise not_found("There is no customer with this id.")
    return customer


@contextmanager
def _as_problems(source: str, external_ref: str) -> Iterator[None]:
    try:
        yield
    except CustomerError as exc:
        known = (
            Customer.objects.filter(source=source, external_ref=external_ref).first()
            if exc.field == "external_ref" and external_ref
            else None
        )
        if known is None:
            place = {"pointer": f"/{exc.field}"} if exc.field else {}
            raise invalid(str(exc), **place) from exc
        raise Problem(
            409,
            "conflict",
            str(exc),
            errors=[{"pointer": "/external_ref", "detail": f"See {known.public_id}."}],
        ) from exc


@router.post("", auth=Guard(Right.CUSTOMERS_WRITE), response={201: CustomerOut})
@idempotent()
def create_customer(request: HttpRequest, body: CustomerIn) -> Status[CustomerOut]:
    """Add a customer. A known pair of source and external_ref is refused with 409."""
    data = CustomerData(**_fields(body))
    with _as_problems(data.source, data.external_ref):
        customer = customers.create(data, actor=actor_of(request))
    return Status(201, shown(find(customer.public_id)))


@router.get("", auth=Guard(Right.CUSTOMERS_READ), response=CustomerPage)
def list_customers(request: HttpRequest, query: Query[CustomerQuery]) -> CustomerPage:
    """Customers, newest first."""
    rows = Customer.objects.prefetch_related("contact_points")
    if query.external_ref is not None:
        rows = rows.filter(external_ref=query.external_ref)
    if query.source is not None:
        rows = rows.filter(source=query.source)
    if query.email is not None:
        rows = rows.filter(
            contact_points__kind=ContactKind.EMAIL,
            contact_points__value=_canonical_email(query.email),
        )
    found, following = page(rows, query)
    return CustomerPage(items=[shown(customer) for customer in found], next=following)


def _canonical_email(text: str) -> str:
    try:
        return contacts.parse_email(text)
    except contacts.ContactError as exc:
        raise invalid(str(exc), parameter="email") from exc


@router.get("/{customer_id}", auth=Guard(Right.CUSTOMERS_READ), response=CustomerOut)
def get_customer(request: HttpRequest, customer_id: PathId) -> CustomerOut:
    """One customer."""
    return shown(find(customer_id))


@router.patch("/{customer_id}", auth=Guard(Right.CUSTOMERS_WRITE), response=CustomerOut)
def change_customer(
    request: HttpRequest, customer_id: PathId, body: CustomerPatch
) -> CustomerOut:
    """Change what is named; everything else stays."""
    with transaction.atomic():
        # Locked before it is read: two changes of different fields both stay.
        customer = find(customer_id, lock=True)
        now = shown(customer).model_dump()
        kept = {name: now[name] for name in CustomerIn.model_fields}
        data = CustomerData(**{**kept, **_fields(body)})
        with _as_problems(data.source, data.external_ref):
            customers.update(customer, data, actor=actor_of(request))
    return shown(find(customer_id))
