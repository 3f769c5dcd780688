"""The timeline in words: who did what, when, in the business's own time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.text import cut
from merchant_portal.staff.models import ApiKey, User
from notifications.admin.labels import kind_title
from notifications.models import ChannelName, Message

from ..models import ReplyKind
from ..providers.manual import METHODS
from ..services import sharing
from ..services.sharing import Way
from ..services.timeline import Entry
from . import formats

GOOD, BAD, CALM = "good", "bad", "calm"
GLANCE = 120  # characters of what a customer wrote


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline; `tone`: good, bad or calm."""

    icon: str
    tone: str
    text: str
    at: str
    actor: str
    more: str = ""
    url: str = ""


_WORDS: dict[str, tuple[str, str, Promise]] = {
    "link.created": ("add_link", CALM, gettext_lazy("Link created")),
    "link.activated": ("bolt", CALM, gettext_lazy("Link became payable")),
    "link.sent": ("send", CALM, gettext_lazy("Asked to be sent")),
    "link.recalled": ("undo", BAD, gettext_lazy("Recalled")),
    "send.planned": ("schedule_send", CALM, gettext_lazy("Planned to be sent")),
    "send.taken_back": (
        "undo",
        CALM,
        gettext_lazy("Taken back; nothing was sent"),
    ),
    "send.failed": ("error", BAD, gettext_lazy("The planned send could not leave")),
    "link.edited": ("edit", CALM, gettext_lazy("Details changed")),
    "link.canceled": ("cancel", BAD, gettext_lazy("Canceled")),
    "link.expired": ("timer_off", BAD, gettext_lazy("Expired")),
    "link.exhausted": ("done_all", GOOD, gettext_lazy("Used up")),
    "link.extended": ("more_time", CALM, gettext_lazy("Opened again")),
    "link.paid": ("check_circle", GOOD, gettext_lazy("Paid in full")),
    "link.replaced": ("published_with_changes", CALM, gettext_lazy("Replaced")),
    "link.corrects": (
        "published_with_changes",
        CALM,
        gettext_lazy("Made to correct another link"),
    ),
    "checkout.started": (
        "shopping_cart_checkout",
        CALM,
        gettext_lazy("Payment started by the customer"),
    ),
    "checkout.expired": (
        "remove_shopping_cart",
        CALM,
        gettext_lazy("Payment was not finished in time"),
    ),
    "checkout.failed": ("money_off", BAD, gettext_lazy("Payment failed")),
    "payment.succeeded": ("payments", GOOD, gettext_lazy("Payment received")),
    "payment.processing": ("hourglass_top", CALM, gettext_lazy("Payment on its way")),
    "payment.failed": ("money_off", BAD, gettext_lazy("Payment failed")),
    "payment.reviewed": ("task_alt", CALM, gettext_lazy("Marked as dealt with")),
    "refund.proposed": ("undo", CALM, gettext_lazy("Refund asked for")),
    "refund.approved": ("undo", CALM, gettext_lazy("Refund approved")),
    "refund.declined": ("undo", CALM, gettext_lazy("Refund declined")),
    "refund.pending": ("hourglass_top", CALM, gettext_lazy("Refund on its way")),
    "refund.succeeded": ("currency_exchange", GOOD, gettext_lazy("Money given back")),
    "refund.failed": ("money_off", BAD, gettext_lazy("Refund failed")),
    "refund.unknown": (
        "help",
        BAD,
        gettext_lazy("Nobody knows yet whether the refund went through"),
    ),
    "dispute.opened": ("gavel", BAD, gettext_lazy("Payment disputed")),
    "dispute.answered": ("task_alt", CALM, gettext_lazy("Dispute marked as answered")),
    "dispute.under_review": (
        "hourglass_top",
        CALM,
        gettext_lazy("Dispute looked at by the provider"),
    ),
    "dispute.won": ("gavel", GOOD, gettext_lazy("Dispute won")),
    "dispute.lost": ("gavel", BAD, gettext_lazy("Dispute lost")),
    "payer.replied": ("chat", CALM, gettext_lazy("Customer wrote")),
    "reply.answered": ("reply", GOOD, gettext_lazy("Answered the customer")),
    "reply.closed": (
        "task_alt",
        CALM,
        gettext_lazy("What the customer wrote is seen to"),
    ),
    "reminder.queued": (
        "notifications_active",
        CALM,
        gettext_lazy("Reminder came due"),
    ),
    "reminders.paused": (
        "notifications_paused",
        CALM,
        gettext_lazy("Reminders paused"),
    ),
    "reminders.resumed": (
        "notifications_active",
        CALM,
        gettext_lazy("Reminders go on"),
    ),
    "reminder.plan_chosen": (
        "notifications_active",
        CALM,
        gettext_lazy("Another reminder plan chosen"),
    ),
    "reminder.climbed": (
        "alt_route",
        CALM,
        gettext_lazy("Not arrived; tried another way"),
    ),
    "fee.charged": (
        "percent",
        CALM,
        gettext_lazy("Late fee asked with the reminder"),
    ),
    "fee.of": ("percent", CALM, gettext_lazy("A late fee")),
    "reminder.together": (
        "stacks",
        CALM,
        gettext_lazy("Named in a reminder for all that the customer owes"),
    ),
    "task.made": ("task_alt", CALM, gettext_lazy("Task for staff")),
    "task.done": ("task_alt", GOOD, gettext_lazy("Task done")),
}
_MESSAGE_WORDS: dict[str, tuple[str, str, Promise]] = {
    "queued": ("schedule_send", CALM, gettext_lazy("%(what)s queued")),
    "sent": ("outgoing_mail", CALM, gettext_lazy("%(what)s sent")),
    "captured": ("inbox", CALM, gettext_lazy("%(what)s kept here, not sent")),
    "delivered": ("mark_email_read", GOOD, gettext_lazy("%(what)s delivered")),
    "read": ("mark_email_read", GOOD, gettext_lazy("%(what)s read")),
    "opened": ("drafts", CALM, gettext_lazy("%(what)s opened")),
    "clicked": ("ads_click", CALM, gettext_lazy("%(what)s: link followed")),
    "undelivered": ("unsubscribe", BAD, gettext_lazy("%(what)s was not delivered")),
    "bounced": ("unsubscribe", BAD, gettext_lazy("%(what)s came back")),
    "complained": ("report", BAD, gettext_lazy("%(what)s marked as spam")),
    "failed": ("error", BAD, gettext_lazy("%(what)s could not be sent")),
    "unknown": ("help", BAD, gettext_lazy("%(what)s may or may not have arrived")),
    "canceled": ("cancel_schedule_send", CALM, gettext_lazy("%(what)s withdrawn")),
    "suppressed": (
        "do_not_disturb_on",
        CALM,
        gettext_lazy("%(what)s not sent: the customer does not want it"),
    ),
    "expired": ("timer_off", CALM, gettext_lazy("%(what)s came too late to send")),
}
_CHANNELS: dict[str, Promise] = {
    ChannelName.EMAIL: gettext_lazy("e-mail"),
    ChannelName.SMS: gettext_lazy("SMS"),
    ChannelName.WHATSAPP: gettext_lazy("WhatsApp"),
}
_WAYS: dict[str, Promise] = {
    Way.WHATSAPP: gettext_lazy("Opened to share by WhatsApp"),
    Way.TELEGRAM: gettext_lazy("Opened to share by Telegram"),
    Way.SMS: gettext_lazy("Opened to share by SMS app"),
    Way.EMAIL: gettext_lazy("Opened to share by mail app"),
    Way.COPY_TEXT: gettext_lazy("Text copied to share"),
    Way.COPY_LINK: gettext_lazy("Link copied to share"),
}
_FIELDS: dict[str, Promise] = {
    "due_on": gettext_lazy("due date"),
    "note": gettext_lazy("note"),
    "expires_at": gettext_lazy("expiry"),
    "allowed_providers": gettext_lazy("ways to pay"),
}


def lines(entries: Sequence[Entry], zone: ZoneInfo) -> list[Line]:
    """All entries in words; people and keys are looked up in one query each."""
    entries = _without_past_waiting(entries)
    names = actor_names(entry.actor for entry in entries)
    pages = _message_pages(entries)
    return [_line(entry, zone, names, pages) for entry in entries]


def _without_past_waiting(entries: Sequence[Entry]) -> list[Entry]:
    """Leave out that a message waited, once more is known of it."""
    went = {
        entry.detail.get("message")
        for entry in entries
        if entry.kind.startswith("message.") and entry.kind != "message.queued"
    }
    return [
        entry
        for entry in entries
        if entry.kind != "message.queued" or entry.detail.get("message") not in went
    ]


def actor_names(ids: Iterable[str]) -> dict[str, str]:
    """public id → name, for people and keys; what is missing is shown as it is."""
    wanted = set(ids)
    users = [one for one in wanted if one.startswith("usr_")]
    keys = [one for one in wanted if one.startswith("key_")]
    names = {"system": "", "payer": _("the customer")}
    if users:
        found = User.objects.filter(public_id__in=users)
        names |= {user.public_id: str(user) for user in found}
    if keys:
        found_keys = ApiKey.objects.filter(public_id__in=keys)
        names |= {key.public_id: _("key %s") % key.name for key in found_keys}
    return names


def channel_names(channels: Iterable[str]) -> str:
    """E-mail, SMS."""
    return ", ".join(str(_CHANNELS.get(name, name)) for name in channels)


def _line(
    entry: Entry, zone: ZoneInfo, names: dict[str, str], pages: dict[str, str]
) -> Line:
    icon, tone, text = _words(entry)
    return Line(
        icon=icon,
        tone=tone,
        text=text,
        at=formats.moment(entry.at, zone),
        actor=names.get(entry.actor, entry.actor),
        more=_more(entry, zone),
        url=pages.get(str(entry.detail.get("message", "")), ""),
    )


def _words(entry: Entry) -> tuple[str, str, str]:
    area, _dot, name = entry.kind.partition(".")
    if area == "message":
        icon, tone, text = _MESSAGE_WORDS.get(
            name, ("mail", CALM, gettext_lazy("%(what)s: news from the carrier"))
        )
        return icon, tone, str(text) % {"what": _what(entry.detail)}
    if entry.kind == "checkout.started" and entry.actor == SYSTEM.id:
        return "smart_toy", CALM, _("Payment opened by a program")
    if entry.kind == sharing.KIND:
        way = _WAYS.get(str(entry.detail.get("way")), gettext_lazy("Opened to share"))
        return "share", CALM, str(way)
    icon, tone, text = _WORDS.get(
        entry.kind, ("circle", CALM, gettext_lazy("Something happened"))
    )
    return icon, tone, str(text)


def _what(detail: dict[str, Any]) -> str:
    kind = kind_title(str(detail["kind"])) if detail.get("kind") else _("Message")
    if detail.get("kind") == "invitation":
        kind = _("Payment link")  # which is what was sent
    channel = _CHANNELS.get(str(detail.get("channel")))
    if channel is None:
        return kind
    return _("%(kind)s by %(channel)s") % {"kind": kind, "channel": channel}


def _more(entry: Entry, zone: ZoneInfo) -> str:
    """The second, smaller part of a line."""
    detail = entry.detail
    if "amount_minor" in detail and "currency" in detail:
        paid = formats.money(int(detail["amount_minor"]), str(detail["currency"]))
        method = str(METHODS.get(str(detail.get("method")), detail.get("method", "")))
        return f"{paid} · {method}" if method else paid
    if "said" in detail:
        return _said(detail)
    if "fields" in detail:
        return ", ".join(str(_FIELDS.get(name, name)) for name in detail["fields"])
    if "channels" in detail:
        return _sent_by(detail, zone)
    if "missed" in detail:
        ways = (detail["missed"], detail.get("channel", ""))
        return " → ".join(str(_CHANNELS.get(way, way)) for way in ways if way)
    for name in ("error", "reason", "task", "step", "plan", "number", "to", "provider"):
        if detail.get(name):
            return str(detail[name])
    return ""


def _sent_by(detail: dict[str, Any], zone: ZoneInfo) -> str:
    names = channel_names(detail["channels"])
    if "due_at" in detail:
        at = datetime.fromisoformat(str(detail["due_at"]))
        return f"{names} · {formats.weekday_moment(at, zone)}"
    return names


def _said(detail: dict[str, Any]) -> str:
    kind, text = str(detail["said"]), str(detail.get("text", ""))
    label = str(ReplyKind(kind).label) if kind in ReplyKind else kind
    if channel := _CHANNELS.get(str(detail.get("channel", ""))):
        label = _("%(kind)s by %(channel)s") % {"kind": label, "channel": channel}
    if "day" in detail:
        label = f"{label}: {formats.day(date.fromisoformat(str(detail['day'])))}"
    return f"{label} · {cut(text, GLANCE)}" if text else label


def _message_pages(entries: Sequence[Entry]) -> dict[str, str]:
    """Public id of a message → its page in the admin; one query."""
    wanted = {
        str(entry.detail["message"]) for entry in entries if "message" in entry.detail
    }
    if not wanted:
        return {}
    try:
        return {
            public_id: reverse("admin:notifications_message_change", args=[pk])
            for public_id, pk in Message.objects.filter(
                public_id__in=wanted
            ).values_list("public_id", "pk")
        }
    except NoReverseMatch:
        return {}
