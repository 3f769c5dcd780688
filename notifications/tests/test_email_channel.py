import itertools
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from notifications.channels.base import (
    Attachment,
    Channel,
    ChannelDown,
    Following,
    Outgoing,
    Refused,
    Unavailable,
    Unclear,
)
from notifications.channels.email import EmailChannel
from proofs.fakes.ledger import Ledger
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink
from proofs.processes import free_port
from proofs.waiting import eventually

from .channel_contract import ChannelContract


class TestEmailChannel(ChannelContract):
    recipient = "ada@example.com"

    @pytest.fixture(autouse=True)
    def peer(self, tmp_path: Path, settings: Settings) -> Iterator[None]:
        self.settings = settings
        with Ledger(tmp_path / "mail.sqlite3").closing() as ledger:
            self.ledger = ledger
            self.sink = SmtpSink(ledger)
            with SmtpServer(self.sink) as server:
                settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
                settings.EMAIL_HOST = "127.0.0.1"
                settings.EMAIL_PORT = server.port
                settings.EMAIL_TIMEOUT = 2
                settings.DEFAULT_FROM_EMAIL = "shop@shop.example"
                yield

    def make_channel(self) -> Channel:
        return EmailChannel()

    def mails(self) -> list[EmailMessage]:
        return [
            message_from_bytes(
                kept["raw"].encode("utf-8", "surrogateescape"),
                _class=EmailMessage,
                policy=policy.default,
            )
            for kept in self.ledger.objects("mail")
        ]

    def taken(self) -> list[str]:
        bodies = [mail.get_body(("plain",)) for mail in self.mails()]
        return [body.get_content() for body in bodies if body is not None]

    def switch(self, name: str, value: Any = 1) -> None:
        self.sink.faults.set(name, value)

    def refuse(self) -> None:
        self.switch("refuse_data", {"code": 554, "times": 1})

    def refuse_address(self) -> None:
        self.sink._set_recipients({self.recipient: 550})

    def be_busy(self) -> None:
        self.switch("refuse_data", {"code": 451, "times": 1})

    def take_and_hang_up(self) -> None:
        self.switch("accept_then_drop")

    def refuse_credentials(self) -> None:
        self.sink._login = ("user", "password")

    def disappear(self) -> None:
        self.settings.EMAIL_PORT = free_port()

    def test_mail_has_both_parts_and_our_headers(self) -> None:
        self.send()

        [mail] = self.mails()
        assert mail["From"] == "Blue Door <shop@shop.example>"
        assert mail["To"] == self.recipient
        assert mail["Subject"] == "Your payment"
        assert mail["Message-ID"] == "<msg_00000000000000000001@shop.example>"
        assert mail["List-Unsubscribe"] is None
        html = mail.get_body(("html",))
        assert html is not None
        assert "<p>Pay here</p>" in html.get_content()

    def test_second_try_has_the_same_message_id(self) -> None:
        self.take_and_hang_up()
        with self.make_channel() as channel:
            for _ in range(2):
                with suppress(Unclear):
                    channel.send(self.outgoing())

        first, second = self.mails()
        assert first["Message-ID"] == second["Message-ID"]

    def test_reminder_can_be_unsubscribed_with_one_click(self) -> None:
        url = "https://pay.example.com/unsubscribe/abc/"
        with self.make_channel() as channel:
            channel.send(replace(self.outgoing(), unsubscribe_url=url))

        [mail] = self.mails()
        assert mail["List-Unsubscribe"] == f"<{url}>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    def test_attachment_and_reply_address_go_with_it(self) -> None:
        file = Attachment("invoice.pdf", b"%PDF-", "application/pdf")
        with self.make_channel() as channel:
            channel.send(
                replace(
                    self.outgoing(), attachments=(file,), reply_to="hi@shop.example"
                )
            )

        [mail] = self.mails()
        assert mail["Reply-To"] == "hi@shop.example"
        [attached] = list(mail.iter_attachments())
        assert attached.get_filename() == "invoice.pdf"
        assert attached.get_content() == b"%PDF-"

    @pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c"])
    @pytest.mark.parametrize("field", ["subject", "recipient", "sender", "reply_to"])
    def test_header_injection_is_refused_and_sends_nothing(
        self, field: str, break_: str
    ) -> None:
        evil: Any = f"a@example.com{break_}Bcc: victim@example.com"
        with self.make_channel() as channel, suppress(Refused):
            channel.send(replace(self.outgoing(), **{field: evil}))
        for kept in self.ledger.objects("mail"):
            assert kept["recipients"] != ["victim@example.com"]
            assert "\nBcc:" not in kept["raw"]

    @pytest.mark.parametrize("code", [421, 450, 451, 452])
    def test_temporary_replies(self, code: int) -> None:
        self.sink._set_recipients({self.recipient: code})
        with pytest.raises(Unavailable, match=str(code)):
            self.send()

    @pytest.mark.parametrize("code", [552, 554])
    def test_final_replies_do_not_condemn_the_address(self, code: int) -> None:
        self.sink._set_recipients({self.recipient: code})
        with pytest.raises(Refused, match=str(code)) as caught:
            self.send()
        assert not caught.value.is_unreachable

    def test_next_message_goes_after_the_server_closes_with_421(self) -> None:
        self.switch("refuse_data", {"code": 421, "times": 1})
        with self.make_channel() as channel:
            with pytest.raises(Unavailable):
                channel.send(self.outgoing())
            channel.send(self.outgoing("second"))
        assert len(self.taken()) == 1

    def test_server_without_tls_is_a_misconfiguration(self) -> None:
        self.settings.EMAIL_USE_TLS = True
        with pytest.raises(ChannelDown) as caught:
            self.send()
        assert caught.value.is_misconfigured

    def ask_for(self, *recipients: str) -> list[str]:
        """Send to each, told who is next; what became of it, in order."""
        said = []
        all_of_them = [
            replace(
                self.outgoing(f"for {recipient!r}"),
                public_id=f"msg_{number:020}",
                recipient=recipient,
            )
            for number, recipient in enumerate(recipients)
        ]
        with self.make_channel() as channel:
            for outgoing, after in itertools.zip_longest(all_of_them, all_of_them[1:]):
                try:
                    channel.send(outgoing, self.announced(after))
                    said.append("sent")
                except (Refused, Unavailable, Unclear) as exc:
                    said.append(type(exc).__name__)
        return said

    def announced(self, after: Outgoing | None) -> Following | None:
        if after is None:
            return None
        return Following(after.sender, after.recipient, lambda: after)

    def reached(self) -> list[str]:
        return [kept["recipients"][0] for kept in self.ledger.objects("mail")]

    @pytest.mark.parametrize("pipelining", [True, False])
    def test_a_batch_with_refusals_in_it(self, pipelining: bool) -> None:
        self.sink.pipelining = pipelining
        self.sink._set_recipients({"no@example.com": 550, "later@example.com": 451})
        names = ["a", "no", "b", "later", "no", "c", "d"]

        said = self.ask_for(*[f"{name}@example.com" for name in names])

        assert said == [
            *("sent", "Refused", "sent", "Unavailable", "Refused", "sent", "sent")
        ]
        assert self.reached() == [f"{name}@example.com" for name in "abcd"]

    @pytest.mark.parametrize("pipelining", [True, False])
    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ({"refuse_data": {"code": 554, "times": 1}}, "Refused"),
            ({"refuse_data": {"code": 421, "times": 1}}, "Unavailable"),
            ({"refuse_mail": {"code": 421, "times": 1}}, "Unavailable"),
            ({"accept_then_drop": {"times": 1}}, "Unclear"),
        ],
        ids=["554", "421-after", "421-before", "drop"],
    )
    def test_a_fault_concerns_one_mail_only(
        self, fault: dict[str, Any], said: str, pipelining: bool
    ) -> None:
        self.sink.pipelining = pipelining
        for name, value in fault.items():
            self.switch(name, value)

        outcomes = self.ask_for("a@example.com", "b@example.com", "c@example.com")

        assert outcomes == [said, "sent", "sent"]
        assert self.reached()[-2:] == ["b@example.com", "c@example.com"]

    @pytest.mark.parametrize("pipelining", [True, False])
    def test_each_gets_their_own_words_whoever_is_refused(
        self, pipelining: bool
    ) -> None:
        """The next mail is written while the one before it is read."""
        self.sink.pipelining = pipelining
        self.sink._set_recipients({"no@example.com": 550})
        self.switch("refuse_data", {"code": 451, "times": 1})

        self.ask_for(*[f"{name}@example.com" for name in ("a", "b", "no", "c", "d")])

        words = dict(zip(self.reached(), self.taken(), strict=True))
        assert words.keys() == {f"{name}@example.com" for name in "bcd"}
        for recipient, text in words.items():
            assert f"for '{recipient}'" in text

    @pytest.mark.parametrize("pipelining", [True, False])
    def test_the_next_is_made_once_this_one_has_left(self, pipelining: bool) -> None:
        self.sink.pipelining = pipelining
        first, second = self.outgoing(), replace(self.outgoing(), public_id="msg_2")
        left: list[int] = []

        def make() -> Outgoing:
            eventually(self.reached, within=10, what="the first is there")
            left.append(len(self.reached()))
            return second

        with self.make_channel() as channel:
            channel.send(first, Following(second.sender, second.recipient, make))
            channel.send(second)

        assert left == [1]
        assert len(self.taken()) == 2

    def test_who_was_announced_and_does_not_come_gets_nothing(self) -> None:
        """Not even an empty mail, which a dot alone or a QUIT would be."""
        never = self.announced(
            replace(
                self.outgoing("for nobody"),
                public_id="msg_never",
                recipient="never@example.com",
            )
        )
        with self.make_channel() as channel:
            channel.send(replace(self.outgoing(), recipient="a@example.com"), never)
            channel.send(replace(self.outgoing(), recipient="b@example.com"), never)

        assert self.reached() == ["a@example.com", "b@example.com"]
        assert not any("for nobody" in text for text in self.taken())

    def test_an_address_that_cannot_be_written_is_not_announced(self) -> None:
        said = self.ask_for("a@example.com", "a@b\nRCPT TO:<x@y.z>", "c@example.com")

        assert said == ["sent", "Refused", "sent"]
        assert self.reached() == ["a@example.com", "c@example.com"]

    @pytest.mark.parametrize("pipelining", [True, False])
    def test_dots_at_the_start_of_lines_stay(self, pipelining: bool) -> None:
        """A line of one dot would end the mail."""
        self.sink.pipelining = pipelining
        dotted = ".\n..\n.hidden\nend.\n.\n"
        with self.make_channel() as channel:
            channel.send(replace(self.outgoing(), text=dotted, html=""))

        [taken] = self.taken()
        assert taken.replace("\r\n", "\n") == dotted

    def test_captured_while_no_server_is_set(self) -> None:
        self.settings.EMAIL_CAPTURED = True
        assert EmailChannel.is_captured()
        self.settings.EMAIL_CAPTURED = False
        assert not EmailChannel.is_captured()
