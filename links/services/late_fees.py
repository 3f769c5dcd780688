"""Late fees: what a step of a plan asks on top for paying late.

A fee is a link of its own beside the one that is late: the invoice stays as it was
issued, either can be paid without the other, and a fee is waived by canceling it. It is
named in the reminders for what is late and never reminded of by itself.
"""

from datetime import datetime

from django.db.models import Max
from django.utils import translation
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import MAX_MINOR
from merchant_portal.lib.rates import half_up

from ..models import PaymentLink, ReminderStep
from . import links, recipients
from .amounts import LineData
from .links import LinkData
from .reminder_rules import can_be_joined

YEAR_DAYS = 365


def minor(
    link: PaymentLink,
    step: ReminderStep | None,
    business: Business,
    now: datetime,
    since: datetime | None = None,
) -> int:
    """What the step asks on top of a link, minor units; 0 before it is overdue, and
    where the fee is in another currency.

    The fixed part is in the business's currency; interest is of the balance, by days
    from the due date, or from `since`, when a fee was last asked.
    """
    if step is None or not step.has_fee or link.due_on is None:
        return 0
    zone = zone_of(link.customer, business)
    today = now.astimezone(zone).date()
    is_joined = link.customer_id is not None and can_be_joined(link)
    if today <= link.due_on or not is_joined:
        return 0
    begun = max(link.due_on, since.astimezone(zone).date()) if since else link.due_on
    days = max((today - begun).days, 0)
    interest = half_up(
        link.balance.amount_minor * step.interest_bp * days, 10_000 * YEAR_DAYS
    )
    fixed = step.fee_minor if link.currency == business.currency else 0
    return min(fixed + interest, MAX_MINOR)


def charge(
    link: PaymentLink, step: ReminderStep | None, business: Business, now: datetime
) -> PaymentLink | None:
    """Make the link of a fee in the caller's transaction, who holds the late one locked;
    None where the step asks for none. Once for each step."""
    if step is None or not step.has_fee:
        return None
    since = link.fees.aggregate(last=Max("created_at"))["last"]
    amount = minor(link, step, business, now, since)
    key = f"fee:{link.public_id}:{step.pk}"
    if not amount or PaymentLink.objects.filter(creation_key=key).exists():
        return None
    with translation.override(recipients.language(link, business)):
        words = f"{_('Late fee')}: {link.number}"
    data = LinkData(
        customer=link.customer,
        currency=link.currency,
        lines=(LineData(words, amount),),
        creation_key=key,
        allowed_providers=tuple(link.allowed_providers),
        has_reminders=False,
    )
    fee = links.insert(data, actor=SYSTEM, is_alone=False)
    fee.created_by_id = link.created_by_id
    fee.fee_of = link
    fee.last_sent_at, fee.last_channels = now, link.last_channels
    fee.save(update_fields=["created_by", "fee_of", "last_sent_at", "last_channels"])
    detail = {"amount_minor": amount, "currency": link.currency}
    links.note(link, "fee.charged", SYSTEM, now, number=fee.number, **detail)
    links.note(fee, "fee.of", SYSTEM, now, number=link.number)
    return fee
