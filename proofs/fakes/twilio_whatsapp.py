"""WhatsApp's own rules at Twilio: approved templates, and a day for free words."""

import json
import re
import time
from typing import Any

from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.twilio_messages import Fate, TwilioError

PREFIX = "whatsapp:"
SID = re.compile(r"HX[0-9a-fA-F]{32}\Z")
HOLE = re.compile(r"\{\{([^{}]+)\}\}")
WINDOW_SECONDS = 24 * 3600


def approve(ledger: Ledger, value: Any) -> None:
    """A template that may be sent: {"sid": "HX…", "body": "Hello {{1}}"}."""
    ledger.put("template", value["sid"], {"body": value["body"]})


def heard(ledger: Ledger, sender: str) -> None:
    """A person has written: free words may go to them for a day."""
    if sender.startswith(PREFIX):
        ledger.put("window", sender, {"at": time.time()})


def check(form: dict[str, str], ledger: Ledger) -> None:
    """Refuse at once what Twilio refuses of WhatsApp. Raises TwilioError."""
    is_whatsapp = form["To"].startswith(PREFIX)
    sender = form.get("From", "")
    if sender and sender.startswith(PREFIX) != is_whatsapp:
        raise TwilioError(400, 63007, "No Channel with the specified From address")
    sid, variables = form.get("ContentSid", ""), form.get("ContentVariables", "")
    if variables and not sid:
        raise TwilioError(400, 21654, "ContentSid Required")
    if sid and (not SID.match(sid) or ledger.get("template", sid) is None):
        raise TwilioError(400, 21655, "The ContentSid is Invalid")
    if variables:
        _values(variables)


def _values(variables: str) -> dict[str, str]:
    try:
        values = json.loads(variables)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(
        isinstance(value, str) and value and "\n" not in value
        for value in values.values()
    ):
        raise TwilioError(400, 21656, "The ContentVariables Parameter is invalid")
    return values


def text_of(form: dict[str, str], ledger: Ledger) -> str:
    """What is read: the words themselves, or the template with its values in."""
    template = ledger.get("template", form.get("ContentSid", ""))
    if template is None:
        return form.get("Body", "")
    values = _values(form.get("ContentVariables") or "{}")
    return HOLE.sub(lambda hole: values.get(hole[1], hole[0]), template["body"])


def fate_of(form: dict[str, str], ledger: Ledger, otherwise: Fate) -> Fate:
    """Taken all the same, and told later: free words out of time, values missing."""
    if not form["To"].startswith(PREFIX):
        return otherwise
    if form.get("ContentSid"):
        has_holes = HOLE.search(text_of(form, ledger))
        return Fate(("undelivered",), 63028) if has_holes else otherwise
    window: Json | None = ledger.get("window", form["To"])
    if window is None or time.time() - window["at"] > WINDOW_SECONDS:
        return Fate(("undelivered",), 63016)
    return otherwise
