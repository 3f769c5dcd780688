"""A fake of the HTTP APIs of mail services, with a ledger of what it took on disk.

It answers as the named service documents it: enough for one mail to one address. Like
the services themselves it knows no idempotency: posting twice sends twice.
"""

import base64
import email.parser
import email.policy
import json
import urllib.parse
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from proofs.fakes.control import PATH as CONTROL_PATH
from proofs.fakes.control import CallbackPlan, Control
from proofs.fakes.faults import Fault, Switchboard
from proofs.fakes.ledger import Ledger
from proofs.fakes.web import Answer, Fake, HangUp, Request

BEFORE = ("rate_limit", "error_500", "redirect", "hang")
AFTER = ("take_then_hang", "take_then_reset", "take_then_500", "take_then_garble")
REFUSALS = ("refuse", "refuse_address")
SWITCHES = dict.fromkeys([*BEFORE, *AFTER, *REFUSALS], "POST")
Json = dict[str, Any]


def _json(request: Request) -> Json:
    read: Json = json.loads(request.body)
    return read


def _form(request: Request) -> Json:
    """As Mailgun takes it: in parts where files go along."""
    if "urlencoded" in request.headers["content-type"]:
        return dict(urllib.parse.parse_qsl(request.text))
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    read: Json = {}
    parsed: Any = parser.parsebytes(head + request.body)
    for part in parsed.iter_parts():
        name = part.get_param("name", header="content-disposition")
        filename, value = part.get_filename(), part.get_payload(decode=True)
        read[name] = (filename, value.decode("latin-1")) if filename else value.decode()
    return read


def _basic(request: Request) -> str:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return base64.b64decode(value).decode() if kind.lower() == "basic" else ""


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


class Dialect:
    """How one service is spoken to.

    `path`: where mails are posted. `key`: what it was signed in with. `read`: the body.
    `address`, `text`: of a read body. `yes`: the answer to what was taken, under a name;
    `no`, `dead`, `stranger`: to a mail, an address and a key that it does not take.
    """

    def __init__(
        self,
        path: str,
        *,
        key: Callable[[Request], str],
        address: Callable[[Json], str],
        text: Callable[[Json], str],
        yes: Callable[[str, str], Answer],
        no: Answer,
        stranger: Answer,
        dead: Callable[[str], Answer] | None = None,
        read: Callable[[Request], Json] = _json,
    ) -> None:
        self.path, self.key, self.read = path, key, read
        self.address, self.text = address, text
        self.yes, self.no, self.stranger = yes, no, stranger
        self.dead = dead or (lambda address: no)


def _postmark_error(code: int, words: str, status: int = 422) -> Answer:
    return Answer(status, {"ErrorCode": code, "Message": words})


DIALECTS: Mapping[str, Dialect] = {
    "postmark": Dialect(
        "/email",
        key=lambda request: request.headers.get("x-postmark-server-token", ""),
        address=lambda body: str(body["To"]),
        text=lambda body: str(body["TextBody"]),
        yes=lambda name, address: Answer(
            200,
            {
                "To": address,
                "SubmittedAt": "2026-11-23T12:00:00.0000000Z",
                "MessageID": name,
                "ErrorCode": 0,
                "Message": "OK",
            },
        ),
        no=_postmark_error(300, "Invalid 'From' address: 'shop'."),
        dead=lambda address: _postmark_error(
            406,
            "You tried to send to a recipient that has been marked as inactive.\n"
            f"Found inactive addresses: {address}.\nInactive recipients are ones that"
            " have generated a hard bounce, a spam complaint, or a manual suppression.",
        ),
        stranger=_postmark_error(
            10, "The Server Token you provided is not valid.", status=401
        ),
    ),
    "mailgun": Dialect(
        "/mg.shop.example/messages",
        key=lambda request: _basic(request).removeprefix("api:"),
        read=_form,
        address=lambda body: str(body["to"]),
        text=lambda body: str(body["text"]),
        yes=lambda name, address: Answer(
            200, {"id": f"<{name}@mg.shop.example>", "message": "Queued. Thank you."}
        ),
        no=Answer(400, {"message": "from parameter is not a valid address."}),
        stranger=Answer(401, text="Forbidden"),
    ),
    "brevo": Dialect(
        "/smtp/email",
        key=lambda request: request.headers.get("api-key", ""),
        address=lambda body: str(body["to"][0]["email"]),
        text=lambda body: str(body["textContent"]),
        yes=lambda name, address: Answer(
            201, {"messageId": f"<{name}@smtp-relay.mailin.fr>"}
        ),
        no=Answer(400, {"code": "invalid_parameter", "message": "email is not valid"}),
        stranger=Answer(401, {"code": "unauthorized", "message": "Key not found"}),
    ),
    "mandrill": Dialect(
        "/messages/send.json",
        key=lambda request: str(_json(request)["key"]),
        address=lambda body: str(body["message"]["to"][0]["email"]),
        text=lambda body: str(body["message"]["text"]),
        yes=lambda name, address: Answer(
            200, [{"email": address, "status": "sent", "_id": name}]
        ),
        no=Answer(
            500,
            {
                "status": "error",
                "code": -2,
                "name": "ValidationError",
                "message": "Validation error: …",
            },
        ),
        dead=lambda address: Answer(
            200,
            [
                {
                    "email": address,
                    "status": "rejected",
                    "_id": "b",
                    "reject_reason": "hard-bounce",
                }
            ],
        ),
        stranger=Answer(
            500,
            {
                "status": "error",
                "code": -1,
                "name": "Invalid_Key",
                "message": "Invalid API key",
            },
        ),
    ),
    "resend": Dialect(
        "/emails",
        key=_bearer,
        address=lambda body: str(body["to"][0]),
        text=lambda body: str(body["text"]),
        yes=lambda name, address: Answer(200, {"id": name}),
        no=Answer(422, {"statusCode": 422, "name": "validation_error"}),
        stranger=Answer(401, {"statusCode": 401, "name": "missing_api_key"}),
    ),
}


class MailApiFake(Fake):
    """`esp`: whose API it speaks; `key`: what its only customer signs in with.

    Each mail it took is a `mail` in the ledger: {id, to, text, body, headers}.
    """

    def __init__(self, ledger: Ledger, *, esp: str, key: str) -> None:
        self.ledger = ledger
        self.faults = Switchboard(SWITCHES)
        self._dialect = DIALECTS[esp]
        self._key = key
        self._control = Control(
            ledger=ledger, faults=self.faults, plan=CallbackPlan(), actions={}
        )

    def handle(self, request: Request) -> Answer:
        if request.path == CONTROL_PATH:
            return self._control.handle(request)
        call = self.ledger.record_call(request.method, request.target, "", request.text)
        answer, fault = self._answer(request)
        silent = fault and fault.name.endswith(("hang", "reset"))
        self.ledger.finish_call(
            call,
            status=None if silent else answer.status,
            fault=fault.name if fault else "",
        )
        if fault and silent:
            raise HangUp(0 if fault.name.endswith("reset") else fault.seconds)
        return answer

    def _answer(self, request: Request) -> tuple[Answer, Fault | None]:
        dialect = self._dialect
        if (request.method, request.path) != ("POST", dialect.path):
            return Answer(404, text="Not found"), None
        if dialect.key(request) != self._key:
            return dialect.stranger, None
        body = dialect.read(request)
        to = dialect.address(body)
        fault = self.faults.take((*BEFORE, *REFUSALS), "POST", request.path, to)
        if fault:
            return self._refusal(fault, to), fault
        name = str(uuid.uuid4())
        mail = {"id": name, "to": to, "text": dialect.text(body), "body": body}
        self.ledger.put("mail", name, {**mail, "headers": dict(request.headers)})
        fault = self.faults.take(AFTER, "POST", request.path, to)
        if fault and fault.name == "take_then_500":
            return Answer(500, text="Internal Server Error"), fault
        if fault and fault.name == "take_then_garble":
            return Answer(200, {"what": "is this"}), fault
        return dialect.yes(name, to), fault

    def _refusal(self, fault: Fault, to: str) -> Answer:
        if fault.name == "refuse":
            return self._dialect.no
        if fault.name == "refuse_address":
            return self._dialect.dead(to)
        if fault.name == "rate_limit":
            headers = {"Retry-After": str(fault.retry_after)}
            return Answer(429, text="Too Many Requests", headers=headers)
        if fault.name == "redirect":
            return Answer(302, headers={"Location": f"{self.base_url}/elsewhere"})
        return Answer(500, text="Internal Server Error")
