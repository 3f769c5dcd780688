"""A mail server and a fake of Twilio, real ones on ports, for the outbox of a test."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

from links.models import PaymentLink
from links.services import sending
from links.tests.factories import make_customer, make_link
from merchant_portal.lib.actors import SYSTEM
from notifications.models import ChannelPause, Message
from notifications.services import delivery
from proofs.fakes.ledger import Ledger
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink
from proofs.fakes.twilio import TwilioFake
from proofs.fakes.web import FakeServer
from proofs.vendor_specs import specs_directory

SID, TOKEN = "AC" + "7" * 32, "carriers-auth-token"
LOGIN = ("shop", "right")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class Carriers:
    """What the carriers took, by their own ledgers, and what makes them misbehave."""

    settings: Settings
    sink: SmtpSink
    twilio: TwilioFake
    count: int = 0

    def invite(self, *channels: str, email: str = "", phone: str = "") -> PaymentLink:
        """A link on its way to somebody of their own; `work` sends it."""
        self.count += 1
        link = make_link(
            make_customer(
                email=email or f"ada{self.count}@example.com",
                phone=phone or f"+1415555{self.count:04d}",
            )
        )
        sending.send(link, channels, actor=SYSTEM)
        return link

    @staticmethod
    def work() -> int:
        """One round of a worker; how many messages it claimed."""
        claims = delivery.claim(200)
        delivery.deliver(claims)
        return len(claims)

    @staticmethod
    def end_pauses() -> None:
        """Their minutes are the database's, which nothing moves."""
        ChannelPause.objects.update(until=LONG_AGO)

    def mails(self) -> list[str]:
        """The Message-ID of each mail taken, in their order."""
        return [mail["message_id"] for mail in self.sink.ledger.objects("mail")]

    def texts(self) -> list[str]:
        """The number of each SMS taken, in their order."""
        return [text["to"] for text in self.twilio.ledger.objects("message")]

    def use_mail_server(self, server: SmtpServer) -> None:
        self.settings.EMAIL_PORT = server.port


def message(link: PaymentLink) -> Message:
    """The one message about this link."""
    return Message.objects.get(reference=link.public_id)


@contextmanager
def running(folder: Path, settings: Settings) -> Iterator[Carriers]:
    """Both carriers for the length of the block, and the product told where they are."""
    with (
        Ledger(folder / "smtp.sqlite3").closing() as mail_ledger,
        Ledger(folder / "twilio.sqlite3").closing() as sms_ledger,
    ):
        sink = SmtpSink(mail_ledger)
        twilio = TwilioFake(
            sms_ledger, account_sid=SID, auth_token=TOKEN, specs=specs_directory()
        )
        with SmtpServer(sink) as mail_server, FakeServer(twilio) as sms_server:
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_CAPTURED = settings.SMS_CAPTURED = False
            settings.EMAIL_HOST = "127.0.0.1"
            settings.EMAIL_PORT = mail_server.port
            settings.EMAIL_TIMEOUT = 2
            settings.TWILIO_API_BASE = sms_server.url
            settings.TWILIO_ACCOUNT_SID = SID
            settings.TWILIO_AUTH_TOKEN = TOKEN
            settings.TWILIO_FROM = settings.TWILIO_WHATSAPP_FROM = "+15005550006"
            settings.WHATSAPP_CAPTURED = False
            yield Carriers(settings, sink, twilio)
        # Twilio's document names no status but 201, so errors on purpose depart from it.
        findings = sms_ledger.findings()
        assert [each for each in findings if not each.startswith("answer ")] == []


def self_signed(folder: Path) -> ssl.SSLContext:
    """TLS with a certificate for which nobody vouches."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(tz=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail-server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
