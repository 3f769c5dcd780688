from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from notifications.channels import twilio
from notifications.channels.base import Channel, Refused, Unavailable, Unclear
from notifications.channels.sms import SmsChannel
from proofs.fakes.ledger import Ledger
from proofs.fakes.twilio import TwilioFake
from proofs.fakes.web import FakeServer
from proofs.processes import free_port

from .channel_contract import ChannelContract

SID = "AC" + "0" * 32


class TestSmsChannel(ChannelContract):
    recipient = "+14155550100"

    @pytest.fixture(autouse=True)
    def peer(
        self, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        self.settings = settings
        # The SDK would write this into the host name; the channel must not let it.
        monkeypatch.setenv("TWILIO_EDGE", "sydney")
        monkeypatch.setattr(twilio, "TIMEOUT_SECONDS", 1)
        with Ledger(tmp_path / "twilio.sqlite3").closing() as ledger:
            self.ledger = ledger
            self.fake = TwilioFake(ledger, account_sid=SID, auth_token="secret")
            with FakeServer(self.fake) as server:
                settings.TWILIO_API_BASE = server.url
                settings.TWILIO_ACCOUNT_SID = SID
                settings.TWILIO_AUTH_TOKEN = "secret"
                settings.TWILIO_FROM = "+15557654321"
                settings.PUBLIC_URL = "https://pay.example.com"
                yield

    def make_channel(self) -> Channel:
        return SmsChannel()

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

    @pytest.mark.parametrize("switch", ["take_then_500", "take_then_hang", "error_500"])
    def test_server_errors_and_silence_are_unclear(self, switch: str) -> None:
        self.switch(switch)
        with pytest.raises(Unclear):
            self.send()
        assert len(self.ledger.calls(method="POST")) == 1

    def test_carrier_may_name_the_time_to_come_back(self) -> None:
        self.be_busy()
        with pytest.raises(Unavailable) as caught:
            self.send()
        assert 0 < caught.value.retry_after_seconds <= twilio.MAX_RETRY_AFTER_SECONDS

    def test_reports_are_asked_for_at_our_address(self) -> None:
        self.send()
        [call] = self.ledger.calls(method="POST")
        assert (
            "StatusCallback=https%3A%2F%2Fpay.example.com%2Fwebhooks%2Ftwilio%2Fstatus"
            "%2Fmsg_00000000000000000001%2F" in call.body
        )

    def test_endless_text_is_refused_before_the_call(self) -> None:
        with self.make_channel() as channel, pytest.raises(Refused, match="1600"):
            channel.send(replace(self.outgoing(), text="a" * 1601))
        assert self.ledger.calls(method="POST") == []

    def test_captured_while_no_account_is_set(self) -> None:
        self.settings.SMS_CAPTURED = True
        assert SmsChannel.is_captured()
