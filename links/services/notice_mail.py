"""The mails of `notices`: to whom they still matter, and what they say.

A batch is looked at with one query for each kind of news in it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import reverse

from merchant_portal.business import services as business_services
from notifications.kinds import Values
from notifications.models import Message

from ..models import (
    Dispute,
    How,
    News,
    PayerReply,
    Payment,
    PaymentLink,
    PaymentState,
    StaffTask,
)
from . import digest_mail, notice_rules, notice_words

PLACEHOLDERS = frozenset({"subject", "body"})
DIGEST = "digest"
# in place of the news, in the subject_id of a digest


@dataclass(frozen=True, slots=True)
class Subject:
    """What the news is of. `is_over`: nobody needs to know any more."""

    thing: Any
    link: PaymentLink | None
    only_for: int | None = None
    is_over: bool = False


def _payments(ids: Sequence[str]) -> Iterable[tuple[str, Subject]]:
    found = Payment.objects.filter(public_id__in=ids)
    for one in found.select_related("link__customer", "account"):
        yield one.public_id, Subject(one, one.link)


def _failed(ids: Sequence[str]) -> Iterable[tuple[str, Subject]]:
    for public_id, one in _payments(ids):
        is_over = one.thing.state != PaymentState.FAILED
        yield public_id, Subject(one.thing, one.link, is_over=is_over)


def _replies(ids: Sequence[str]) -> Iterable[tuple[str, Subject]]:
    found = PayerReply.objects.filter(public_id__in=ids)
    for one in found.select_related("link__customer"):
        yield one.public_id, Subject(one, one.link)


def _disputes(ids: Sequence[str]) -> Iterable[tuple[str, Subject]]:
    found = Dispute.objects.filter(public_id__in=ids)
    for one in found.select_related("payment__link__customer", "account"):
        link = one.payment.link if one.payment else None
        yield one.public_id, Subject(one, link)


def _messages(ids: Sequence[str]) -> Iterable[tuple[str, Subject]]:
    found = list(Message.objects.filter(public_id__in=ids))
    links = PaymentLink.objects.select_related("customer").in_bulk(
        {one.reference for one in found}, field_name="public_id"
    )
    for one in found:
        yield one.public_id, Subject(one, links.get(one.reference))


def _tasks(ids: Sequence[str]) -> Iterable[tuple[str, Subject]]:
    found = StaffTask.objects.filter(public_id__in=ids)
    for one in found.select_related("link__customer"):
        is_over = one.done_at is not None
        yield one.public_id, Subject(one, one.link, one.assigned_to_id, is_over)


_FIND: Mapping[str, Callable[[Sequence[str]], Iterable[tuple[str, Subject]]]] = {
    News.PAID: _payments,
    News.FAILED: _failed,
    News.REPLIED: _replies,
    News.DISPUTED: _disputes,
    News.UNDELIVERED: _messages,
    News.TASK: _tasks,
}
_SAY: Mapping[str, Callable[..., notice_words.Words]] = {
    News.PAID: notice_words.of_paid,
    News.FAILED: notice_words.of_failed,
    News.REPLIED: notice_words.of_replied,
    News.DISPUTED: notice_words.of_disputed,
    News.UNDELIVERED: notice_words.of_undelivered,
    News.TASK: notice_words.of_task,
}


def _subjects(messages: Sequence[Message]) -> dict[tuple[str, str], Subject]:
    ids: dict[str, list[str]] = {}
    for message in messages:
        ids.setdefault(message.subject_id, []).append(message.reference)
    return {
        (news, public_id): subject
        for news, of_news in ids.items()
        if news in _FIND
        for public_id, subject in _FIND[news](of_news)
    }


def still_due(messages: Sequence[Message]) -> set[int]:
    """Those whose reader works here, may see it, and still wants to know it."""
    everybody = notice_rules.people_now()
    by_address = {one.user.email: one for one in everybody.values()}
    digests, news = _parted(messages)
    subjects = _subjects(news)
    due = digest_mail.still_due(digests)
    for message in news:
        subject = subjects.get((message.subject_id, message.reference))
        person = by_address.get(message.recipient)
        if subject is None or person is None or subject.is_over:
            continue
        how = notice_rules.wants(
            person,
            News(message.subject_id),
            subject.link,
            everybody,
            subject.only_for,
        )
        if how != How.OFF:
            due.add(message.pk)
    return due


def context(messages: Sequence[Message]) -> dict[int, Values]:
    zone = ZoneInfo(business_services.kept().time_zone)
    digests, news = _parted(messages)
    subjects = _subjects(news)
    said = digest_mail.context(digests, zone)
    for message in news:
        subject = subjects.get((message.subject_id, message.reference))
        if subject is not None:
            say = _SAY[message.subject_id]
            said[message.pk] = say(subject.thing, subject.link, message.language, zone)
    return said


def _parted(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    digests = [one for one in messages if one.subject_id == DIGEST]
    return digests, [one for one in messages if one.subject_id != DIGEST]


def admin_url(message: Message) -> str:
    return reverse("admin:notifications_message_change", args=[message.pk])


def sample(language: str) -> Values:
    return {
        "subject": "€12.50 came in for PL-2026-000123",
        "body": "Customer: Ada Lovelace\nPayment link: PL-2026-000123",
    }
