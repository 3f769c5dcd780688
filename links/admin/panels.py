"""The small forms of the link page: send, edit, cancel, extend, record a payment."""

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from merchant_portal.lib import ids

from ..models import PaymentLink
from ..services import recalling
from . import formats, when
from .history import Line

SEND, EDIT, CANCEL, EXTEND, RECORD = "send", "edit", "cancel", "extend", "record"
REPLY, PLANNED, RECALL = "reply", "planned", "recall"
PAUSE, TASK, NEW_TASK, SHARE = "pause", "task", "new_task", "share"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that somebody else changed: what was typed and what is saved now."""

    label: str
    typed: str
    saved: str


@dataclass(slots=True)
class Panel:
    """One form: what stands in it, what is wrong with it, whether it is open.

    `news`: what happened to the link since the form was shown, newest first.
    """

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    conflicts: list[Conflict] = field(default_factory=list)
    news: list[Line] = field(default_factory=list)
    is_open: bool = False


Panels = dict[str, Panel]


def fresh(link: PaymentLink, zone: ZoneInfo, known: dict[str, str]) -> Panels:
    """All forms as they stand before anything is typed; `known`: channel → address."""
    last = [name for name in link.last_channels if name in known]
    return {
        SEND: Panel(
            {"key": ids.new("frm"), **when.BLANK},
            channels=tuple(last or list(known)[:1]),
        ),
        PLANNED: Panel({"plan": "", "send_at": ""}),
        RECALL: Panel(
            {
                "reason": recalling.default_reason(link),
                "tell": "on",
                "version": str(link.version),
            }
        ),
        EDIT: Panel(edit_values(link, zone), providers=tuple(link.allowed_providers)),
        CANCEL: Panel({"reason": "", "tell": "", "version": str(link.version)}),
        REPLY: Panel({"reply": "", "answer": ""}),
        PAUSE: Panel({"reason": "", "until": ""}),
        TASK: Panel({"for": "", "due_on": ""}),
        NEW_TASK: Panel({"text": "", "for": "", "due_on": "", "key": ids.new("frm")}),
        SHARE: Panel({"text": ""}),
        EXTEND: Panel({"expires_at": ""}),
        RECORD: Panel(
            {
                "amount": formats.typed(link.balance.amount_minor, link.currency)
                if link.balance.amount_minor
                else "",
                "method": "cash",
                "paid_on": "",
                "note": "",
                "more": "",
                "key": ids.new("frm"),
                "version": str(link.version),
            }
        ),
    }


def edit_values(link: PaymentLink, zone: ZoneInfo) -> dict[str, str]:
    """What may be edited, as it is typed, and the version it was read at."""
    return {
        "due_on": link.due_on.isoformat() if link.due_on else "",
        "expires_at": _local(link.expires_at, zone),
        "note": link.note,
        "version": str(link.version),
        "providers_shown": "",
    }


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M}" if at else ""
