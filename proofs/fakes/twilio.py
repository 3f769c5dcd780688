"""A stateful fake of Twilio's Messages (API 2010-04-01), with a ledger on disk.

A taken message moves from queued through sent to delivered by the clock; each step that
has come is told to its StatusCallback, signed like Twilio's. As at Twilio there is no
idempotency: posting twice sends twice, and the ledger shows it.
"""

import base64
import hmac
import re
import time
import urllib.parse
from pathlib import Path
from typing import Any

from proofs.fakes import twilio_messages as messages
from proofs.fakes import twilio_whatsapp as whatsapp
from proofs.fakes.callbacks import Courier
from proofs.fakes.control import PATH as CONTROL_PATH
from proofs.fakes.control import CallbackPlan, Control
from proofs.fakes.faults import BadSwitch, Fault, Switchboard
from proofs.fakes.judge import Judge
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.twilio_messages import TwilioError
from proofs.fakes.web import Answer, Fake, HangUp, Request

BEFORE = ("rate_limit", "error_500", "hang")
AFTER = ("take_then_hang", "take_then_reset", "take_then_500")
REFUSALS = {
    "error_21211": TwilioError(400, 21211, "Invalid 'To' Phone Number"),
    "error_21610": TwilioError(400, 21610, "Attempt to send to unsubscribed recipient"),
}
SWITCHES = {**dict.fromkeys(BEFORE, ""), **dict.fromkeys([*AFTER, *REFUSALS], "POST")}
FORM = "application/x-www-form-urlencoded"
PATHS = re.compile(
    r"/2010-04-01/Accounts/(?P<account>[^/]+?)"
    r"(?:/(?P<what>Messages|Balance)(?:/(?P<sid>[^/]+?))?)?\.json\Z"
)


class TwilioFake(Fake):
    """`account_sid` and `auth_token` are the credentials it accepts and signs with.

    `step_seconds` lies between queued, sent and delivered. Control actions beside the
    switches: "fate" {"to": "+1…", "statuses": ["sent", "undelivered"], "error_code":
    30003} for later messages to a number ("to": "" for all), "inbound" {"url", "from",
    "to", "body"}, a signed message from a person, and "template" {"sid": "HX…", "body"}, a
    text that WhatsApp has approved. Addresses of WhatsApp begin with "whatsapp:".
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        account_sid: str,
        auth_token: str,
        specs: Path | None = None,
        step_seconds: float = 0.2,
        webhook_tries: int = 3,
    ) -> None:
        self.ledger = ledger
        self.faults = Switchboard(SWITCHES)
        self.plan = CallbackPlan()
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._step_seconds = step_seconds
        self._fates: dict[str, messages.Fate] = {"": messages.Fate()}
        self._judge = Judge("twilio", ledger, specs)
        self._courier = Courier(ledger, self._sign, tries=webhook_tries)
        self._control = Control(
            ledger=ledger,
            faults=self.faults,
            plan=self.plan,
            actions={
                "fate": self._set_fate,
                "inbound": self._inbound,
                "template": lambda value: whatsapp.approve(self.ledger, value),
            },
        )

    def start(self) -> None:
        self._courier.start()

    def stop(self) -> None:
        self._courier.stop()

    def handle(self, request: Request) -> Answer:
        if request.path == CONTROL_PATH:
            return self._control.handle(request)
        call = self.ledger.record_call(request.method, request.target, "", request.text)
        self._judge.request(request)
        if self._is_allowed(request):
            answer, fault = self._answer_or_fault(request)
        else:
            answer, fault = TwilioError(401, 20003, "Authenticate").answer(), None
        self._judge.answer(request, answer)
        silent = fault and fault.name.endswith(("hang", "reset"))
        self.ledger.finish_call(
            call,
            status=None if silent else answer.status,
            fault=fault.name if fault else "",
        )
        if fault and silent:
            raise HangUp(0 if fault.name.endswith("reset") else fault.seconds)
        return answer

    def _answer_or_fault(self, request: Request) -> tuple[Answer, Fault | None]:
        form = dict(urllib.parse.parse_qsl(request.text, keep_blank_values=True))
        to = form.get("To", "")
        fault = self.faults.take((*BEFORE, *REFUSALS), request.method, request.path, to)
        if fault and fault.name in REFUSALS:
            return REFUSALS[fault.name].answer(), fault
        if fault and fault.name == "rate_limit":
            refusal = TwilioError(429, 20429, "Too Many Requests")
            return refusal.answer({"Retry-After": str(fault.retry_after)}), fault
        if fault:
            return _broken(), fault
        try:
            with self.ledger.atomic():
                answer = self._route(request, form)
        except TwilioError as exc:
            return exc.answer(), None
        fault = self.faults.take(AFTER, request.method, request.path, to)
        if fault and fault.name == "take_then_500":
            return _broken(), fault
        return answer, fault

    def _route(self, request: Request, form: dict[str, str]) -> Answer:
        found = PATHS.match(request.path)
        if found is None or found["account"] != self._account_sid:
            raise _not_found(request)
        what, sid = found["what"], found["sid"]
        if request.method == "POST" and what == "Messages" and not sid:
            return Answer(201, self._take(form))
        if request.method != "GET":
            raise _not_found(request)
        if what is None:
            return Answer(200, messages.account(self._account_sid))
        if what == "Balance":
            return Answer(200, messages.balance(self._account_sid))
        if not sid:
            return Answer(200, self._page(request))
        stored = self.ledger.get("message", sid)
        if stored is None:
            raise _not_found(request)
        return Answer(200, messages.shown(stored))

    def _take(self, form: dict[str, str]) -> Json:
        messages.check(form)
        whatsapp.check(form, self.ledger)
        fate = self._fates.get(form["To"], self._fates[""])
        fate = whatsapp.fate_of(form, self.ledger, fate)
        form = {**form, "Body": whatsapp.text_of(form, self.ledger)}
        stored = messages.taken(form, self._account_sid, fate, self._step_seconds)
        self.ledger.put("message", stored["sid"], stored)
        if form.get("StatusCallback"):
            for moment, status in stored["steps"][1:]:
                self._tell(stored, form["StatusCallback"], moment, status)
        return messages.shown(stored, at_start=True)

    def _tell(self, stored: Json, url: str, moment: float, status: str) -> None:
        body = messages.callback(stored, status)
        for due_at in self.plan.due_times():
            self.ledger.add_delivery(
                event=f"{stored['sid']} {status}",
                url=url,
                content_type=FORM,
                body=urllib.parse.urlencode(body),
                due_at=due_at + moment - time.time(),
            )

    def _page(self, request: Request) -> Json:
        query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        rows = reversed(self.ledger.objects("message"))
        return messages.page(
            [row for row in rows if messages.wanted(row, query)], query, request
        )

    def _is_allowed(self, request: Request) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        expected = f"{self._account_sid}:{self._auth_token}".encode()
        try:
            given = base64.b64decode(value, validate=True)
        except ValueError:
            return False
        return kind.lower() == "basic" and hmac.compare_digest(given, expected)

    def _sign(self, url: str, body: bytes) -> dict[str, str]:
        pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
        signed = url + "".join(name + value for name, value in sorted(set(pairs)))
        digest = hmac.new(self._auth_token.encode(), signed.encode(), "sha1").digest()
        return {"X-Twilio-Signature": base64.b64encode(digest).decode()}

    def _set_fate(self, value: Any) -> None:
        statuses = tuple(value["statuses"])
        unknown = set(statuses) - messages.STATUSES
        if unknown:
            raise BadSwitch(f"fate: no such status: {', '.join(sorted(unknown))}")
        self._fates[value.get("to", "")] = messages.Fate(
            statuses=statuses, error_code=value.get("error_code")
        )

    def _inbound(self, value: Any) -> None:
        whatsapp.heard(self.ledger, value["from"])
        body = messages.inbound(
            self._account_sid, value["from"], value["to"], value["body"]
        )
        self.ledger.add_delivery(
            event=f"{body['MessageSid']} received",
            url=value["url"],
            content_type=FORM,
            body=urllib.parse.urlencode(body),
            due_at=time.time(),
        )


def _broken() -> Answer:
    return TwilioError(500, 20500, "Internal Server Error").answer()


def _not_found(request: Request) -> TwilioError:
    return TwilioError(
        404, 20404, f"The requested resource {request.path} was not found"
    )
