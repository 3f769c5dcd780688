"""Customers for tests."""

from merchant_portal.lib.actors import SYSTEM

from ..models import Customer
from ..services import customers
from ..services.customers import CustomerData


def make_customer(
    name: str = "Ana Silva",
    *,
    email: str = "",
    phone: str = "",
    language: str = "",
    time_zone: str = "",
    country: str = "",
    external_ref: str = "",
    tags: tuple[str, ...] = (),
) -> Customer:
    """A saved customer, made as the product makes them."""
    data = CustomerData(
        name=name,
        email=email,
        phone=phone,
        language=language,
        time_zone=time_zone,
        country=country,
        external_ref=external_ref,
        tags=tags,
    )
    return customers.create(data, actor=SYSTEM)
