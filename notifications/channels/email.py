"""E-mail over SMTP, through Django's mail API."""

import smtplib
import ssl
from email.errors import MessageError
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from .base import (
    Channel,
    ChannelDown,
    ChannelError,
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
        self._connection: Any = None

    @classmethod
    def is_captured(cls) -> bool:
        return bool(settings.EMAIL_CAPTURED)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _close(connection)

    def send(self, outgoing: Outgoing) -> HandedOver:
        connection = self._open()
        message_id = message_id_of(outgoing.public_id)
        mail = _mail(outgoing, message_id, connection)
        outgoing.ensure_fresh()
        try:
            mail.send()
        except (MessageError, ValueError) as exc:
            # BadHeaderError and UnicodeError are ValueErrors; HeaderParseError is not.
            raise Refused(f"Cannot be written as a mail: {type(exc).__name__}") from exc
        except smtplib.SMTPRecipientsRefused as exc:
            code, text = next(iter(exc.recipients.values()))
            raise self._answered(code, text) from exc
        except smtplib.SMTPResponseException as exc:
            raise self._answered(exc.smtp_code, exc.smtp_error) from exc
        except smtplib.SMTPNotSupportedError as exc:
            raise Refused("The mail server takes no such address.") from exc
        except OSError as exc:  # a dropped connection or a timeout
            self.close()
            raise Unclear(f"The mail server did not answer: {_name(exc)}") from exc
        return HandedOver(message_id)

    def _open(self) -> Any:
        if self._connection is not None:
            return self._connection
        connection = get_connection(timeout=settings.EMAIL_TIMEOUT)
        try:
            connection.open()
        except (
            smtplib.SMTPAuthenticationError,
            smtplib.SMTPNotSupportedError,
            ssl.SSLError,
        ) as exc:
            _close(connection)
            raise ChannelDown(
                f"The mail server refuses us, check EMAIL_URL: {_name(exc)}",
                is_misconfigured=True,
            ) from exc
        except OSError as exc:
            _close(connection)
            raise ChannelDown(
                f"The mail server cannot be reached: {_name(exc)}",
                is_misconfigured=False,
            ) from exc
        self._connection = connection
        return connection

    def _answered(self, code: int, text: bytes | str) -> ChannelError:
        """What an SMTP reply means for the message and for the connection."""
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        reply = f"The mail server answered {code} {_enhanced(words)}".strip()
        if code == _CLOSES:
            self.close()
        if code in _NEEDS_SIGN_IN:
            self.close()
            return ChannelDown(f"{reply}, check EMAIL_URL", is_misconfigured=True)
        if code >= 500:
            is_unreachable = code == 550 and _enhanced(words) == _NO_SUCH_MAILBOX
            return Refused(reply, is_unreachable=is_unreachable)
        return Unavailable(reply)


def _close(connection: Any) -> None:
    """Say goodbye if anybody listens; what was sent stays sent."""
    try:
        connection.close()
    except OSError:  # smtplib's errors are OSErrors too
        connection.connection = None


def message_id_of(public_id: str) -> str:
    """The same at every try, so that a reader's program can drop a second copy."""
    _name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return f"<{public_id}@{address.rpartition('@')[2]}>"


def _mail(
    outgoing: Outgoing, message_id: str, connection: Any
) -> EmailMultiAlternatives:
    headers = {"Message-ID": message_id, "Auto-Submitted": "auto-generated"}
    if outgoing.unsubscribe_url:
        # RFC 8058: one click, no cookie
        headers["List-Unsubscribe"] = f"<{outgoing.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(
        subject=outgoing.subject,
        body=outgoing.text,
        from_email=outgoing.sender,
        to=[outgoing.recipient],
        reply_to=[outgoing.reply_to] if outgoing.reply_to else None,
        headers=headers,
        connection=connection,
    )
    if outgoing.html:
        mail.attach_alternative(outgoing.html, "text/html")
    for file in outgoing.attachments:
        mail.attach(file.filename, file.content, file.content_type)
    return mail


def _enhanced(words: str) -> str:
    """The status code of RFC 3463 that starts a reply; its words may name a person."""
    first = words.partition(" ")[0]
    return first if first.replace(".", "").isdigit() and first.count(".") == 2 else ""


def _name(exc: Exception) -> str:
    return type(exc).__name__
