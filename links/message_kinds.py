"""The messages that links cause: their kinds, and who may see them."""

from collections.abc import Callable, Sequence

from django.db.models import Q, QuerySet
from django.urls import reverse

from customers import visibility as customers_visibility
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications import visibility
from notifications.kinds import Kind, no_files, register
from notifications.models import Category, ChannelName, Message
from notifications.services import copies

from .models import KIND_OF_TONE, PaymentLink
from .services import (
    message_rules,
    message_values,
    notice_mail,
    notices,
    pages,
    papers,
    receipts,
    report_mail,
    schedules,
    together,
)


def _always(messages: Sequence[Message]) -> set[int]:
    return {message.pk for message in messages}


def _admin_url(message: Message) -> str:
    link = PaymentLink.objects.only("pk").get(public_id=message.reference)
    return reverse("admin:links_paymentlink_change", args=[link.pk])


def _link_urls(messages: Sequence[Message]) -> dict[int, str]:
    urls = pages.urls_of(message_values.links_of(messages))
    found = {
        message.pk: urls[message.reference]
        for message in messages
        if message.reference in urls
    }
    if for_all := [each for each in messages if together.is_for_all(each)]:
        links = message_values.links_of(for_all).only("public_id", "customer")
        found |= together.urls(for_all, links)
    return found


def _visible(user: User, messages: QuerySet[Message]) -> QuerySet[Message]:
    """Who may see only own links sees only what was sent about those."""
    if user.may(Right.LINKS_ALL):
        return messages
    own = PaymentLink.objects.visible_to(user).values("public_id")
    is_theirs = Q(reference__regex=r"^(plk|dsp|rep)_")
    about_own = messages.filter(Q(reference__in=own) | ~is_theirs)
    return about_own.exclude(Q(kind__in=_TO_STAFF) & ~Q(recipient=user.email))


@customers_visibility.register
def _own_customers(user: User) -> Q:
    """Whom they asked to pay."""
    asked = PaymentLink.objects.filter(created_by=user, customer__isnull=False)
    return Q(pk__in=asked.values("customer"))


_TO_STAFF = (notices.KIND, copies.KIND, schedules.KIND)
# to colleagues and to the shop's own mailbox, about anybody's links
visibility.register(_visible)
StillDue = Callable[[Sequence[Message]], set[int]]
_FILES = {
    "invitation": papers.attachments,
    "correction": papers.attachments,
    "receipt": receipts.attachments,
    "refund": receipts.attachments,
}
_KINDS: tuple[tuple[str, Category, StillDue], ...] = (
    ("invitation", Category.INVITATION, message_rules.still_asking),
    ("correction", Category.INVITATION, message_rules.still_asking),
    *(
        (name, Category.REMINDER, message_rules.still_reminding)
        for name in KIND_OF_TONE.values()
    ),
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
            placeholders=message_values.PLACEHOLDERS,
            context=message_values.context,
            link_urls=_link_urls,
            attachments=_FILES.get(_name, no_files),
            still_due=_still_due,
            not_before=message_rules.next_allowed,
            admin_url=_admin_url,
            sample=message_values.sample,
        )
    )
register(
    Kind(
        name=notices.KIND,
        category=Category.NOTICE,
        channels=frozenset({ChannelName.EMAIL}),
        placeholders=notice_mail.PLACEHOLDERS,
        required=notice_mail.PLACEHOLDERS,
        context=notice_mail.context,
        still_due=notice_mail.still_due,
        admin_url=notice_mail.admin_url,
        sample=notice_mail.sample,
        for_staff=True,
    )
)
register(
    Kind(
        name=schedules.KIND,
        category=Category.NOTICE,
        channels=frozenset({ChannelName.EMAIL}),
        placeholders=report_mail.PLACEHOLDERS,
        required=report_mail.PLACEHOLDERS,
        context=report_mail.context,
        still_due=report_mail.still_due,
        attachments=report_mail.attachments,
        admin_url=notice_mail.admin_url,
        sample=notice_mail.sample,
        for_staff=True,
    )
)
