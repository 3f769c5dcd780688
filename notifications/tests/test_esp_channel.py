import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests
from django.core.mail import EmailMultiAlternatives
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings

from merchant_portal.mail_services import SERVICES
from notifications.channels import esp
from notifications.channels.base import (
    Attachment,
    Channel,
    ChannelDown,
    Refused,
    Unavailable,
    Unclear,
)
from notifications.channels.esp import EspChannel
from notifications.channels.registry import get_channel
from proofs.fakes.ledger import Ledger
from proofs.fakes.mail_api import MailApiFake
from proofs.fakes.web import FakeServer
from proofs.processes import free_port

from .channel_contract import ChannelContract

KEY = "key-of-the-shop"
MESSAGE_ID = "<msg_00000000000000000001@shop.example>"


class EspContract(ChannelContract):
    """The contract, over HTTP; `key_setting` is anymail's name for the key."""

    recipient = "ada@example.com"
    esp: ClassVar[str]
    key_setting: ClassVar[str]
    more: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def peer(self, tmp_path: Path, settings: Settings) -> Iterator[None]:
        self.settings = settings
        with Ledger(tmp_path / "mail.sqlite3").closing() as ledger:
            self.ledger = ledger
            self.fake = MailApiFake(ledger, esp=self.esp, key=KEY)
            with FakeServer(self.fake) as server:
                settings.EMAIL_ESP = self.esp
                settings.DEFAULT_FROM_EMAIL = "shop@shop.example"
                settings.ANYMAIL = {
                    self.key_setting: KEY,
                    f"{self.esp.upper()}_API_URL": server.url,
                    "REQUESTS_TIMEOUT": 1,
                    **self.more,
                }
                yield

    def make_channel(self) -> Channel:
        channel = get_channel("email")()
        assert isinstance(channel, EspChannel)
        return channel

    def mails(self) -> list[dict[str, Any]]:
        return self.ledger.objects("mail")

    def taken(self) -> list[str]:
        return [str(kept["text"]) for kept in self.mails()]

    def switch(self, name: str, value: Any = 1) -> None:
        self.fake.faults.set(name, value)

    def refuse(self) -> None:
        self.switch("refuse")

    def refuse_address(self) -> None:
        self.switch("refuse_address")

    def be_busy(self) -> None:
        self.switch("rate_limit", {"times": 1, "retry_after": 90})

    def take_and_hang_up(self) -> None:
        self.switch("take_then_reset")

    def refuse_credentials(self) -> None:
        self.settings.ANYMAIL |= {self.key_setting: "wrong"}

    def disappear(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        self.settings.ANYMAIL |= {f"{self.esp.upper()}_API_URL": url}

    def test_the_services_own_name_is_kept(self) -> None:
        name = self.send().provider_message_id
        assert self.mails()[0]["id"] in name

    @pytest.mark.parametrize(
        "switch", ["take_then_500", "take_then_hang", "take_then_garble", "error_500"]
    )
    def test_server_errors_and_silence_are_unclear(self, switch: str) -> None:
        self.switch(switch)
        with pytest.raises(Unclear):
            self.send()
        assert len(self.ledger.calls(method="POST")) == 1

    def test_the_time_to_come_back_is_obeyed_within_bounds(self) -> None:
        self.be_busy()
        with pytest.raises(Unavailable) as caught:
            self.send()
        assert caught.value.retry_after_seconds == 90
        self.switch("rate_limit", {"times": 1, "retry_after": 10**9})
        with pytest.raises(Unavailable) as caught:
            self.send()
        assert caught.value.retry_after_seconds == esp.MAX_RETRY_AFTER_SECONDS

    def test_the_key_follows_no_redirect(self) -> None:
        self.switch("redirect")
        with pytest.raises(ChannelDown) as caught:
            self.send()
        assert caught.value.is_misconfigured
        assert [call.path for call in self.ledger.calls()] == [
            *{call.path for call in self.ledger.calls(method="POST")}
        ]

    @pytest.mark.parametrize("field", ["subject", "recipient", "sender", "reply_to"])
    def test_header_injection_is_refused_and_sends_nothing(self, field: str) -> None:
        evil: Any = "a@example.com\r\nBcc: victim@example.com"
        with self.make_channel() as channel, pytest.raises(Refused):
            channel.send(replace(self.outgoing(), **{field: evil}))
        assert self.mails() == []


class TestPostmark(EspContract):
    esp = "postmark"
    key_setting = "POSTMARK_SERVER_TOKEN"

    def test_mail_is_whole(self) -> None:
        url = "https://pay.example.com/unsubscribe/abc/"
        file = Attachment("invoice.pdf", b"%PDF-", "application/pdf")
        with self.make_channel() as channel:
            channel.send(
                replace(
                    self.outgoing(),
                    unsubscribe_url=url,
                    reply_to="hi@shop.example",
                    attachments=(file,),
                )
            )

        body = self.mails()[0]["body"]
        assert body["From"] == "Blue Door <shop@shop.example>"
        assert (body["To"], body["ReplyTo"]) == (self.recipient, "hi@shop.example")
        assert body["HtmlBody"] == "<p>Pay here</p>"
        assert {each["Name"]: each["Value"] for each in body["Headers"]} == {
            "Message-ID": MESSAGE_ID,
            "X-PM-KeepID": "true",
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        assert body["Attachments"] == [
            {
                "Name": "invoice.pdf",
                "Content": "JVBERi0=",
                "ContentType": "application/pdf",
            }
        ]
        assert body["Metadata"] == {esp.METADATA: "msg_00000000000000000001"}
        assert (body["TrackOpens"], body["TrackLinks"]) == (False, "None")

    def test_opens_are_noted_only_when_asked_for(self) -> None:
        with self.make_channel() as channel:
            channel.send(replace(self.outgoing(), tracks_opens=True))

        body = self.mails()[0]["body"]
        assert (body["TrackOpens"], body["TrackLinks"]) == (True, "None")

    def test_second_try_has_the_same_message_id(self) -> None:
        self.take_and_hang_up()
        with self.make_channel() as channel:
            with pytest.raises(Unclear):
                channel.send(self.outgoing())
            channel.send(self.outgoing())

        first, second = (mail["body"]["Headers"] for mail in self.mails())
        assert first == second

    def test_captured_while_nothing_is_set(self) -> None:
        self.settings.EMAIL_CAPTURED = True
        assert EspChannel.is_captured()


class TestMandrill(EspContract):
    esp = "mandrill"
    key_setting = "MANDRILL_API_KEY"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"code": "invalid_parameter"}, Refused),
        (402, {"code": "not_enough_credits"}, ChannelDown),
        (403, {"code": "permission_denied"}, ChannelDown),
        (408, {}, Unclear),
        (413, {}, Refused),
        (500, {}, Unclear),
        (502, {}, Unclear),
        (503, {}, Unavailable),
        (201, {"no": "id"}, Unclear),
    ],
)
def test_what_a_status_means(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: dict[str, str],
    error: type[Exception],
) -> None:
    settings.EMAIL_ESP = "brevo"
    settings.ANYMAIL = {"BREVO_API_KEY": KEY}
    answer(monkeypatch, status, body)
    with EspChannel() as channel, pytest.raises(error):
        channel.send(ChannelContractProbe().outgoing())


@pytest.mark.parametrize(
    ("service", "status", "body", "error"),
    [
        # a person must look at the account
        ("postmark", 422, {"ErrorCode": 405, "Message": "no credits"}, ChannelDown),
        ("postmark", 422, {"ErrorCode": 300, "Message": "Invalid 'To'"}, Refused),
        ("postal", 200, {"status": "error", "data": {"code": "X"}}, Refused),
        (
            "postal",
            200,
            {"status": "error", "data": {"code": "InvalidServerAPIKey"}},
            ChannelDown,
        ),
        # Mailjet says in a 4xx that this one failed; anymail raises nothing
        ("mailjet", 400, {"Messages": [{"Status": "error", "Errors": []}]}, Refused),
        ("unisender_go", 200, {"status": "odd"}, Unclear),
    ],
)
def test_what_anymail_does_not_raise_is_no_success(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    status: int,
    body: dict[str, Any],
    error: type[Exception],
) -> None:
    settings.EMAIL_ESP = service
    settings.ANYMAIL = every_key()
    answer(monkeypatch, status, body)
    with EspChannel() as channel, pytest.raises(error):
        channel.send(ChannelContractProbe().outgoing())


def test_a_mandrill_refusal_about_the_sender_does_not_condemn_the_address(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_ESP = "mandrill"
    settings.ANYMAIL = every_key()
    said = [{"email": "a@b", "status": "rejected", "reject_reason": "invalid-sender"}]
    answer(monkeypatch, 200, said)
    with EspChannel() as channel, pytest.raises(Refused) as caught:
        channel.send(ChannelContractProbe().outgoing())
    assert not caught.value.is_unreachable


@pytest.mark.filterwarnings("ignore:django-anymail has dropped official support")
@pytest.mark.parametrize("name", [n for n, s in SERVICES.items() if s.user])
def test_every_service_can_be_told_all_that_a_reminder_says(
    settings: Settings, name: str
) -> None:
    """None refuses a header, a file or the mark by which its reports find the message."""
    settings.EMAIL_ESP = name
    settings.ANYMAIL = every_key()
    file = Attachment("invoice.pdf", b"%PDF-", "application/pdf")
    outgoing = replace(
        ChannelContractProbe().outgoing(),
        unsubscribe_url="https://pay.example.com/unsubscribe/abc/",
        reply_to="hi@shop.example",
        sender="Blåa Dörren <shop@shop.example>",
        attachments=(file,),
    )
    backend = import_string(f"anymail.backends.{name}.EmailBackend")()

    mail: EmailMultiAlternatives = EspChannel()._mail_of(outgoing)
    payload = backend.build_message_payload(mail, backend.send_defaults)
    request = payload.get_request_params(backend.api_url)

    said = f"{request['data']} {request['headers']} {request['files']}"
    for part in ("msg_00000000000000000001", "invoice.pdf", "unsubscribe/abc"):
        assert part in said


class ChannelContractProbe(ChannelContract):
    __test__ = False
    recipient = "ada@example.com"


def every_key() -> dict[str, str]:
    keys = {s.user: KEY for s in SERVICES.values() if s.user}
    keys |= {s.password: KEY for s in SERVICES.values() if s.password}
    keys |= {s.host: "https://mail.example.com" for s in SERVICES.values() if s.host}
    return keys | {"MAILGUN_SENDER_DOMAIN": "mg.shop.example"}


def answer(monkeypatch: pytest.MonkeyPatch, status: int, body: Any) -> None:
    """Every service answers so; nothing leaves the machine."""

    def send(
        self: requests.Session, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response._content = json.dumps(body).encode()
        response.headers["Content-Type"] = "application/json"
        return response

    monkeypatch.setattr(requests.Session, "send", send)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        (
            "mailgun",
            {"MAILGUN_API_KEY": KEY, "MAILGUN_SENDER_DOMAIN": "mg.shop.example"},
        ),
        ("brevo", {"BREVO_API_KEY": KEY}),
        ("resend", {"RESEND_API_KEY": KEY}),
    ],
)
def test_other_services_take_a_mail_over_http_too(
    settings: Settings, tmp_path: Path, name: str, keys: dict[str, str]
) -> None:
    settings.EMAIL_ESP = name
    with Ledger(tmp_path / "mail.sqlite3").closing() as ledger:
        with FakeServer(MailApiFake(ledger, esp=name, key=KEY)) as server:
            settings.ANYMAIL = {**keys, f"{name.upper()}_API_URL": server.url}
            with EspChannel() as channel:
                outgoing = ChannelContractProbe().outgoing("Łukasz 😀")
                handed = channel.send(outgoing)
                file = Attachment("invoice.pdf", b"%PDF-", "application/pdf")
                channel.send(replace(outgoing, attachments=(file,)))
        mail, with_file = ledger.objects("mail")

    assert mail["id"] in handed.provider_message_id
    assert (mail["to"], mail["text"]) == ("ada@example.com", "Łukasz 😀")
    assert "msg_00000000000000000001" in str(mail["body"])
    assert "invoice.pdf" in str(with_file["body"])
    if name == "resend":
        assert mail["headers"]["idempotency-key"] == "msg_00000000000000000001"
