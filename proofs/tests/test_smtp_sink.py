import json
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink
from proofs.fakes.web import FakeServer
from proofs.tests.stripe_peer import Page, post


@dataclass
class Peer:
    port: int
    control_url: str
    ledger: Ledger

    def control(self, **switches: Any) -> Page:
        return post(f"{self.control_url}/_control", json.dumps(switches))

    def send(self, *, timeout: float = 5) -> None:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=timeout) as client:
            client.send_message(mail())

    def mails(self) -> list[Json]:
        return self.ledger.objects("mail")


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "shop@example.com"
    message["To"] = "ada@example.com"
    message["Subject"] = "Rechnung für Ada"
    message["Message-ID"] = "<1@shop.example>"
    message.set_content("Grüße\n.\n..two dots\n")
    return message


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with Ledger(tmp_path / "mail.sqlite3").closing() as ledger:
        sink = SmtpSink(ledger)
        with SmtpServer(sink) as server, FakeServer(sink) as control:
            yield Peer(server.port, control.url, ledger)


def test_keeps_each_mail_with_its_id_and_recipients(peer: Peer) -> None:
    peer.send()

    [kept] = peer.mails()
    assert kept["message_id"] == "<1@shop.example>"
    assert kept["recipients"] == ["ada@example.com"]
    assert kept["mail_from"] == "shop@example.com"
    assert kept["subject"] == "Rechnung für Ada"
    assert kept["answered"] is True
    assert "..two dots" in kept["raw"]


def test_answers_per_recipient(peer: Peer) -> None:
    peer.control(recipients={"bounce@example.com": 550, "@slow.example": 451})

    with smtplib.SMTP("127.0.0.1", peer.port, timeout=5) as client:
        refused = client.send_message(
            mail(), to_addrs=["ada@example.com", "Bounce@example.com", "x@slow.example"]
        )

    assert {name: code for name, (code, _) in refused.items()} == {
        "Bounce@example.com": 550,
        "x@slow.example": 451,
    }
    assert peer.mails()[0]["recipients"] == ["ada@example.com"]
    assert peer.control(recipients={"a@b.example": 999}).status == 400


@pytest.mark.parametrize(
    ("switch", "code"), [("refuse_mail", 421), ("refuse_data", 552)]
)
def test_refuses_and_keeps_nothing(peer: Peer, switch: str, code: int) -> None:
    peer.control(**{switch: {"times": 1, "code": code}})

    with pytest.raises(smtplib.SMTPResponseException) as refused:
        peer.send()

    assert refused.value.smtp_code == code
    assert peer.mails() == []
    peer.send()
    assert len(peer.mails()) == 1


@pytest.mark.parametrize("switch", ["accept_then_drop", "accept_then_hang"])
def test_takes_the_mail_and_drops_the_reply(peer: Peer, switch: str) -> None:
    peer.control(**{switch: {"times": 1, "seconds": 1}})

    with pytest.raises((smtplib.SMTPServerDisconnected, TimeoutError)):
        peer.send(timeout=0.5)

    assert [kept["answered"] for kept in peer.mails()] == [False]
    peer.send()
    ids = [kept["message_id"] for kept in peer.mails()]
    assert ids == ["<1@shop.example>"] * 2


def test_hangs_after_the_data_and_takes_nothing(peer: Peer) -> None:
    peer.control(hang_after_data={"times": 1, "seconds": 1})

    with pytest.raises((smtplib.SMTPServerDisconnected, TimeoutError)):
        peer.send(timeout=0.5)

    assert peer.mails() == []


def test_asks_for_a_login(tmp_path: Path) -> None:
    with (
        Ledger(tmp_path / "mail.sqlite3").closing() as ledger,
        SmtpServer(SmtpSink(ledger, login=("shop", "right"))) as server,
        smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client,
    ):
        with pytest.raises(smtplib.SMTPResponseException) as refused:
            client.send_message(mail())
        assert refused.value.smtp_code == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("shop", "wrong")
        client.login("shop", "right")
        client.send_message(mail())

        assert len(ledger.objects("mail")) == 1
