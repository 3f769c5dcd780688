"""E-mail over SMTP: our own bytes over a connection that Django opens."""

import smtplib
import ssl
from contextlib import suppress
from email.utils import parseaddr
from functools import lru_cache, partial

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from . import mime, smtp
from .base import (
    Channel,
    ChannelDown,
    ChannelError,
    Following,
    HandedOver,
    Outgoing,
    Refused,
    Unavailable,
    Unclear,
)

_NEEDS_SIGN_IN = frozenset({530, 534, 535, 538})  # RFC 4954
_CLOSES = 421  # RFC 5321 3.8: the server hangs up after it
_NO_SUCH_MAILBOX = "5.1.1"  # RFC 3463


class EmailChannel(Channel):
    """One SMTP connection for a batch, opened at the first message."""

    carrier = "smtp"
    repeats_unclear = True  # with the same Message-ID

    def __init__(self) -> None:
        self._dialogue: smtp.Dialogue | None = None
        self._ahead: tuple[str, bytes] | None = None
        # The mail that was written while the one before it was read, and whose.

    @classmethod
    def is_captured(cls) -> bool:
        return bool(settings.EMAIL_CAPTURED)

    def close(self) -> None:
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.close()

    def send(
        self, outgoing: Outgoing, following: Following | None = None
    ) -> HandedOver:
        message_id = message_id_of(outgoing.public_id)
        try:
            mail = self._mail_of(outgoing)
            envelope = _envelope(outgoing.sender, outgoing.recipient)
        except mime.BadHeader as exc:
            raise Refused(f"Cannot be written as a mail: {exc}") from exc
        dialogue = self._open(envelope)
        outgoing.ensure_fresh()
        try:
            reply = dialogue.hand_over(
                envelope,
                mail,
                following=_next_envelope(following),
                before_content=outgoing.ensure_held,
                meanwhile=partial(self._write_ahead, following),
            )
        except smtp.NotTaken as exc:
            raise Unavailable(f"The mail server hung up: {exc}") from exc
        except OSError as exc:  # a dropped connection or a timeout
            raise Unclear(f"The mail server did not answer: {_name(exc)}") from exc
        if not reply.is_yes:
            raise self._answered(reply)
        return HandedOver(message_id)

    def _mail_of(self, outgoing: Outgoing) -> bytes:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == outgoing.public_id:
            return ahead[1]
        return mime.build(outgoing, message_id_of(outgoing.public_id))

    def _write_ahead(self, following: Following | None) -> None:
        """What cannot be written says so when its turn comes."""
        outgoing = following.make() if following else None
        if outgoing is not None:
            with suppress(mime.BadHeader):
                mail = mime.build(outgoing, message_id_of(outgoing.public_id))
                self._ahead = outgoing.public_id, mail

    def _open(self, envelope: smtp.Envelope) -> smtp.Dialogue:
        if self._dialogue is None or not self._dialogue.takes(envelope):
            self.close()
            self._dialogue = smtp.Dialogue(_connect())
        return self._dialogue

    def _answered(self, reply: smtp.Reply) -> ChannelError:
        """What an SMTP reply means for the message and for the connection."""
        status = _enhanced(reply.text)
        said = f"The mail server answered {reply.code} {status}".strip()
        if reply.code == _CLOSES:
            self.close()
        if reply.code in _NEEDS_SIGN_IN:
            self.close()
            return ChannelDown(f"{said}, check EMAIL_URL", is_misconfigured=True)
        if reply.code >= 500:
            is_unreachable = reply.code == 550 and status == _NO_SUCH_MAILBOX
            return Refused(said, is_unreachable=is_unreachable)
        return Unavailable(said)


def _envelope(sender: str, recipient: str) -> smtp.Envelope:
    return smtp.Envelope(
        mime.envelope_address(sender), mime.envelope_address(recipient)
    )


def _next_envelope(following: Following | None) -> smtp.Envelope | None:
    """None for an address that cannot be written: that is said when its turn comes."""
    try:
        return _envelope(following.sender, following.recipient) if following else None
    except mime.BadHeader:
        return None


def _connect() -> smtplib.SMTP:
    """A connection whose server would take a mail; raises ChannelDown."""
    backend = EmailBackend(timeout=settings.EMAIL_TIMEOUT)
    try:
        backend.open()
        connection = backend.connection
        if connection is None:
            raise smtplib.SMTPServerDisconnected
        # So far it has said hello only if it had to encrypt or sign in.
        connection.ehlo_or_helo_if_needed()
    except (
        smtplib.SMTPAuthenticationError,
        smtplib.SMTPNotSupportedError,
        ssl.SSLError,
    ) as exc:
        _give_up(backend)
        raise ChannelDown(
            f"The mail server refuses us, check EMAIL_URL: {_name(exc)}",
            is_misconfigured=True,
        ) from exc
    except OSError as exc:
        _give_up(backend)
        raise ChannelDown(
            f"The mail server cannot be reached: {_name(exc)}",
            is_misconfigured=False,
        ) from exc
    return connection


def _give_up(backend: EmailBackend) -> None:
    """Say goodbye if anybody listens."""
    with suppress(OSError):  # smtplib's errors are OSErrors too
        backend.close()


def message_id_of(public_id: str) -> str:
    """The same at every try, so that a reader's program can drop a second copy."""
    return f"<{public_id}@{_domain_of(settings.DEFAULT_FROM_EMAIL)}>"


@lru_cache(maxsize=8)
def _domain_of(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2]


def _enhanced(words: str) -> str:
    """The status code of RFC 3463 that starts a reply; its words may name a person."""
    first = words.partition(" ")[0]
    return first if first.replace(".", "").isdigit() and first.count(".") == 2 else ""


def _name(exc: Exception) -> str:
    return type(exc).__name__
