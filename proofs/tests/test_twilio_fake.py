import base64
import datetime
import json
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from proofs import vendor_specs
from proofs.fakes.ledger import Ledger
from proofs.fakes.receiver import Receiver, ReceiverServer
from proofs.fakes.twilio import TwilioFake
from proofs.fakes.twilio_messages import segments
from proofs.fakes.web import FakeServer, Request
from proofs.tests.stripe_peer import Page, post

SID = "AC" + "0" * 32
TOKEN = "fake-auth-token"
ADA = "+15551230000"


@dataclass
class Peer:
    url: str
    ledger: Ledger
    receiver: Receiver
    callback_url: str
    client: Client

    def control(self, **switches: Any) -> Page:
        return post(f"{self.url}/_control", json.dumps(switches))

    def send(self, to: str = ADA, body: str = "Hello", **more: Any) -> MessageInstance:
        return self.client.messages.create(
            to=to, from_="+15557654321", body=body, **more
        )


@contextmanager
def running_peer(
    directory: Path, *, specs: Path | None = None, step_seconds: float = 0.05
) -> Iterator[Peer]:
    ledger = Ledger(directory / "twilio.sqlite3")
    fake = TwilioFake(
        ledger,
        account_sid=SID,
        auth_token=TOKEN,
        specs=specs,
        step_seconds=step_seconds,
    )
    with ReceiverServer() as receiving, ledger.closing(), FakeServer(fake) as server:
        url = f"{receiving.url}/status"
        client = sdk(server.url)
        yield Peer(server.url, ledger, receiving.receiver, url, client)
        client.http_client.session.close()


def sdk(url: str, *, timeout: float = 5) -> Client:
    client = Client(SID, TOKEN, http_client=TwilioHttpClient(timeout=timeout))
    client.api.base_url = url
    return client


@pytest.fixture(autouse=True)
def plain_host(monkeypatch: pytest.MonkeyPatch) -> None:
    # The SDK would write these into the host name of any address.
    monkeypatch.delenv("TWILIO_EDGE", raising=False)
    monkeypatch.delenv("TWILIO_REGION", raising=False)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with running_peer(tmp_path) as running:
        yield running


def form_of(request: Request) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(request.text))


def is_signed(url: str, request: Request, token: str = TOKEN) -> bool:
    signature = request.headers["x-twilio-signature"]
    return bool(RequestValidator(token).validate(url, form_of(request), signature))


def test_a_message_is_taken_and_delivered(peer: Peer) -> None:
    sent = peer.send()

    assert (sent.status, sent.to, sent.num_segments) == ("queued", ADA, "1")
    assert sent.sid is not None
    deadline = time.monotonic() + 10
    while peer.client.messages(sent.sid).fetch().status != "delivered":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [m["body"] for m in peer.ledger.objects("message")] == ["Hello"]


def test_each_step_is_told_with_a_valid_signature(peer: Peer) -> None:
    url = f"{peer.callback_url}?m=msg_1"
    sent = peer.send(status_callback=url)

    requests_seen = peer.receiver.wait_for(2)

    forms = [form_of(request) for request in requests_seen]
    assert sorted(form["MessageStatus"] for form in forms) == ["delivered", "sent"]
    assert {form["MessageSid"] for form in forms} == {sent.sid}
    assert [request.query for request in requests_seen] == ["m=msg_1"] * 2
    assert all(is_signed(url, request) for request in requests_seen)
    assert not is_signed(url, requests_seen[0], "another-token")
    assert not is_signed(peer.callback_url, requests_seen[0])


def test_a_number_can_be_given_a_fate(peer: Peer) -> None:
    fate = {"to": ADA, "statuses": ["sent", "undelivered"], "error_code": 30003}
    assert peer.control(fate=fate).status == 200

    peer.send(status_callback=peer.callback_url)

    last = {
        form["MessageStatus"]: form.get("ErrorCode")
        for form in map(form_of, peer.receiver.wait_for(2))
    }
    assert last == {"sent": None, "undelivered": "30003"}
    assert peer.control(fate={"statuses": ["vanished"]}).status == 400


def test_callbacks_can_be_lost_and_doubled(peer: Peer) -> None:
    peer.control(webhook="off")
    peer.send(status_callback=peer.callback_url)
    assert peer.ledger.deliveries() == []

    peer.control(webhook="twice")
    peer.send(status_callback=peer.callback_url)
    assert len(peer.receiver.wait_for(4)) == 4


def test_a_person_can_write_back(peer: Peer) -> None:
    message = {
        "url": peer.callback_url,
        "from": ADA,
        "to": "+15557654321",
        "body": "STOP",
    }
    peer.control(inbound=message)

    [request] = peer.receiver.wait_for(1)

    assert is_signed(peer.callback_url, request)
    assert form_of(request)["Body"] == "STOP"
    assert form_of(request)["From"] == ADA


def test_lists_by_number_and_time(peer: Peer) -> None:
    first = peer.send(body="one")
    peer.send("+15551230001")
    third = peer.send(body="three")

    listed = peer.client.messages.list(to=ADA)

    assert [message.sid for message in listed] == [third.sid, first.sid]
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    assert len(peer.client.messages.list(to=ADA, date_sent_after=now - hour)) == 2
    assert peer.client.messages.list(to=ADA, date_sent_after=now + hour) == []
    assert peer.client.messages.list(to=ADA, date_sent_before=now - hour) == []
    assert len(peer.client.messages.list(page_size=1)) == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "12"}, 21211),
        ({"to": "+15551230000; DROP"}, 21211),
        ({"body": "x" * 1601}, 21617),
        ({"body": ""}, 21602),
        ({"status_callback": "javascript:1"}, 21609),
    ],
)
def test_refuses_what_twilio_refuses(
    peer: Peer, changes: dict[str, Any], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        peer.send(**changes)

    assert (refused.value.status, refused.value.code) == (400, code)
    assert peer.ledger.objects("message") == []


@pytest.mark.parametrize(
    ("switch", "status", "code"),
    [
        ("rate_limit", 429, 20429),
        ("error_500", 500, 20500),
        ("error_21610", 400, 21610),
        ("error_21211", 400, 21211),
    ],
)
def test_refusals_take_nothing(peer: Peer, switch: str, status: int, code: int) -> None:
    peer.control(**{switch: {"times": 1, "to": ADA}})
    peer.send("+15551230001")

    with pytest.raises(TwilioRestException) as refused:
        peer.send()

    assert (refused.value.status, refused.value.code) == (status, code)
    assert [m["to"] for m in peer.ledger.objects("message")] == ["+15551230001"]
    assert peer.send().status == "queued"


@pytest.mark.parametrize("switch", ["take_then_hang", "take_then_reset"])
def test_a_lost_reply_leaves_a_taken_message(peer: Peer, switch: str) -> None:
    peer.control(**{switch: {"times": 1, "seconds": 1}})
    hasty = replace(peer, client=sdk(peer.url, timeout=0.5))

    with pytest.raises(
        requests.ConnectionError if "reset" in switch else requests.Timeout
    ):
        hasty.send()
    hasty.client.http_client.session.close()

    [taken] = peer.client.messages.list(to=ADA)
    assert taken.body == "Hello"
    assert peer.ledger.calls(method="POST")[0].status is None


def test_a_500_after_taking_and_a_repeat_send_twice(peer: Peer) -> None:
    peer.control(take_then_500=1)
    with pytest.raises(TwilioRestException):
        peer.send()

    peer.send()

    assert len(peer.ledger.objects("message")) == 2


def test_a_wrong_token_is_refused(peer: Peer) -> None:
    headers = {"Authorization": "Basic " + base64.b64encode(b"AC:x").decode()}
    url = f"{peer.url}/2010-04-01/Accounts/{SID}/Messages.json"

    assert post(url, "To=%2B15551230000&Body=a&From=b", headers).status == 401
    assert post(url, "", {"Authorization": "Basic ???"}).status == 401
    assert peer.ledger.objects("message") == []


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_counts_segments_as_the_networks_do(body: str, count: int) -> None:
    assert segments(body) == count


@pytest.mark.stack
def test_nothing_is_said_that_twilio_would_not_say(tmp_path: Path) -> None:
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        sent = peer.send(status_callback=peer.callback_url)
        assert sent.sid is not None
        peer.client.messages(sent.sid).fetch()
        peer.client.messages.list(
            to=ADA,
            date_sent_after=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
            page_size=1,
        )
        assert peer.client.api.accounts(SID).fetch().status == "active"
        peer.client.api.accounts(SID).balance.fetch()
        peer.receiver.wait_for(2)

        assert peer.ledger.findings() == []

        url = f"{peer.url}/2010-04-01/Accounts/{SID}/Messages.json"
        basic = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        post(
            url,
            "To=%2B15551230000&From=%2B15557654321&Body=a&Text=b",
            {
                "Authorization": f"Basic {basic}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        [finding] = peer.ledger.findings()
        assert finding.endswith("body.Text: unknown name")
