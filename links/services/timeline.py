"""One timeline of a link: what happened to it and what was told about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from merchant_portal.lib import masks
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.models import DeliveryEvent, Message, MessageState

from ..models import PaymentLink

LIMIT = 500
# per source; a link with more than that is read page by page
KNOWN_ALREADY = frozenset({"accepted", "queued", "sending", "sent"})
# That the carrier has it is known from handing it over.
TOLD_BY_CARRIERS = frozenset(
    {MessageState.DELIVERED, MessageState.BOUNCED, MessageState.COMPLAINED}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `actor`: public id of a user or key, or system, payer."""

    id: str
    kind: str
    at: datetime
    actor: str
    detail: dict[str, Any] = field(default_factory=dict)


def for_reader(found: Iterable[Entry], user: User) -> list[Entry]:
    """Without addresses, for whoever may not see them."""
    if user.may(Right.CUSTOMERS_CONTACT):
        return list(found)
    return [
        replace(entry, detail={**entry.detail, "to": masks.address(entry.detail["to"])})
        if "to" in entry.detail
        else entry
        for entry in found
    ]


def entries(
    link: PaymentLink, *, before: tuple[datetime, str] | None = None, limit: int = 100
) -> list[Entry]:
    """The newest `limit` lines older than `before`, newest first; three queries."""
    merged = [*acts(link), *_messages(link)]
    merged.sort(key=lambda entry: (entry.at, entry.id), reverse=True)
    if before is not None:
        merged = [entry for entry in merged if (entry.at, entry.id) < before]
    return merged[:limit]


def acts(link: PaymentLink, limit: int = LIMIT) -> list[Entry]:
    """What happened to the link itself, newest first."""
    return [
        Entry(f"act_{row.pk:012d}", row.kind, row.at, row.actor, row.detail)
        for row in link.activities.order_by("-id")[:limit]
    ]


def _messages(link: PaymentLink) -> list[Entry]:
    messages = list(
        Message.objects.filter(reference=link.public_id).order_by("-id")[:LIMIT]
    )
    reports = (
        DeliveryEvent.objects.filter(message__in=messages)
        .exclude(kind__in=KNOWN_ALREADY)
        .select_related("message")
    )
    reported = {report.message_id for report in reports}
    lines = []
    for message in messages:
        detail = {
            "message": message.public_id,
            "kind": message.kind,
            "channel": message.channel,
            "to": message.recipient,
        }
        lines.append(
            Entry(
                f"{message.public_id}_0",
                "message.queued",
                message.created_at,
                "system",
                {**detail, "due_at": message.due_at.isoformat()},
            )
        )
        state = message.state
        if state in TOLD_BY_CARRIERS and message.pk in reported:
            state = MessageState.SENT  # the rest is in the report's own line
        if state not in (MessageState.QUEUED, MessageState.SENDING):
            lines.append(
                Entry(
                    f"{message.public_id}_1",
                    f"message.{state}",
                    message.sent_at or message.created_at,
                    "system",
                    {**detail, "error": message.last_error}
                    if message.last_error
                    else detail,
                )
            )
    lines += [
        Entry(
            f"dev_{report.pk:012d}",
            f"message.{report.kind}",
            report.at,
            report.carrier,
            {
                "message": report.message.public_id,
                "channel": report.message.channel,
                **({"error": report.detail} if report.detail else {}),
            },
        )
        for report in reports
    ]
    return lines
