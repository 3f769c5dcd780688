"""Mails over an open SMTP connection, in one or two round trips where the server can.

smtplib opens the connection, encrypts it and signs in; this speaks the few words of a
mail. It keeps apart what smtplib's `sendmail` mixes: what went wrong before the server
had the mail, and what went wrong after.
"""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass

_GO_ON, _CLOSES = 354, 421
_END = b".\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: `code` of RFC 5321, -1 for what is no reply at all."""

    code: int
    text: str

    @property
    def is_yes(self) -> bool:
        return 200 <= self.code < 300


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom and to whom, bare addresses in ASCII."""

    sender: str
    recipient: str

    @property
    def commands(self) -> list[str]:
        return [f"MAIL FROM:<{self.sender}>", f"RCPT TO:<{self.recipient}>", "DATA"]


class NotTaken(Exception):
    """The connection broke before the server had the mail."""


class Dialogue:
    """What is said over one connection. `connection`: ready to take a mail."""

    def __init__(self, connection: smtplib.SMTP) -> None:
        self._connection = connection
        self._begun: tuple[Envelope, Reply | None] | None = None
        # An envelope that went along with the mail before it, and what refused it.

    def takes(self, envelope: Envelope) -> bool:
        """Whether this connection is open, and waits for no other mail."""
        if self._connection.sock is None:
            return False
        return not self._is_waiting or self._begun == (envelope, None)

    @property
    def _is_waiting(self) -> bool:
        return self._begun is not None and self._begun[1] is None

    def close(self) -> None:
        """Say goodbye, unless the server would take it for the text of a mail."""
        if self._is_waiting:
            self._connection.close()
            return
        try:
            self._connection.quit()
        except OSError:  # smtplib's errors are OSErrors too
            self._connection.close()

    def hand_over(
        self,
        envelope: Envelope,
        mail: bytes,
        *,
        following: Envelope | None,
        before_content: Callable[[], None],
        meanwhile: Callable[[], None],
    ) -> Reply:
        """Send a mail with CRLF line ends to one address; the reply that decided.

        `following`: whose mail comes next, to be announced in the same breath.
        `before_content`: called when the server is ready to take it; what it raises
        ends the connection, for nothing else takes back what was begun. `meanwhile`:
        called while the server reads it; raises nothing. Raises NotTaken, and OSError
        when the connection breaks after the mail has left.
        """
        try:
            refused = self._begin(envelope)
        except OSError as exc:
            raise NotTaken(type(exc).__name__) from exc
        if refused is not None:
            return refused
        try:
            before_content()
        except BaseException:
            self._connection.close()
            raise
        quoted = mail.replace(b"\r\n.", b"\r\n..")  # RFC 5321 4.5.2
        if following is None or not self._can_pipeline:
            self._connection.send(quoted + _END)
            meanwhile()
            answer = self._read()
            if not answer.is_yes:
                self._start_anew(answer)
            return answer
        self._connection.send(quoted + _END + _packet(following))
        meanwhile()
        answer = self._read()
        self._hear_of(following, answer)
        return answer

    def _begin(self, envelope: Envelope) -> Reply | None:
        """None when the server waits for this mail, else the reply that refuses it."""
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] == envelope:
            return begun[1]
        if self._can_pipeline:  # RFC 2920: all at once, answered in order
            self._connection.send(_packet(envelope))
            return self._verdict()
        for line in envelope.commands:
            self._connection.send(f"{line}\r\n")
            reply = self._read()
            if not reply.is_yes and reply.code != _GO_ON:
                self._start_anew(reply)
                return reply
        return None

    def _hear_of(self, following: Envelope, answer: Reply) -> None:
        """What the server says of the next envelope; nothing if it has hung up."""
        if answer.code == _CLOSES:
            self._connection.close()
            return
        try:
            self._begun = following, self._verdict()
        except OSError:
            self._connection.close()

    def _verdict(self) -> Reply | None:
        """The three answers to an envelope: None, or the one that refuses it."""
        replies = [self._read(), self._read(), self._read()]
        refused = next((reply for reply in replies[:2] if not reply.is_yes), None)
        if replies[-1].code != _GO_ON:
            refused = refused or replies[-1]
        elif refused is not None:
            self._connection.send(_END)  # it wants a mail for nobody: RFC 2920 3.1
            self._read()
        if refused is not None:
            self._start_anew(refused)
        return refused

    @property
    def _can_pipeline(self) -> bool:
        return self._connection.has_extn("pipelining")

    def _start_anew(self, refused: Reply) -> None:
        """Forget what was begun; a server that hangs up needs no RSET."""
        if refused.code == _CLOSES:  # RFC 5321 3.8
            self._connection.close()
            return
        try:
            self._connection.rset()
        except OSError:
            self._connection.close()

    def _read(self) -> Reply:
        code, text = self._connection.getreply()
        return Reply(code, text.decode("utf-8", "replace"))


def _packet(envelope: Envelope) -> bytes:
    return "".join(f"{line}\r\n" for line in envelope.commands).encode("ascii")
