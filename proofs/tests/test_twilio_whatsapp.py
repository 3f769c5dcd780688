"""The fake's own rules of WhatsApp, through Twilio's SDK."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from .test_twilio_fake import ADA, Peer, running_peer

WHATSAPP = f"whatsapp:{ADA}"
FROM = "whatsapp:+15005550006"
SID = "HX" + "a" * 32


def ends(peer: Peer, sid: str) -> tuple[str, int | None]:
    deadline = time.monotonic() + 10
    while True:
        found = peer.client.messages(sid).fetch()
        if found.status in {"delivered", "undelivered"}:
            return found.status, found.error_code
        assert time.monotonic() < deadline
        time.sleep(0.02)


def send(peer: Peer, **form: Any) -> Any:
    return peer.client.messages.create(**{"to": WHATSAPP, "from_": FROM, **form})


def test_an_approved_text_is_filled_and_delivered(tmp_path: Path) -> None:
    with running_peer(tmp_path) as peer:
        peer.control(template={"sid": SID, "body": "Hello {{1}}"})

        sent = send(peer, content_sid=SID, content_variables=json.dumps({"1": "Ada"}))

        assert ends(peer, sent.sid) == ("delivered", None)
        assert [m["body"] for m in peer.ledger.objects("message")] == ["Hello Ada"]
        assert peer.ledger.findings() == []


def test_free_words_are_delivered_within_a_day_of_theirs_only(tmp_path: Path) -> None:
    with running_peer(tmp_path) as peer:
        before = send(peer, body="hello")
        inbound = {"from": WHATSAPP, "to": FROM, "body": "hi", "url": peer.callback_url}
        peer.control(inbound=inbound)
        after = send(peer, body="hello")
        peer.ledger.put("window", WHATSAPP, {"at": time.time() - 86_401})
        late = send(peer, body="hello")

        assert ends(peer, before.sid) == ("undelivered", 63016)
        assert ends(peer, after.sid) == ("delivered", None)
        assert ends(peer, late.sid) == ("undelivered", 63016)


def test_a_value_that_is_missing_is_told_later(tmp_path: Path) -> None:
    with running_peer(tmp_path) as peer:
        peer.control(template={"sid": SID, "body": "Hello {{1}} {{2}}"})

        sent = send(peer, content_sid=SID, content_variables=json.dumps({"1": "Ada"}))

        assert ends(peer, sent.sid) == ("undelivered", 63028)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"content_sid": "HX" + "b" * 32}, 21655),
        ({"content_variables": "{}", "body": "x"}, 21654),
        ({"content_sid": SID, "content_variables": "no json"}, 21656),
        ({"content_sid": SID, "content_variables": '{"1": ""}'}, 21656),
        ({"content_sid": SID, "content_variables": '{"1": "a\\n"}'}, 21656),
        ({"body": "x", "from_": "+15005550006"}, 63007),
        ({}, 21602),
    ],
)
def test_what_twilio_refuses_at_once(
    tmp_path: Path, form: dict[str, str], code: int
) -> None:
    with running_peer(tmp_path) as peer:
        peer.control(template={"sid": SID, "body": "Hello {{1}}"})

        with pytest.raises(TwilioRestException) as refused:
            send(peer, **form)

        assert refused.value.code == code
        assert peer.ledger.objects("message") == []
