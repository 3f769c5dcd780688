"""An SMTP server that takes mail into a ledger and can misbehave on purpose.

Each accepted message is one ledger object of kind "mail": {id, at, message_id, mail_from,
recipients, subject, raw, answered}. `answered` is false when the client was left without
the reply although the mail was taken, so that it may rightly send it again.
"""

import asyncio
import secrets
import ssl
import time
from email import message_from_bytes, policy
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from proofs.fakes.control import PATH as CONTROL_PATH
from proofs.fakes.control import CallbackPlan, Control
from proofs.fakes.faults import BadSwitch, Fault, Switchboard
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.web import Answer, Fake, Request
from proofs.processes import free_port

TAKEN = "250 2.0.0 Ok: queued"
# "hang_after_data" takes nothing; the two "accept_then" take the mail and say nothing.
AFTER_DATA = (
    "refuse_data",
    "hang_after_data",
    "accept_then_drop",
    "accept_then_hang",
)
REPLIES = {
    250: "250 2.1.5 Ok",
    421: "421 4.3.2 Service not available, try again later",
    450: "450 4.2.1 Mailbox unavailable, try again later",
    451: "451 4.3.0 Local error, try again later",
    452: "452 4.2.2 Mailbox full",
    550: "550 5.1.1 No such user here",
    552: "552 5.2.2 Mailbox full",
    554: "554 5.7.1 Message refused",
}


class SmtpSink(Fake):
    """The rules of the sink and its HTTP control; SmtpServer puts it on a port.

    Control: switches refuse_mail and refuse_data ({"code": 451, "times": 1}),
    hang_after_data, accept_then_drop, accept_then_hang ({"seconds": 5}), and
    "recipients": {"ada@example.com": 550, "@slow.example": 451}. With `login` (user,
    password) it takes no mail before that AUTH. `pipelining`: offered, as nearly all do.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        login: tuple[str, str] | None = None,
        pipelining: bool = True,
    ) -> None:
        self.ledger = ledger
        self.pipelining = pipelining
        self._login = login
        self.faults = Switchboard(dict.fromkeys(("refuse_mail", *AFTER_DATA), ""))
        self._recipients: dict[str, int] = {}
        self._control = Control(
            ledger=ledger,
            faults=self.faults,
            plan=CallbackPlan(),
            actions={"recipients": self._set_recipients},
        )

    def handle(self, request: Request) -> Answer:
        if request.path != CONTROL_PATH:
            return Answer(404)
        return self._control.handle(request)

    # -- aiosmtpd calls these by name ------------------------------------------------

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        offered = ["250-PIPELINING"] if self.pipelining else []
        return [*responses[:-1], *offered, responses[-1]]

    async def handle_MAIL(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self._login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        fault = self.faults.take(("refuse_mail",), "", "")
        if fault:
            return _reply(fault, 421)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return REPLIES[250]

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        code = self._code_for(address)
        if code == 250:
            envelope.rcpt_tos.append(address)
        return REPLIES[code]

    async def handle_DATA(
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        fault = self.faults.take(AFTER_DATA, "", "")
        if fault and fault.name == "refuse_data":
            return _reply(fault, 451)
        if fault and fault.name == "hang_after_data":
            await asyncio.sleep(fault.seconds)
            return REPLIES[451]
        self.ledger.put("mail", *_mail(envelope, fault))
        if fault:
            if fault.name == "accept_then_hang":
                await asyncio.sleep(fault.seconds)
            _cut(server)
        return TAKEN

    def authenticate(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        data: object,
    ) -> AuthResult:
        """What aiosmtpd asks for LOGIN and PLAIN."""
        given = isinstance(data, LoginPassword) and (
            data.login.decode(),
            data.password.decode(),
        )
        return AuthResult(success=given == self._login, handled=False)

    def _code_for(self, address: str) -> int:
        lowered = address.lower()
        domain = lowered[lowered.rfind("@") :]
        return self._recipients.get(lowered, self._recipients.get(domain, 250))

    def _set_recipients(self, value: Any) -> None:
        if not isinstance(value, dict) or set(value.values()) - set(REPLIES):
            raise BadSwitch(f"recipients: addresses with one of {sorted(REPLIES)}")
        self._recipients = {name.lower(): code for name, code in value.items()}


class SmtpServer:
    """Runs a sink on 127.0.0.1 in a thread of this process; a context manager.

    `tls`: with which STARTTLS is offered; None = not at all.
    """

    def __init__(
        self, sink: SmtpSink, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.sink = sink
        self._controller = Controller(
            sink,
            hostname="127.0.0.1",
            port=port or free_port(),
            # Else it looks its own name up in the DNS for each connection.
            server_hostname="localhost",
            authenticator=sink.authenticate,
            auth_require_tls=False,
            enable_SMTPUTF8=True,
            tls_context=tls,
        )
        self.port = int(self._controller.port)
        self.url = f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Self:
        self._controller.start()
        return self

    def stop(self) -> None:
        self._controller.stop()


def _reply(fault: Fault, default: int) -> str:
    code = fault.code or default
    return REPLIES.get(code, f"{code} refused on purpose")


def _cut(server: SMTP) -> None:
    """Close the connection at once, so that the reply reaches nobody."""
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


def _mail(envelope: Envelope, fault: Fault | None) -> tuple[str, Json]:
    raw = envelope.content if isinstance(envelope.content, bytes) else b""
    parsed = message_from_bytes(raw, policy=policy.default)
    identity = secrets.token_hex(12)
    body = {
        "id": identity,
        "at": time.time(),
        "message_id": str(parsed["Message-ID"] or "").strip(),
        "mail_from": envelope.mail_from,
        "recipients": list(envelope.rcpt_tos),
        "subject": str(parsed["Subject"] or ""),
        "raw": raw.decode("utf-8", "surrogateescape"),
        "answered": fault is None,
    }
    return identity, body
