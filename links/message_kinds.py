"""The messages that links cause: what they say, and whether they are still wanted."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from customers.services import zones
from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.lib import text
from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications import visibility
from notifications.kinds import Kind, no_files, register
from notifications.models import Category, ChannelName, Message
from notifications.services import rendering

from .models import (
    LineItem,
    LinkStatus,
    PayerReply,
    Payment,
    PaymentLink,
    PaymentState,
    Refund,
)
from .services import asking, daily_limit, pages, papers, pauses, recipients, reminders

PLACEHOLDERS = frozenset(
    {
        "greeting",
        "customer_name",
        "amount",
        "balance",
        "due_date",
        "number",
        "description",
        "note",
        "amount_received",
        "paid_on",
        "surplus",
        "amount_refunded",
        "refunded_on",
        "cancel_reason",
        "answer",
        "question",
    }
)
Values = dict[str, str]
_NO_PAYMENT: Values = {"amount_received": "", "paid_on": "", "surplus": ""}
_NO_REPLY: Values = {"answer": "", "question": ""}
_NO_REFUND: Values = {"amount_refunded": "", "refunded_on": ""}


_SAID = (
    "public_id",
    "number",
    "currency",
    "amount_minor",
    "amount_paid_minor",
    "amount_kind",
    "deposit_minor",
    "is_reusable",
    "due_on",
    "note",
    "cancel_reason",
    "customer__name",
)
# What a message may say; the rest of the rows is not read.


def _links(messages: Sequence[Message]) -> QuerySet[PaymentLink]:
    return PaymentLink.objects.filter(
        public_id__in={message.reference for message in messages}
    )


def _context(messages: Sequence[Message]) -> dict[int, Values]:
    """Message pk → values, formatted in the message's language; four queries, and one
    where money was given back."""
    found = _links(messages).select_related("customer").only(*_SAID)
    links = {link.public_id: link for link in found}
    first_lines = dict(
        LineItem.objects.filter(
            link__in=[each.pk for each in found], position=0
        ).values_list("link_id", "description")
    )
    subjects = {message.subject_id for message in messages if message.subject_id}
    payments = {
        payment.public_id: payment
        for payment in Payment.objects.filter(public_id__in=subjects).annotate(
            is_surplus_kept=Refund.kept_surplus("pk")
        )
    }
    refunds = _refunds(subjects)
    replies = _replies(subjects)
    zone = zone_of(None) if payments or refunds else UTC
    values: dict[int, Values] = {}
    for message in messages:
        link = links.get(message.reference)
        if link is None:
            continue
        with translation.override(message.language):
            values[message.pk] = {
                **_of_link(link, message.language),
                **_of_payment(payments.get(message.subject_id), message.language, zone),
                **_of_refund(refunds.get(message.subject_id), message.language, zone),
                **_of_reply(replies.get(message.subject_id)),
                "description": first_lines.get(link.pk, ""),
            }
    return values


def values_of(link: PaymentLink, description: str, language: str) -> Values:
    """What a message about this link would say; it may be one not yet saved."""
    with translation.override(language):
        return {
            **_of_link(link, language),
            **_NO_PAYMENT,
            **_NO_REFUND,
            **_NO_REPLY,
            "description": description,
        }


def _of_link(link: PaymentLink, language: str) -> Values:
    # Whoever signs up in a shop chooses this name; no address of theirs goes out.
    name = text.without_urls(link.customer.name) if link.customer else ""
    return {
        "greeting": rendering.greeting(name, language),
        "customer_name": name,
        **_asked(link, language),
        "due_date": _day(link.due_on, language),
        "number": link.number or "",
        "note": link.note,
        "cancel_reason": link.cancel_reason,
    }


def _asked(link: PaymentLink, language: str) -> Values:
    """What it asks in all, and what of it is open, as a customer reads it."""
    amount, balance = link.amount, link.balance
    if asking.is_choosing(link) and not amount.amount_minor:
        free = _("an amount of your choice")
        return {"amount": free, "balance": "" if link.is_reusable else free}
    whole = amount.format(language)
    if (deposit := asking.deposit_left(link)) > 0:
        first = _("%(deposit)s (deposit of %(whole)s)") % {
            "deposit": Money(deposit, link.currency).format(language),
            "whole": whole,
        }
        return {"amount": first, "balance": first}
    left = whole if balance == amount else balance.format(language)
    is_owed = balance.amount_minor and not link.is_reusable
    return {"amount": whole, "balance": left if is_owed else ""}


def _of_payment(payment: Payment | None, language: str, zone: tzinfo) -> Values:
    """`zone`: the business's; the receipt names the day that the books name."""
    if payment is None:
        return _NO_PAYMENT
    return {
        "amount_received": _received(payment, language),
        "paid_on": _day(payment.occurred_at.astimezone(zone).date(), language),
        "surplus": Money(payment.surplus_minor, payment.currency).format(language)
        if payment.surplus_minor and not getattr(payment, "is_surplus_kept", False)
        else "",
    }


def _received(payment: Payment, language: str) -> str:
    amount = payment.amount.format(language)
    if not payment.tip_minor:
        return amount
    tip = Money(payment.tip_minor, payment.currency).format(language)
    return _("%(amount)s, of which %(tip)s is a tip") % {"amount": amount, "tip": tip}


def _refunds(subjects: set[str]) -> dict[str, Refund]:
    named = {subject for subject in subjects if subject.startswith("rfd_")}
    if not named:
        return {}
    return {row.public_id: row for row in Refund.objects.filter(public_id__in=named)}


def _of_refund(refund: Refund | None, language: str, zone: tzinfo) -> Values:
    if refund is None:
        return _NO_REFUND
    at = refund.occurred_at or refund.proposed_at
    return {
        "amount_refunded": refund.amount.format(language),
        "refunded_on": _day(at.astimezone(zone).date(), language),
    }


def _replies(subjects: set[str]) -> dict[str, PayerReply]:
    named = {subject for subject in subjects if subject.startswith("rep_")}
    if not named:
        return {}
    found = PayerReply.objects.filter(public_id__in=named)
    return {row.public_id: row for row in found}


def _of_reply(reply: PayerReply | None) -> Values:
    """Both as plain words: no address of a stranger's goes out in a mail of ours."""
    if reply is None:
        return _NO_REPLY
    return {"answer": reply.answer, "question": text.without_urls(reply.text)}


def _day(day: date | None, language: str) -> str:
    return _written_day(day, language) if day else ""


@lru_cache(maxsize=512)
def _written_day(day: date, language: str) -> str:
    return format_date(day, format="long", locale=locale_of(language))


def _link_urls(messages: Sequence[Message]) -> dict[int, str]:
    urls = pages.urls_of(_links(messages))
    return {
        message.pk: urls[message.reference]
        for message in messages
        if message.reference in urls
    }


def _still_asking(messages: Sequence[Message]) -> set[int]:
    """Those whose link still asks for money; one query, no locks."""
    asking = set(
        PaymentLink.objects.filter(
            public_id__in={message.reference for message in messages},
            status=LinkStatus.ACTIVE,
        ).values_list("public_id", flat=True)
    )
    return {message.pk for message in messages if message.reference in asking}


def _still_reminding(messages: Sequence[Message]) -> set[int]:
    """As above, and reminders are wanted, no payment is on its way, and no day was
    named since, which is reminded of by itself; two queries."""
    asking = set(
        PaymentLink.objects.filter(
            public_id__in={message.reference for message in messages},
            status=LinkStatus.ACTIVE,
            has_reminders=True,
        )
        .exclude(payments__state=PaymentState.PROCESSING)
        .values_list("public_id", flat=True)
    )
    promised_at = pauses.promised_at(asking)
    return {
        message.pk
        for message in messages
        if message.reference in asking
        and not _is_replaced(message, promised_at.get(message.reference))
    }


def _is_replaced(message: Message, promised_at: datetime | None) -> bool:
    """Whether the day that the customer named takes the place of this reminder."""
    return (
        message.is_automatic
        and promised_at is not None
        and message.created_at <= promised_at
    )


def _next_allowed(messages: Sequence[Message], now: datetime) -> dict[int, datetime]:
    """Reminders wait for the morning at night, where one got enough for the day, and
    while the customer waits for an answer.

    An outage or a retry carries them there. What a person sends goes at once.
    """
    automatic = [message for message in messages if message.is_automatic]
    if not automatic:
        return {}
    found = _links(automatic).select_related("customer")
    links = {link.public_id: link for link in found}
    phones = _phones([link for link in links.values() if _is_zone_unknown(link)])
    business = Business.objects.current()
    rest_until = pauses.rest_until(list(links))
    later: dict[int, datetime] = {}
    days: dict[int, ZoneInfo] = {}
    for message in automatic:
        link = links.get(message.reference)
        customer = link.customer if link else None
        days[message.pk] = zone_of(customer, business)
        phone = phones.get(link.pk, "") if link else ""
        places = zones.candidates(customer, phone, business)
        rested = max(rest_until.get(message.reference, now), now)
        if (at := reminders.outside_quiet_hours(rested, places)) > now:
            later[message.pk] = at
    awake = [message for message in automatic if message.pk not in later]
    for pk in daily_limit.over(awake, now, days) if awake else ():
        later[pk] = reminders.next_morning(now, days[pk])
    return later


def _is_zone_unknown(link: PaymentLink) -> bool:
    return link.customer is not None and not link.customer.time_zone


def _phones(links: Sequence[PaymentLink]) -> dict[int, str]:
    """link pk → its customer's number; one query, none without links."""
    known = recipients.addresses_of_many(links)
    return {pk: found.get(ChannelName.SMS, "") for pk, found in known.items()}


def _always(messages: Sequence[Message]) -> set[int]:
    return {message.pk for message in messages}


def _admin_url(message: Message) -> str:
    link = PaymentLink.objects.only("pk").get(public_id=message.reference)
    return reverse("admin:links_paymentlink_change", args=[link.pk])


def _sample(language: str) -> Values:
    business = Business.objects.current()
    with translation.override(language):
        return {
            "greeting": rendering.greeting("Ada", language),
            "customer_name": "Ada",
            "amount": _sample_amount(business, language),
            "balance": _sample_amount(business, language),
            "due_date": _day(date(2030, 1, 31), language),
            "number": "PL-2030-000123",
            "description": _("Birthday cake"),
            "note": "",
            "amount_received": _sample_amount(business, language),
            "paid_on": _day(date(2030, 1, 15), language),
            "surplus": "",
            "amount_refunded": _sample_amount(business, language),
            "refunded_on": _day(date(2030, 1, 20), language),
            "cancel_reason": "",
            "answer": _("Yes, we deliver on Saturdays as well."),
            "question": _("Can you deliver it on Saturday?"),
        }


def _sample_amount(business: Business, language: str) -> str:
    return PaymentLink(amount_minor=12_500, currency=business.currency).amount.format(
        language
    )


def _visible(user: User, messages: QuerySet[Message]) -> QuerySet[Message]:
    """Who may see only own links sees only what was sent about those."""
    if user.may(Right.LINKS_ALL):
        return messages
    own = PaymentLink.objects.visible_to(user).values("public_id")
    is_theirs = Q(reference__regex=r"^(plk|dsp|rep)_")
    return messages.filter(Q(reference__in=own) | ~is_theirs)


visibility.register(_visible)
StillDue = Callable[[Sequence[Message]], set[int]]
_WITH_INVOICE = {"invitation", "correction"}
_KINDS: tuple[tuple[str, Category, StillDue], ...] = (
    ("invitation", Category.INVITATION, _still_asking),
    ("correction", Category.INVITATION, _still_asking),
    ("reminder", Category.REMINDER, _still_reminding),
    ("receipt", Category.RECEIPT, _always),
    ("refund", Category.RECEIPT, _always),
    ("cancellation", Category.NOTICE, _always),
    ("answer", Category.NOTICE, _always),
)
for _name, _category, _still_due in _KINDS:
    register(
        Kind(
            name=_name,
            category=_category,
            channels=frozenset(ChannelName.values),
            placeholders=PLACEHOLDERS,
            context=_context,
            link_urls=_link_urls,
            attachments=papers.attachments if _name in _WITH_INVOICE else no_files,
            still_due=_still_due,
            not_before=_next_allowed,
            admin_url=_admin_url,
            sample=_sample,
        )
    )
