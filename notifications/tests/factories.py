"""Messages and kinds to test with; plain functions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from notifications import kinds
from notifications.channels.base import Attachment
from notifications.kinds import Files, Kind, Values
from notifications.models import Category, ChannelName, Message
from notifications.services import outbox

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOKEN = "7hG5kLm2Qw9ZxC4vB8nM1a"
LINK_URL = f"https://pay.example.com/p/{TOKEN}/"
VALUES: Values = {
    "greeting": "Hello Ada",
    "amount": "€12.50",
    "balance": "€12.50",
    "amount_received": "€12.50",
    "amount_refunded": "€4.00",
    "refunded_on": "20 January 2030",
    "surplus": "",
    "description": "Bread",
    "due_date": "30 November 2026",
    "paid_on": "24 November 2026",
    "number": "PL-2026-000123",
    "note": "",
    "cancel_reason": "",
    "short_code": "7KQF2-M9TXC",
    "verify_url": "https://pay.example.com/verify/",
    "answer": "Yes, on Saturdays.",
    "question": "Do you deliver?",
}


class Shop:
    """What the message kinds of a test say; change it to change the world."""

    def __init__(self) -> None:
        self.values: Values = dict(VALUES)
        self.unwanted: set[str] = set()
        self.with_file: set[str] = set()
        self.asked: list[str] = []

    def context(self, messages: Sequence[Message]) -> dict[int, Values]:
        self.asked.append("context")
        return {message.pk: self.values for message in messages}

    def still_due(self, messages: Sequence[Message]) -> set[int]:
        self.asked.append("still_due")
        return {m.pk for m in messages if m.reference not in self.unwanted}

    def link_urls(self, messages: Sequence[Message]) -> dict[int, str]:
        return {message.pk: LINK_URL for message in messages}

    def attachments(self, messages: Sequence[Message]) -> dict[int, Files]:
        return {
            message.pk: partial(self._file, message)
            for message in messages
            if message.reference in self.with_file
        }

    def _file(self, message: Message) -> Sequence[Attachment]:
        self.asked.append(f"file of {message.reference}")
        name = f"{message.reference}.pdf"
        return (Attachment(name, b"%PDF-", "application/pdf"),)

    def kind(self, name: str, category: Category) -> Kind:
        return Kind(
            name=name,
            category=category,
            channels=frozenset(ChannelName.values),
            placeholders=frozenset(VALUES),
            context=self.context,
            still_due=self.still_due,
            link_urls=self.link_urls,
            attachments=self.attachments,
            admin_url=lambda message: f"/admin/{message.reference}",
            sample=lambda language: dict(VALUES),
        )

    def all_kinds(self) -> dict[str, Kind]:
        return {
            "invitation": self.kind("invitation", Category.INVITATION),
            "reminder": self.kind("reminder", Category.REMINDER),
            "receipt": self.kind("receipt", Category.RECEIPT),
            "notice": kinds.get("notice"),
            "copy": kinds.get("copy"),
            "password_reset": kinds.get("password_reset"),
        }


def message(
    number: int = 1,
    *,
    kind: str = "invitation",
    channel: str = ChannelName.EMAIL,
    recipient: str = "",
    reference: str = "plk_1",
    due_at: datetime | None = None,
) -> Message:
    """One message in the outbox, due at once."""
    default = (
        f"ada{number}@example.com" if channel == "email" else f"+1415555{number:04d}"
    )
    row = outbox.enqueue(
        kind=kind,
        channel=channel,
        recipient=recipient or default,
        language="en",
        reference=reference,
        dedupe_key=f"{kind}:{channel}:{number}",
        due_at=due_at,
    )
    assert row is not None
    return row
