"""One mail over an open SMTP connection, in two round trips where the server can.

smtplib opens the connection, encrypts it and signs in; this speaks the few words of a
mail. It keeps apart what smtplib's `sendmail` mixes: what went wrong before the server
had the mail, and what went wrong after.
"""

import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass

_LINE_START = re.compile(rb"(?m)^\.")
_GO_ON = 354
END = b".\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: `code` of RFC 5321, -1 for what is no reply at all."""

    code: int
    text: str

    @property
    def is_yes(self) -> bool:
        return 200 <= self.code < 300


class NotTaken(Exception):
    """The connection broke before the server had the mail."""


def hand_over(
    connection: smtplib.SMTP,
    sender: str,
    recipient: str,
    mail: bytes,
    *,
    before_content: Callable[[], None],
) -> Reply:
    """Send a mail with CRLF line ends to one address; the reply that decided.

    `before_content`: called when the server is ready to take it; what it raises ends
    the connection, for nothing else takes back what was begun. Raises NotTaken, and
    OSError when the connection breaks after the mail has left.
    """
    try:
        refused = _open_envelope(connection, sender, recipient)
    except OSError as exc:
        raise NotTaken(type(exc).__name__) from exc
    if refused is not None:
        return refused
    try:
        before_content()
    except BaseException:
        connection.close()
        raise
    quoted = _LINE_START.sub(b"..", mail) if b"\n." in mail else mail
    connection.send(quoted + END)
    answer = _read(connection)
    if not answer.is_yes:
        _start_anew(connection, answer)
    return answer


def _open_envelope(
    connection: smtplib.SMTP, sender: str, recipient: str
) -> Reply | None:
    """None when the server waits for the mail, else the reply that refuses it."""
    commands = [f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"]
    if connection.has_extn("pipelining"):  # RFC 2920: all at once, answered in order
        connection.send("".join(f"{line}\r\n" for line in commands))
        replies = [_read(connection) for _command in commands]
    else:
        replies = []
        for line in commands:
            connection.send(f"{line}\r\n")
            replies.append(_read(connection))
            if not replies[-1].is_yes:
                break
    refused = next((reply for reply in replies[:2] if not reply.is_yes), None)
    if len(replies) == len(commands) and replies[-1].code == _GO_ON:
        if refused is None:
            return None
        connection.send(END)  # it wants a mail for nobody: RFC 2920 3.1
        _read(connection)
    refused = refused or replies[-1]
    _start_anew(connection, refused)
    return refused


def _start_anew(connection: smtplib.SMTP, refused: Reply) -> None:
    """Forget what was begun; a server that hangs up needs no RSET."""
    if refused.code == 421:  # RFC 5321 3.8
        connection.close()
        return
    try:
        connection.rset()
    except OSError:
        connection.close()


def _read(connection: smtplib.SMTP) -> Reply:
    code, text = connection.getreply()
    return Reply(code, text.decode("utf-8", "replace"))
