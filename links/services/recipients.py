"""Where a link's customer can be told, and in which language."""

from collections.abc import Iterable

from customers.models import ContactKind, ContactPoint
from customers.services.customers import language_of
from merchant_portal.business.models import Business
from notifications.models import ChannelName

from ..models import PaymentLink

KIND_OF_CHANNEL = {
    ChannelName.EMAIL: ContactKind.EMAIL,
    ChannelName.SMS: ContactKind.PHONE,
    ChannelName.WHATSAPP: ContactKind.PHONE,
}


def addresses(link: PaymentLink) -> dict[str, str]:
    """channel → primary address of the link's customer, for those that are known."""
    return addresses_of_many([link]).get(link.pk, {})


def addresses_of_many(links: Iterable[PaymentLink]) -> dict[int, dict[str, str]]:
    """link pk → channel → address; one query."""
    links = list(links)
    points = ContactPoint.objects.filter(
        customer_id__in={link.customer_id for link in links if link.customer_id},
        is_primary=True,
    ).values_list("customer_id", "kind", "value")
    by_customer: dict[int, dict[str, str]] = {}
    for customer_id, kind, value in points:
        by_customer.setdefault(customer_id, {})[kind] = value
    return {
        link.pk: {
            channel: known[kind]
            for channel, kind in KIND_OF_CHANNEL.items()
            if kind in known
        }
        for link in links
        if link.customer_id and (known := by_customer.get(link.customer_id))
    }


def language(link: PaymentLink, business: Business | None = None) -> str:
    """The customer's language, or the business's."""
    return language_of(link.customer, business)
