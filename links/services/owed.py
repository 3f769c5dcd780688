"""What a customer owes: the links that one page pays in one go, and its address."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from customers.models import Customer
from merchant_portal.lib import clock, signing

from ..models import LineItem, Payment, PaymentLink, PaymentState
from . import pauses, reminder_rules, reminders

PURPOSE = "owed"
MOST = 50
# links on one page and in one session; who owes more pays twice


def url_of(customer_pk: int) -> str:
    """The address of the page for all that a customer owes; the same each time, stored
    nowhere, logged nowhere."""
    return f"{settings.PUBLIC_URL}/owed/{token_of(customer_pk)}/"


def token_of(customer_pk: int) -> str:
    return signing.sign(PURPOSE, str(customer_pk))


@dataclass(frozen=True, slots=True)
class Owed:
    """What stands on a customer's page: `links`, of these those whose payment is on its
    way, and those that can wait: not due yet, or the customer wrote about them.
    `descriptions`: link pk → what its first line says."""

    customer: Customer
    links: Sequence[PaymentLink]
    processing: frozenset[int]
    waiting: frozenset[int]
    descriptions: dict[int, str]
    read_at: datetime

    @property
    def by_currency(self) -> dict[str, list[PaymentLink]]:
        """What can be paid now, as many sums as there are currencies."""
        found: dict[str, list[PaymentLink]] = {}
        for link in self.links:
            if link.pk not in self.processing:
                found.setdefault(link.currency, []).append(link)
        return found


def find_by_token(raw: str) -> Owed | None:
    """The page behind an address as it was typed; None for one that we never made. The
    same number of queries, however much is owed."""
    customer = customer_of(raw)
    if customer is None:
        return None
    now = clock.now()
    paying = Payment.objects.filter(link=OuterRef("pk"), state=PaymentState.PROCESSING)
    first = LineItem.objects.filter(link=OuterRef("pk"), position=0)
    links: Sequence[PaymentLink] = list(
        open_links([customer.pk], now).annotate(
            is_processing=Exists(paying),
            first_line=Subquery(first.values("description")[:1]),
        )[:MOST]
    )
    resting = pauses.rests([link.public_id for link in links])
    return Owed(
        customer,
        links,
        frozenset(link.pk for link in links if vars(link)["is_processing"]),
        frozenset(
            link.pk
            for link in links
            if _can_wait(link, now) or link.public_id in resting
        ),
        {link.pk: vars(link)["first_line"] or "" for link in links},
        now,
    )


def _can_wait(link: PaymentLink, now: datetime) -> bool:
    is_promised = link.promise_due_at is not None and link.promise_due_at > now
    return is_promised or (link.due_on is not None and link.due_on > now.date())


def customer_of(raw: str) -> Customer | None:
    """Whose page stands behind an address as it was typed; None for one we never made."""
    try:
        pk = signing.unsign(PURPOSE, signing.without_trailing(raw))
    except signing.BadSignature:
        return None
    return Customer.objects.filter(pk=int(pk)).first()


def open_links(
    customers: Collection[int], now: datetime
) -> QuerySet[PaymentLink, PaymentLink]:
    """What these customers were asked for and have not paid, oldest first: what can be
    paid together. A link on which money is under way is among them."""
    not_over = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    owes = Q(amount_paid_minor__lt=F("amount_minor"))
    return PaymentLink.objects.filter(
        reminders.IS_OUT,
        reminder_rules.CAN_BE_JOINED,
        owes,
        not_over,
        customer__in=customers,
    ).order_by("pk")
