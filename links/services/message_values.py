"""What messages about links say, each value formatted in the message's language."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, tzinfo
from functools import lru_cache

from babel.dates import format_date
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.business.models import Business
from merchant_portal.lib import text
from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import Money
from notifications.models import Message
from notifications.services import rendering

from ..models import LineItem, PayerReply, Payment, PaymentLink, Refund
from . import asking, together, verifying

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
        "short_code",
        "verify_url",
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
    "token_sha256",
    "customer__name",
    "customer__public_id",
    *("status", "has_reminders", "last_sent_at", "shared_at", "last_channels"),
    *("expires_at", "promise_due_at", "fee_of"),
)
# What a message may say; the rest of the rows is not read.


def links_of(messages: Sequence[Message]) -> QuerySet[PaymentLink]:
    return PaymentLink.objects.filter(
        public_id__in={message.reference for message in messages}
    )


def context(messages: Sequence[Message]) -> dict[int, Values]:
    """Message pk → values, formatted in the message's language; four queries, and some
    where money was given back or several links are spoken of."""
    found = links_of(messages).select_related("customer").only(*_SAID)
    links = {link.public_id: link for link in found}
    first_lines = dict(
        LineItem.objects.filter(
            link__in=[each.pk for each in found], position=0
        ).values_list("link_id", "description")
    )
    subjects = {message.subject_id for message in messages if message.subject_id}
    payments = {
        payment.public_id: payment
        for payment in Payment.objects.filter(public_id__in=subjects)
        .select_related("checkout")
        .annotate(is_surplus_kept=Refund.kept_surplus("pk"))
    }
    parts = together.parts_of(payments.values())
    first_lines |= _more_lines(parts)
    owed_along = together.owed_along(messages, links)
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
                **together.of_all(
                    owed_along.get(message.reference, ()),
                    message.channel,
                    message.language,
                ),
            }
            if message.subject_id in parts:
                values[message.pk] |= together.of_receipt(
                    parts[message.subject_id], first_lines, message.language
                )
    return values


def _more_lines(parts: Mapping[str, Sequence[Payment]]) -> dict[int, str]:
    """link pk → its first line, of what was paid along; one query, none where nothing."""
    links = [part.link_id for of_one in parts.values() for part in of_one]
    if not links:
        return {}
    first = LineItem.objects.filter(link__in=links, position=0)
    return dict(first.values_list("link_id", "description"))


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
        **_proof(link),
    }


def _proof(link: PaymentLink) -> Values:
    """By which whoever doubts the message finds that it is ours."""
    return {
        "short_code": verifying.code_of(link),
        "verify_url": verifying.page_url(),
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


def sample(language: str) -> Values:
    business = Business.objects.current()
    with translation.override(language):
        return {
            "greeting": rendering.greeting("Ada", language),
            "customer_name": "Ada",
            "amount": _sample_amount(business, language),
            "balance": _sample_amount(business, language),
            "due_date": _day(date(2030, 1, 31), language),
            "number": "PL-2030-000123",
            **_proof(PaymentLink()),
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
