"""Mails to those of the staff who must know of something now."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib import clock, text
from merchant_portal.lib.languages import locale_of
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right, Role
from notifications.services import outbox

from ..models import (
    Dispute,
    DisputeState,
    PayerReply,
    PaymentLink,
    ProviderAccount,
    ReplyKind,
)
from ..providers.registry import get_provider


def dispute_opened(dispute: Dispute, link: PaymentLink | None) -> None:
    """Tell owners and finance, once for each dispute, in their own language."""
    business = Business.objects.current()
    people = User.objects.filter(
        role__in=[Role.OWNER, Role.FINANCE], is_active=True
    ).order_by("pk")
    wanted = []
    for person in people:
        language = person.language or business.language
        wanted.append(
            outbox.NewMessage(
                kind="notice",
                channel="email",
                recipient=person.email,
                language=language,
                reference=dispute.public_id,
                dedupe_key=f"dispute:{dispute.public_id}:{person.public_id}",
                values=_words(dispute, link, language, ZoneInfo(business.time_zone)),
            )
        )
    outbox.enqueue_many(wanted)


def customer_wrote(reply: PayerReply, link: PaymentLink) -> None:
    """Tell whoever made the link, else owners and managers, that an answer is wanted."""
    business = Business.objects.current()
    wanted = []
    for person in _responsible(link):
        language = person.language or business.language
        wanted.append(
            outbox.NewMessage(
                kind="notice",
                channel="email",
                recipient=person.email,
                language=language,
                reference=reply.public_id,
                dedupe_key=f"reply:{reply.public_id}:{person.public_id}",
                values=_words_of_reply(reply, link, language),
            )
        )
    outbox.enqueue_many(wanted)


def _responsible(link: PaymentLink) -> list[User]:
    maker = link.created_by
    if maker is not None and maker.is_active and maker.may(Right.LINKS_WRITE):
        return [maker]
    roles = [Role.OWNER, Role.MANAGER]
    return list(User.objects.filter(role__in=roles, is_active=True).order_by("pk"))


def _words_of_reply(
    reply: PayerReply, link: PaymentLink, language: str
) -> dict[str, str]:
    with translation.override(language):
        known = {
            "name": link.customer.name if link.customer else _("A customer"),
            "number": link.number or link.public_id,
            "said": ReplyKind(reply.kind).label,
        }
        subject = _("%(name)s wrote about %(number)s") % known
        lines = [_("%(said)s.") % known]
        if reply.text:
            lines += ["", text.without_urls(reply.text)]
        page = reverse("admin:links_paymentlink_change", args=[link.pk])
        lines += [
            "",
            _("Reminders wait until it is answered:"),
            f"{settings.PUBLIC_URL}{page}#replies",
        ]
        return {"subject": subject, "body": "\n".join(lines)}


def keys_changed(account: ProviderAccount, act: str, by: User) -> None:
    """Tell every other owner that a provider's keys were entered, replaced or removed.

    `act`: keys_entered, keys_replaced or keys_removed.
    """
    business = Business.objects.current()
    others = User.objects.filter(role=Role.OWNER, is_active=True).exclude(pk=by.pk)
    moment = clock.now()
    zone = ZoneInfo(business.time_zone)
    wanted = []
    for person in others.order_by("pk"):
        language = person.language or business.language
        wanted.append(
            outbox.NewMessage(
                kind="notice",
                channel="email",
                recipient=person.email,
                language=language,
                reference=f"{account.slug}:{account.mode}",
                dedupe_key=f"keys:{account.pk}:{act}:{moment.isoformat()}:{person.public_id}",
                values=_words_of_keys(
                    account, act, by, language, _moment(moment, zone, language)
                ),
            )
        )
    outbox.enqueue_many(wanted)


def _words_of_keys(
    account: ProviderAccount, act: str, by: User, language: str, moment: str
) -> dict[str, str]:
    with translation.override(language):
        known = {
            "provider": get_provider(account.slug).title,
            "mode": account.get_mode_display(),
            "person": by.name or by.email,
            "moment": moment,
        }
        subjects = {
            "keys_entered": _("Keys of %(provider)s were entered"),
            "keys_replaced": _("Keys of %(provider)s were replaced"),
            "keys_removed": _("Keys of %(provider)s were removed"),
        }
        lines = [
            _("By: %(person)s") % known,
            _("When: %(moment)s") % known,
            _("Account: %(provider)s (%(mode)s)") % known,
            "",
            _(
                "These keys decide where your customers' money goes. If you did not"
                " expect this, ask now, and look at the account page of the back-office."
            ),
        ]
        return {"subject": subjects[act] % known, "body": "\n".join(lines)}


def _words(
    dispute: Dispute, link: PaymentLink | None, language: str, zone: ZoneInfo
) -> dict[str, str]:
    provider = get_provider(dispute.account.slug).title
    known = {
        "amount": dispute.amount.format(language),
        "number": (link.number or link.public_id) if link else "",
        "provider": provider,
        "reason": dispute.reason.replace("_", " ").lower(),
        "moment": _moment(dispute.respond_by, zone, language),
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
        lines += ["", _advice(dispute, known)]
    return {"subject": subject, "body": "\n".join(lines)}


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


def _moment(at: datetime | None, zone: ZoneInfo, language: str) -> str:
    """Day and time where the business is; its zone is named, for mails travel."""
    if at is None:
        return ""
    there = at.astimezone(zone)
    day = format_date(there.date(), format="long", locale=locale_of(language))
    return f"{day}, {there:%H:%M} ({zone.key})"
