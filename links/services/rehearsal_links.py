"""The links of a rehearsal, read so that what decides on each other is together."""

from collections.abc import Iterator

from django.db.models import Count, QuerySet

from customers.models import ContactPoint

from ..models import PaymentLink
from . import reminder_facts, reminders

CHUNK = 1000
# links looked at together; what is kept of them is let go before the next ones
_READ = (
    *reminder_facts.SIBLING,
    *("reminder_plan", "customer__name", "customer__language"),
    *("customer__time_zone", "customer__country"),
)
# of a link and its customer; the rest of the rows is left where it is


def chunks(links: QuerySet[PaymentLink]) -> Iterator[list[PaymentLink]]:
    """Links by customer; those who share an address are together, for the daily limit."""
    open_ = links.filter(reminders.IS_OUT).select_related("customer").only(*_READ)
    shared = (
        ContactPoint.objects.filter(is_primary=True)
        .values("kind", "value")
        .annotate(count=Count("customer"))
        .filter(count__gt=1)
    )
    together = set(
        ContactPoint.objects.filter(
            is_primary=True, value__in=shared.values("value")
        ).values_list("customer", flat=True)
    )
    if together:
        yield list(open_.filter(customer__in=together).order_by("pk"))
    chunk: list[PaymentLink] = []
    for link in open_.order_by("customer_id", "pk").iterator(CHUNK):
        if link.customer_id in together:
            continue
        is_full = len(chunk) >= CHUNK
        if is_full and link.customer_id != chunk[-1].customer_id:
            yield chunk
            chunk = []
        chunk.append(link)
    if chunk:
        yield chunk
