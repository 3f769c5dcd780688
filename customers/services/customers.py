"""Making customers, and what is known of how to speak to them."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db import transaction

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import Actor

from ..models import ContactKind, ContactPoint, Customer


@dataclass(frozen=True, slots=True)
class CustomerData:
    """What is known of a customer; empty where it is not."""

    name: str
    email: str = ""
    phone: str = ""
    language: str = ""
    time_zone: str = ""
    country: str = ""


def create(data: CustomerData, *, actor: Actor) -> Customer:
    """Add a customer with their addresses."""
    now = clock.now()
    with transaction.atomic():
        customer = Customer.objects.create(
            name=data.name,
            language=data.language,
            time_zone=data.time_zone,
            country=data.country,
            is_sample=Business.objects.current().is_sample,
            created_at=now,
            updated_at=now,
        )
        ContactPoint.objects.bulk_create(
            ContactPoint(customer=customer, kind=kind, value=value, created_at=now)
            for kind, value in (
                (ContactKind.EMAIL, data.email),
                (ContactKind.PHONE, data.phone),
            )
            if value
        )
        audit.record(actor.id, "customer.created", customer.public_id)
    return customer


def language_of(customer: Customer | None) -> str:
    """Their language, or the business's."""
    if customer is not None and customer.language:
        return customer.language
    return Business.objects.current().language


def zone_of(customer: Customer | None) -> ZoneInfo:
    """Their time zone, or the business's."""
    if customer is not None and customer.time_zone:
        return ZoneInfo(customer.time_zone)
    return ZoneInfo(Business.objects.current().time_zone)
