"""WhatsApp against the fake of Twilio; what it shares with SMS is proved by the contract."""

import json
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from notifications.channels import twilio
from notifications.channels.base import Channel, Refused, Unclear
from notifications.channels.whatsapp import WhatsAppChannel
from proofs.fakes.ledger import Ledger
from proofs.fakes.twilio import TwilioFake
from proofs.fakes.web import FakeServer
from proofs.processes import free_port

from .channel_contract import ChannelContract

SID = "AC" + "0" * 32
APPROVED = "HX" + "a" * 32


class TestWhatsAppChannel(ChannelContract):
    recipient = "+14155550100"

    @pytest.fixture(autouse=True)
    def peer(
        self, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        self.settings = settings
        monkeypatch.setattr(twilio, "TIMEOUT_SECONDS", 1)
        with Ledger(tmp_path / "twilio.sqlite3").closing() as ledger:
            self.ledger = ledger
            self.fake = TwilioFake(ledger, account_sid=SID, auth_token="secret")
            ledger.put("template", APPROVED, {"body": "Hello {{1}}, pay {{2}}"})
            with FakeServer(self.fake) as server:
                settings.TWILIO_API_BASE = server.url
                settings.TWILIO_ACCOUNT_SID = SID
                settings.TWILIO_AUTH_TOKEN = "secret"
                settings.TWILIO_FROM = "+15550000000"
                settings.TWILIO_WHATSAPP_FROM = "+15557654321"
                settings.PUBLIC_URL = "https://pay.example.com"
                yield

    def make_channel(self) -> Channel:
        return WhatsAppChannel()

    def taken(self) -> list[str]:
        return [kept["body"] for kept in self.ledger.objects("message")]

    def switch(self, name: str, value: Any = 1) -> None:
        self.fake.faults.set(name, value)

    def refuse(self) -> None:
        self.switch("error_21211")

    def refuse_address(self) -> None:
        self.switch("error_21610")

    def be_busy(self) -> None:
        self.switch("rate_limit")

    def take_and_hang_up(self) -> None:
        self.switch("take_then_reset")

    def refuse_credentials(self) -> None:
        self.settings.TWILIO_AUTH_TOKEN = "wrong"

    def disappear(self) -> None:
        self.settings.TWILIO_API_BASE = f"http://127.0.0.1:{free_port()}"

    def form(self) -> dict[str, str]:
        [call] = self.ledger.calls(method="POST")
        return dict(urllib.parse.parse_qsl(call.body))

    def test_both_addresses_are_whatsapps(self) -> None:
        self.send()

        form = self.form()
        assert form["To"] == "whatsapp:+14155550100"
        assert form["From"] == "whatsapp:+15557654321"
        assert form["StatusCallback"].endswith(
            "/webhooks/twilio/status/msg_00000000000000000001/"
        )

    def test_a_messaging_service_chooses_the_sender(self) -> None:
        self.settings.TWILIO_WHATSAPP_FROM = "MG" + "1" * 32

        self.send()

        form = self.form()
        assert form["MessagingServiceSid"] == "MG" + "1" * 32
        assert "From" not in form

    def test_an_approved_text_goes_by_its_id_and_its_values_alone(self) -> None:
        values = {"1": "Ærøskøbing “Ada”", "2": "12,50 €"}
        outgoing = replace(
            self.outgoing("never sent"), template_id=APPROVED, template_values=values
        )

        with self.make_channel() as channel:
            channel.send(outgoing)

        form = self.form()
        assert form["ContentSid"] == APPROVED
        assert json.loads(form["ContentVariables"]) == values
        assert "Body" not in form
        assert self.taken() == ["Hello Ærøskøbing “Ada”, pay 12,50 €"]

    def test_a_text_without_values_sends_none(self) -> None:
        self.ledger.put("template", APPROVED, {"body": "Hello"})

        with self.make_channel() as channel:
            channel.send(replace(self.outgoing(), template_id=APPROVED))

        assert "ContentVariables" not in self.form()
        assert self.taken() == ["Hello"]

    def test_an_id_that_twilio_does_not_know_is_told_in_words(self) -> None:
        unknown = replace(self.outgoing(), template_id="HX" + "b" * 32)

        with (
            self.make_channel() as channel,
            pytest.raises(Refused, match="check the WhatsApp template"),
        ):
            channel.send(unknown)
        assert self.taken() == []

    @pytest.mark.parametrize("switch", ["take_then_500", "take_then_hang", "error_500"])
    def test_server_errors_and_silence_are_unclear(self, switch: str) -> None:
        self.switch(switch)
        with pytest.raises(Unclear):
            self.send()
        assert len(self.ledger.calls(method="POST")) == 1

    def test_captured_while_no_number_is_set(self) -> None:
        assert not WhatsAppChannel.repeats_unclear
        self.settings.WHATSAPP_CAPTURED = True
        assert WhatsAppChannel.is_captured()
