"""What a mail service says, from anymail's normalised event into a report of ours.

Anymail tells no hard bounce from a soft one; `_WORDS` and `_HARD` do, by each service's
own word for it. What says neither counts as soft: an address is given up on proof only.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason

from ..channels.esp import METADATA
from ..models import MessageState, OptOut
from ..services.reports import Report

BOUNCE, COMPLAINT = "bounce", "complaint"
REJECTED, UNSUBSCRIBED = "rejected", "unsubscribed"
IGNORED = frozenset({EventType.CLICKED, EventType.SUBSCRIBED})
# Links are not tracked; whoever subscribed elsewhere did not ask for reminders of ours.
_STATES = {
    EventType.QUEUED: MessageState.SENT,
    EventType.SENT: MessageState.SENT,
    EventType.DELIVERED: MessageState.DELIVERED,
    EventType.BOUNCED: MessageState.BOUNCED,
    EventType.REJECTED: MessageState.BOUNCED,
    EventType.FAILED: MessageState.BOUNCED,
    EventType.COMPLAINED: MessageState.COMPLAINED,
}
# deferred, autoresponded, unsubscribed, unknown: kept, and prove nothing of this mail
_Scope = OptOut.Scope
_EFFECTS = {
    (EventType.REJECTED, RejectReason.INVALID): (_Scope.ALL, REJECTED),
    (EventType.REJECTED, RejectReason.BOUNCED): (_Scope.ALL, REJECTED),
    (EventType.REJECTED, RejectReason.SPAM): (_Scope.ASKING, COMPLAINT),
    (EventType.REJECTED, RejectReason.UNSUBSCRIBED): (_Scope.REMINDERS, UNSUBSCRIBED),
}

_Raw = Mapping[str, Any]
_WORDS: dict[str, Callable[[_Raw], object]] = {
    "amazon_ses": lambda raw: raw["bounce"]["bounceType"],
    "brevo": lambda raw: raw["event"],
    "mailersend": lambda raw: raw["data"]["type"],
    "mailgun": lambda raw: raw["event-data"]["reason"],
    "mailjet": lambda raw: raw["hard_bounce"],
    "mailtrap": lambda raw: raw["event"],
    "mandrill": lambda raw: raw["event"],
    "postmark": lambda raw: raw.get("Type") or raw["SuppressionReason"],
    "resend": lambda raw: raw["data"]["bounce"]["type"],
    "sendgrid": lambda raw: raw.get("type", "bounce"),
    "sparkpost": lambda raw: next(iter(raw["msys"].values()))["bounce_class"],
    "unisender_go": lambda raw: raw["status"],
}
_HARD = {
    *("Permanent", "hard_bounce", "invalid_email", "hard_bounced", "HardBounce"),
    *("BadEmailAddress", "bounce", "suppress-bounce", "True", "10", "30"),
}
# SparkPost's 10 and 30: no such recipient. Mailjet's True: its `hard_bounce`.
_NO_COMPLAINTS = {"not-spam", "auth-failure"}
# Of SES's kinds of feedback: somebody took a mail out of the spam folder, or a forgery.
_NO_MAILBOX = re.compile(r"(?<![\d.])5\.1\.(?:1|2|3|6|10)(?![\d.])")
# RFC 3463: no such mailbox, domain or address, moved away, null MX
_OURS = re.compile(r"(?<![0-9A-Za-z])msg_[0-9A-Za-z]{20}(?![0-9A-Za-z])")
_ADDRESS = re.compile(r"[^\s<>@:;,()]+@[^\s<>@:;,()]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\s]+")
MAX_NAMES = 8
_MACHINES = re.compile(
    r"GoogleImageProxy|YahooMailProxy|bot\b|crawl|spider|scan|preview|proxy|fetch|curl"
    r"|python|java/|barracuda|proofpoint|mimecast|\AMozilla/5\.0\Z",
    re.IGNORECASE,
)
# Bare "Mozilla/5.0" is Apple's proxy, which opens every mail, read or not.
MACHINE_SECONDS = 10
# Scanners look at a mail while it is delivered; a reader takes longer.


def names_of(event: AnymailTrackingEvent) -> list[str]:
    """Public ids of ours that the report carries, the surest first."""
    found: list[str] = []
    for text in _places(event):
        found += [name for name in _OURS.findall(text) if name not in found]
    return found[:MAX_NAMES]


def _places(event: AnymailTrackingEvent) -> Iterator[str]:
    """Where our id may stand: what we gave along, the Message-ID, SES's copies of it."""
    metadata = event.metadata if isinstance(event.metadata, Mapping) else {}
    yield str(metadata.get(METADATA, ""))[:100]
    tags = event.tags if isinstance(event.tags, list | tuple) else []
    yield from (str(tag)[:100] for tag in tags[:10])
    yield str(event.message_id or "")[:300]
    raw = event.esp_event if isinstance(event.esp_event, Mapping) else {}
    mail = raw.get("mail")
    if isinstance(mail, Mapping):
        common = mail.get("commonHeaders")
        if isinstance(common, Mapping):
            yield str(common.get("messageId", ""))[:300]
        headers = mail.get("headers")
        for header in headers[:100] if isinstance(headers, list) else []:
            if isinstance(header, Mapping):
                is_id = str(header.get("name", "")).lower() == "message-id"
                yield str(header.get("value", ""))[:300] if is_id else ""


def is_by_a_person(event: AnymailTrackingEvent, sent_at: datetime | None) -> bool:
    """Whether an open may be a reader's; what does not tell is taken for a program."""
    raw = event.esp_event if isinstance(event.esp_event, Mapping) else {}
    agent = str(event.user_agent or "")
    if event.user_agent is None and raw.get("event") in {"opened", "unique_opened"}:
        agent = "Brevo"  # which names no program, but calls proxies by another word
    is_soon = bool(
        event.timestamp
        and sent_at
        and event.timestamp < sent_at + timedelta(seconds=MACHINE_SECONDS)
    )
    return bool(agent) and not _MACHINES.search(agent) and not is_soon


def report_of(esp: str, event: AnymailTrackingEvent, public_id: str) -> Report:
    """What it says of the message with that id."""
    kind = str(event.event_type)
    is_hard = kind == EventType.BOUNCED and _is_hard(esp, event)
    effect = _EFFECTS.get((kind, event.reject_reason))
    if is_hard:
        effect = _Scope.ALL, BOUNCE
    elif kind == EventType.COMPLAINED:
        if event.description in _NO_COMPLAINTS:
            kind = EventType.UNKNOWN
        else:
            effect = _Scope.ASKING, COMPLAINT
    elif kind == EventType.UNSUBSCRIBED:
        effect = _Scope.REMINDERS, UNSUBSCRIBED
    return Report(
        carrier=esp,
        event_id=_event_id(esp, event, public_id),
        kind=kind[:16],
        provider_message_id=_clean(event.message_id, 255),
        state=_STATES.get(kind),
        detail=_detail(event),
        effect=effect,
        is_final=is_hard,
    )


def _is_hard(esp: str, event: AnymailTrackingEvent) -> bool:
    try:
        word = str(_WORDS[esp](event.esp_event))
    except (KeyError, TypeError, IndexError, AttributeError, StopIteration):
        word = ""
    return word in _HARD or bool(_NO_MAILBOX.search(str(event.mta_response or "")))


def _event_id(esp: str, event: AnymailTrackingEvent, public_id: str) -> str:
    """The same for each repeat of a report; made up where the service gives none.

    Mailgun signs every try anew, so anymail's id of it is another each time.
    """
    if event.event_type == EventType.OPENED:
        return f"opened:{public_id}"  # the first time is all that is kept
    given = _clean(event.event_id, 100) if esp != "mailgun" else ""
    if given:
        return f"{event.event_type}:{given}"[:128]
    at = event.timestamp.isoformat() if event.timestamp else ""
    parts = [event.event_type, public_id, event.recipient, at, _detail(event)]
    said = "\x1f".join(str(part or "") for part in parts)
    return f"made:{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()}"


def _detail(event: AnymailTrackingEvent) -> str:
    """The words of the server that refused, or of the service; no addresses in them."""
    told = [_clean(event.description, 140), _clean(event.mta_response, 300)]
    unique = [text for number, text in enumerate(told) if text not in told[:number]]
    return _ADDRESS.sub("…", " · ".join(text for text in unique if text))[:300]


def _clean(value: object, width: int) -> str:
    """On one line, without the characters that a database refuses."""
    text = _CONTROL.sub(" ", str(value or "")).strip()
    return text.encode("utf-8", "replace").decode()[:width]
