"""What a mail about one piece of news says to a member of staff, in their language."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.lib import text
from merchant_portal.lib.languages import locale_of
from notifications.models import Message

from ..models import (
    Dispute,
    DisputeState,
    PayerReply,
    Payment,
    PaymentLink,
    ReplyKind,
    StaffTask,
)
from ..providers.registry import PROVIDERS, get_provider

Words = dict[str, str]
# subject and body


def page_of(link: PaymentLink | None, part: str = "") -> str:
    """The address of a link's page in the back-office, else of all payments."""
    if link is None:
        page = reverse("admin:links_payment_changelist")
    else:
        page = reverse("admin:links_paymentlink_change", args=[link.pk])
    return f"{settings.PUBLIC_URL}{page}{part}"


def number_of(link: PaymentLink | None) -> str:
    return (link.number or link.public_id) if link else _("no link")


def name_of(link: PaymentLink | None) -> str:
    return link.customer.name if link and link.customer else ""


def moment(at: datetime | None, zone: ZoneInfo, language: str) -> str:
    """Day and time where the business is; its zone is named, for mails travel."""
    if at is None:
        return ""
    there = at.astimezone(zone)
    day = format_date(there.date(), format="long", locale=locale_of(language))
    return f"{day}, {there:%H:%M} ({zone.key})"


def _mail(subject: str, lines: list[str]) -> Words:
    return {"subject": subject, "body": "\n".join(lines)}


def _about(link: PaymentLink | None) -> list[str]:
    """Who and what it is about, where that is known."""
    lines = []
    if name_of(link):
        lines.append(_("Customer: %(name)s") % {"name": name_of(link)})
    if link is not None:
        lines.append(_("Payment link: %(number)s") % {"number": number_of(link)})
    return lines


def _way(payment: Payment) -> str:
    slug = payment.account.slug
    title = get_provider(slug).title if slug in PROVIDERS else slug
    return " · ".join(part for part in (title, payment.method) if part)


def of_paid(
    payment: Payment, link: PaymentLink | None, language: str, zone: ZoneInfo
) -> Words:
    known = {
        "amount": payment.amount.format(language),
        "number": number_of(link),
        "way": _way(payment),
        "moment": moment(payment.occurred_at, zone, language),
    }
    with translation.override(language):
        subject = _("%(amount)s came in for %(number)s") % known
        if link is None:
            subject = _("%(amount)s came in, and no link is named") % known
        lines = [*_about(link), _("By: %(way)s") % known, _("When: %(moment)s") % known]
        return _mail(subject, [*lines, "", page_of(link)])


def of_failed(
    payment: Payment, link: PaymentLink | None, language: str, zone: ZoneInfo
) -> Words:
    known = {
        "amount": payment.amount.format(language),
        "number": number_of(link),
        "way": _way(payment),
        "moment": moment(payment.occurred_at, zone, language),
        "reason": text.without_urls(payment.failure),
    }
    with translation.override(language):
        subject = _("A payment of %(amount)s for %(number)s failed") % known
        lines = [*_about(link), _("By: %(way)s") % known, _("When: %(moment)s") % known]
        if payment.failure:
            lines.append(_("Reason, in the provider's words: %(reason)s") % known)
        return _mail(subject, [*lines, "", page_of(link)])


def of_replied(
    reply: PayerReply, link: PaymentLink | None, language: str, zone: ZoneInfo
) -> Words:
    with translation.override(language):
        known = {
            "name": name_of(link) or _("A customer"),
            "number": number_of(link),
            "said": ReplyKind(reply.kind).label,
        }
        subject = _("%(name)s wrote about %(number)s") % known
        lines = [_("%(said)s.") % known]
        if reply.text:
            lines += ["", text.without_urls(reply.text)]
        lines += ["", _("Reminders wait until it is answered:")]
        return _mail(subject, [*lines, page_of(link, "#replies")])


def of_undelivered(
    message: Message, link: PaymentLink | None, language: str, zone: ZoneInfo
) -> Words:
    with translation.override(language):
        known = {
            "name": name_of(link) or message.recipient,
            "number": number_of(link),
            "channel": str(message.get_channel_display()),
            "address": message.recipient,
            "state": str(message.get_state_display()),
            "reason": text.without_urls(message.last_error),
        }
        subject = _("A message to %(name)s did not arrive") % known
        lines = [
            *_about(link),
            _("Sent by: %(channel)s, to %(address)s") % known,
            _("What became of it: %(state)s") % known,
        ]
        if message.last_error:
            lines.append(_("Reason: %(reason)s") % known)
        return _mail(subject, [*lines, "", page_of(link)])


def of_task(
    task: StaffTask, link: PaymentLink | None, language: str, zone: ZoneInfo
) -> Words:
    with translation.override(language):
        known = {
            "task": task.text,
            "number": number_of(link),
            "moment": moment(task.due_at, zone, language),
        }
        subject = _("To do for %(number)s: %(task)s") % known
        lines = [task.text, "", *_about(link), _("Due: %(moment)s") % known]
        return _mail(subject, [*lines, "", page_of(link, "#tasks")])


def of_disputed(
    dispute: Dispute, link: PaymentLink | None, language: str, zone: ZoneInfo
) -> Words:
    known = {
        "amount": dispute.amount.format(language),
        "number": number_of(link),
        "provider": get_provider(dispute.account.slug).title,
        "reason": dispute.reason.replace("_", " ").lower(),
        "moment": moment(dispute.respond_by, zone, language),
    }
    with translation.override(language):
        subject = _("Dispute over %(amount)s") % known
        if link is not None:
            subject = _("Dispute over %(amount)s, %(number)s") % known
        lines = [
            _("A payment of %(amount)s through %(provider)s is disputed.") % known,
        ]
        if link is not None:
            lines.append(_("Payment link: %(number)s") % known)
        if dispute.reason:
            lines.append(_("Reason, in the provider's words: %(reason)s") % known)
        page = reverse("admin:links_dispute_change", args=[dispute.pk])
        lines += ["", _advice(dispute, known), "", f"{settings.PUBLIC_URL}{page}"]
        return _mail(subject, lines)


def _advice(dispute: Dispute, known: dict[str, str]) -> str:
    if dispute.state != DisputeState.NEEDS_RESPONSE:
        return _("There is nothing to answer now; the provider is looking at it.")
    if not dispute.respond_by:
        return (
            _("Answer at %(provider)s soon; the shop cannot answer for you here.")
            % known
        )
    return (
        _(
            "Answer at %(provider)s before %(moment)s; the shop cannot answer for you here."
        )
        % known
    )


def choices_page() -> str:
    """Where somebody says what they want to be told."""
    page = reverse("admin:links_staffnoticechoice_changelist")
    return f"{settings.PUBLIC_URL}{page}"
