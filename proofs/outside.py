"""The world around the product: fakes of Stripe and Twilio and a mail server, judged."""

import email
import email.policy
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs import http
from proofs.fakes.ledger import Ledger
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink
from proofs.fakes.stripe import StripeFake
from proofs.fakes.twilio import TwilioFake
from proofs.fakes.web import FakeServer
from proofs.vendor_specs import specs_directory

STRIPE_KEY = "sk_test_stack"
STRIPE_SECRET = "whsec_stack"
TWILIO_SID = "AC" + "7" * 32
TWILIO_TOKEN = "stack-auth-token"
TWILIO_FROM = "+15005550006"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/p/[0-9A-Za-z]{22}/")


@dataclass(frozen=True)
class Mail:
    """One mail as the sink took it; `text` is its plain part."""

    message_id: str
    recipient: str
    subject: str
    text: str
    html: str
    was_answered: bool

    @property
    def link(self) -> str:
        """The payment link in the text, by which its reader comes to the page."""
        found = LINK.search(self.text)
        assert found, f"no link in: {self.text}"
        return found[0]


@dataclass(frozen=True)
class Outside:
    """The fakes, running in this process, and what their ledgers say."""

    stripe: StripeFake
    stripe_url: str
    twilio: TwilioFake
    twilio_url: str
    sink: SmtpSink
    mail_url: str

    def variables(self) -> dict[str, str]:
        """What to tell the product, so that it talks to the fakes."""
        return {
            "EMAIL_URL": self.mail_url,
            "STRIPE_API_BASE": self.stripe_url,
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": STRIPE_SECRET,
            "TWILIO_API_BASE": self.twilio_url,
            "TWILIO_ACCOUNT_SID": TWILIO_SID,
            "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
            "TWILIO_FROM": TWILIO_FROM,
            "TWILIO_WHATSAPP_FROM": TWILIO_FROM,
        }

    def mails(self, recipient: str, subject_part: str = "") -> list[Mail]:
        """What one address got, oldest first."""
        return [
            mail
            for mail in map(_read, self.sink.ledger.objects("mail"))
            if mail.recipient == recipient and subject_part in mail.subject
        ]

    def texts(self, number: str) -> list[str]:
        """The SMS that Twilio took for one number, oldest first."""
        return [
            row["body"]
            for row in self.twilio.ledger.objects("message")
            if row["to"] == number
        ]

    def sessions(self, link: str) -> list[dict[str, Any]]:
        """Stripe's checkout sessions of one of our payment links."""
        return [
            row
            for row in self.stripe.ledger.objects("checkout.session")
            if row["client_reference_id"] == link
        ]

    def press(self, page: str, outcome: str) -> http.Answer:
        """Press a button of Stripe's hosted page."""
        return http.post(page, {"outcome": outcome})

    def findings(self) -> list[str]:
        """Where a request, answer or webhook departs from the vendors' documents."""
        return [*self.stripe.ledger.findings(), *self.twilio.ledger.findings()]

    def calm(self) -> None:
        """Switch every fault off."""
        for fake in (self.stripe, self.twilio, self.sink):
            fake.faults.clear()
        self.stripe.plan.mode, self.stripe.plan.delay_seconds = "on", 0.0


@contextmanager
def running(folder: Path, webhook_url: str) -> Iterator[Outside]:
    """Start the fakes; Stripe's webhooks go to `webhook_url`."""
    specs = specs_directory()
    with ExitStack() as stack:
        ledgers = {
            name: stack.enter_context(Ledger(folder / f"{name}.sqlite3").closing())
            for name in ("stripe", "twilio", "smtp")
        }
        stripe = StripeFake(
            ledgers["stripe"],
            key=STRIPE_KEY,
            secret=STRIPE_SECRET,
            webhook_url=webhook_url,
            specs=specs,
            currency="eur",
        )
        twilio = TwilioFake(
            ledgers["twilio"],
            account_sid=TWILIO_SID,
            auth_token=TWILIO_TOKEN,
            specs=specs,
        )
        sink = SmtpSink(ledgers["smtp"])
        yield Outside(
            stripe=stripe,
            stripe_url=stack.enter_context(FakeServer(stripe)).url,
            twilio=twilio,
            twilio_url=stack.enter_context(FakeServer(twilio)).url,
            sink=sink,
            mail_url=stack.enter_context(SmtpServer(sink)).url,
        )


def _read(stored: dict[str, Any]) -> Mail:
    raw = stored["raw"].encode("utf-8", "surrogateescape")
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    parts = {
        kind: part.get_content() if part else ""
        for kind in ("plain", "html")
        for part in [parsed.get_body((kind,))]
    }
    return Mail(
        message_id=stored["message_id"],
        recipient=stored["recipients"][0],
        subject=stored["subject"],
        text=parts["plain"],
        html=parts["html"],
        was_answered=stored["answered"],
    )
