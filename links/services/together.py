"""What one message says of several links: a reminder for all that a customer owes, and
the receipt of a payment for several."""

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import ngettext

from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from notifications.models import ChannelName, Message

from ..models import Payment, PaymentLink
from . import asking, owed, reminder_facts, reminder_rules

Values = dict[str, str]
_CUSTOMER = "cus_"
_MOST, _MOST_IN_SHORT = 20, 3
# numbers in a mail, and in a text of few signs; an ellipsis stands for the rest


def is_for_all(message: Message) -> bool:
    """Whether it is a reminder for all that a customer owes; its subject says so."""
    return message.subject_id.startswith(_CUSTOMER)


def urls(messages: Sequence[Message], links: Iterable[PaymentLink]) -> dict[int, str]:
    """pk of such a message → the page on which all is paid in one go."""
    customers = {link.public_id: link.customer_id for link in links}
    return {
        message.pk: owed.url_of(pk)
        for message in messages
        if (pk := customers.get(message.reference)) is not None
    }


def owed_along(
    messages: Sequence[Message], links: Mapping[str, PaymentLink]
) -> dict[str, list[PaymentLink]]:
    """public id of a link that one of these is about → it, and what else is owed by now;
    few queries, none where no reminder is for all."""
    leads = {
        message.reference: links[message.reference]
        for message in messages
        if is_for_all(message) and message.reference in links
    }
    if not leads:
        return {}
    now = clock.now()
    facts = reminder_facts.of(list(leads.values()), now)
    reminder_facts.join(facts, now)
    return {
        reference: [
            link,
            *(
                each.link
                for each in facts[link.pk].siblings
                if reminder_rules.is_owed(each, now)
            ),
        ]
        for reference, link in leads.items()
    }


def of_all(links: Sequence[PaymentLink], channel: str, language: str) -> Values:
    """What a reminder says instead, in the active language, where several are owed."""
    if len(links) < 2:
        return {}
    links = sorted(links, key=lambda link: link.pk)[: owed.MOST]
    known = [(link, asking.due_now(link)) for link in links]
    is_short = channel != ChannelName.EMAIL
    most = _MOST_IN_SHORT if is_short else _MOST
    numbers = [
        str(link.number) if is_short else f"{link.number} ({asked.format(language)})"
        for link, asked in known[:most]
    ]
    if len(known) > most:
        numbers.append("…")
    total = _sum([asked for _link, asked in known], language)
    words = ngettext("%(count)s open payment", "%(count)s open payments", len(links))
    return {
        "amount": total,
        "balance": total,
        "number": ", ".join(numbers),
        "description": words % {"count": len(links)},
    }


def of_receipt(
    parts: Sequence[Payment], descriptions: Mapping[int, str], language: str
) -> Values:
    """What the receipt of a payment for several links says instead, its parts in order."""
    links = [part.link for part in parts if part.link is not None]
    return {
        "number": ", ".join(str(link.number) for link in links),
        "description": ", ".join(
            dict.fromkeys(filter(None, (descriptions.get(link.pk) for link in links)))
        ),
        "amount_received": _sum([part.amount for part in parts], language),
        "balance": _sum([link.balance for link in links], language)
        if any(link.balance.amount_minor for link in links)
        else "",
    }


def _sum(amounts: Sequence[Money], language: str) -> str:
    """As people write it; a sum for each currency."""
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, 0) + amount.amount_minor
    return " + ".join(
        Money(minor, currency).format(language) for currency, minor in sums.items()
    )


def parts_of(payments: Iterable[Payment]) -> dict[str, list[Payment]]:
    """public id of a payment of several links → all its parts, in order; one query, none
    where there is no such payment. `payments` come with their checkouts."""
    joint = {
        payment.checkout_id: payment.public_id
        for payment in payments
        if payment.checkout is not None and payment.checkout.is_joint
    }
    if not joint:
        return {}
    found: dict[str, list[Payment]] = {}
    rows = Payment.objects.filter(checkout__in=joint).select_related("link__customer")
    by_checkout: dict[int, list[Payment]] = {}
    for part in rows.order_by("part"):
        if part.checkout_id is not None:
            by_checkout.setdefault(part.checkout_id, []).append(part)
    for payment in payments:
        if payment.checkout_id in joint:
            found[payment.public_id] = [
                part
                for part in by_checkout[payment.checkout_id or 0]
                if part.provider_payment_id == payment.provider_payment_id
            ]
    return found
