"""Twilio's message objects: what is stored, what is shown, what callbacks carry."""

import datetime
import email.utils
import re
import secrets
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any

from proofs.fakes.ledger import Json
from proofs.fakes.web import Answer, Request

API_VERSION = "2010-04-01"
BODY_LIMIT = 1600
E164 = re.compile(r"(?:whatsapp:)?\+[1-9]\d{6,14}\Z")
STATUSES = frozenset(
    ("sending", "sent", "delivered", "undelivered", "failed", "read", "canceled")
)
# GSM 03.38, one septet each; the extension's characters take two.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("^{}\\[~]|€")


class TwilioError(Exception):
    """An error answer with Twilio's own code."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def answer(self, headers: dict[str, str] | None = None) -> Answer:
        body = {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        return Answer(self.status, body, headers=headers or {})


@dataclass(frozen=True)
class Fate:
    """What becomes of a message after queued; `error_code` goes with the last status."""

    statuses: tuple[str, ...] = ("sent", "delivered")
    error_code: int | None = None


def check(form: dict[str, str]) -> None:
    """Refuse what Twilio refuses at once. Raises TwilioError."""
    if not form.get("To"):
        raise TwilioError(400, 21604, "A 'To' phone number is required.")
    if not E164.match(form["To"]):
        raise TwilioError(400, 21211, f"Invalid 'To' Phone Number: {form['To']}")
    if not form.get("From") and not form.get("MessagingServiceSid"):
        raise TwilioError(400, 21603, "A 'From' or 'MessagingServiceSid' is required.")
    if not any(form.get(name) for name in ("Body", "MediaUrl", "ContentSid")):
        raise TwilioError(400, 21602, "Message body is required.")
    if len(form.get("Body", "")) > BODY_LIMIT:
        raise TwilioError(400, 21617, "The message body exceeds 1600 characters.")
    callback = form.get("StatusCallback", "")
    if callback and not callback.startswith(("http://", "https://")):
        raise TwilioError(400, 21609, f"Invalid 'StatusCallback' URL: {callback}")


def segments(body: str) -> int:
    """How many SMS the text takes."""
    if all(c in GSM or c in GSM_EXTENSION for c in body):
        length = sum(2 if c in GSM_EXTENSION else 1 for c in body)
        single, joined = 160, 153
    else:
        length = len(body.encode("utf-16-be")) // 2
        single, joined = 70, 67
    return 1 if length <= single else -(-length // joined)


def taken(
    form: dict[str, str], account_sid: str, fate: Fate, step_seconds: float
) -> Json:
    """A message as stored: `steps` are [moment, status], one after the other."""
    started = time.time()
    statuses = ("queued", *fate.statuses)
    return {
        "sid": f"SM{secrets.token_hex(16)}",
        "account_sid": account_sid,
        "to": form["To"],
        "from": form.get("From"),
        "service": form.get("MessagingServiceSid"),
        "body": form.get("Body", ""),
        "media": int("MediaUrl" in form),
        "template": form.get("ContentSid"),
        "error_code": fate.error_code,
        "steps": [[started + i * step_seconds, s] for i, s in enumerate(statuses)],
    }


def shown(stored: Json, *, at_start: bool = False) -> Json:
    """The message as the API gives it now (or as it was when it was taken)."""
    now = stored["steps"][0][0] if at_start else time.time()
    past = [step for step in stored["steps"] if step[0] <= now]
    moment, status = past[-1]
    is_last = len(past) == len(stored["steps"])
    uri = f"/{API_VERSION}/Accounts/{stored['account_sid']}/Messages/{stored['sid']}"
    return {
        "account_sid": stored["account_sid"],
        "api_version": API_VERSION,
        "body": stored["body"],
        "date_created": _rfc2822(stored["steps"][0][0]),
        "date_sent": _rfc2822(past[1][0]) if len(past) > 1 else None,
        "date_updated": _rfc2822(moment),
        "direction": "outbound-api",
        "error_code": stored["error_code"] if is_last else None,
        "error_message": None,
        "from": stored["from"],
        "messaging_service_sid": stored["service"],
        "num_media": str(stored["media"]),
        "num_segments": str(segments(stored["body"])),
        "price": None,
        "price_unit": "USD",
        "sid": stored["sid"],
        "status": status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": stored["to"],
        "uri": f"{uri}.json",
    }


def callback(stored: Json, status: str) -> dict[str, str]:
    """The form that a StatusCallback gets."""
    form = {
        "AccountSid": stored["account_sid"],
        "ApiVersion": API_VERSION,
        "MessageSid": stored["sid"],
        "MessageStatus": status,
        "SmsSid": stored["sid"],
        "SmsStatus": status,
        "To": stored["to"],
    }
    if stored["from"]:
        form["From"] = stored["from"]
    if stored["error_code"] and status == stored["steps"][-1][1]:
        form["ErrorCode"] = str(stored["error_code"])
    return form


def inbound(account_sid: str, sender: str, to: str, body: str) -> dict[str, str]:
    """The form of a message that a person sends to us."""
    sid = f"SM{secrets.token_hex(16)}"
    return {
        "AccountSid": account_sid,
        "ApiVersion": API_VERSION,
        "Body": body,
        "From": sender,
        "MessageSid": sid,
        "NumMedia": "0",
        "NumSegments": str(segments(body)),
        "SmsMessageSid": sid,
        "SmsSid": sid,
        "SmsStatus": "received",
        "To": to,
    }


def wanted(stored: Json, query: dict[str, str]) -> bool:
    """Whether the list's filters To, From and DateSent (=, <, >) let it through."""
    if query.get("To", stored["to"]) != stored["to"]:
        return False
    if query.get("From", stored["from"]) != stored["from"]:
        return False
    sent: float = stored["steps"][min(1, len(stored["steps"]) - 1)][0]
    if "DateSent>" in query and sent < _moment(query["DateSent>"]):
        return False
    if "DateSent<" in query and sent > _moment(query["DateSent<"]):
        return False
    if "DateSent" in query:
        day = _moment(query["DateSent"][:10])
        return day <= sent < day + 24 * 3600
    return True


def page(rows: list[Json], query: dict[str, str], request: Request) -> Json:
    """One page of the list, newest first."""
    size = _whole(query, "PageSize", 50, range(1, 1001))
    number = _whole(query, "Page", 0, range(100_000))
    start = number * size
    part = rows[start : start + size]
    more = len(rows) > start + size

    def uri(page_number: int) -> str:
        changed = {**query, "PageSize": str(size), "Page": str(page_number)}
        return f"{request.path}?{urllib.parse.urlencode(changed)}"

    return {
        "end": start + max(len(part) - 1, 0),
        "first_page_uri": uri(0),
        "messages": [shown(row) for row in part],
        "next_page_uri": uri(number + 1) if more else None,
        "page": number,
        "page_size": size,
        "previous_page_uri": uri(number - 1) if number else None,
        "start": start,
        "uri": uri(number),
    }


def account(account_sid: str) -> Json:
    moment = _rfc2822(1_700_000_000)
    return {
        "auth_token": "0" * 32,
        "date_created": moment,
        "date_updated": moment,
        "friendly_name": "Fake shop",
        "owner_account_sid": account_sid,
        "sid": account_sid,
        "status": "active",
        "subresource_uris": {},
        "type": "Full",
        "uri": f"/{API_VERSION}/Accounts/{account_sid}.json",
    }


def balance(account_sid: str) -> Json:
    return {"account_sid": account_sid, "balance": "25.00", "currency": "USD"}


def _rfc2822(moment: float) -> str:
    return email.utils.format_datetime(
        datetime.datetime.fromtimestamp(int(moment), datetime.UTC)
    )


def _moment(text: str) -> float:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError as exc:
        raise TwilioError(400, 20001, f"Invalid date: {text}") from exc
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return found.timestamp()


def _whole(query: dict[str, str], name: str, default: int, allowed: Any) -> int:
    given = query.get(name, str(default))
    if not re.fullmatch(r"\d{1,6}", given) or int(given) not in allowed:
        raise TwilioError(400, 20001, f"Invalid {name}: {given}")
    return int(given)
