"""What the fakes of payment providers share: calls written down, judged and broken."""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from proofs.fakes.callbacks import Courier
from proofs.fakes.control import PATH as CONTROL_PATH
from proofs.fakes.control import CallbackPlan, Control
from proofs.fakes.faults import Fault, Switchboard
from proofs.fakes.judge import Judge
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.web import Answer, Fake, HangUp, Request

BEFORE = ("rate_limit", "error_500", "hang")
AFTER = (
    "commit_then_hang",
    "commit_then_reset",
    "commit_then_500",
    "commit_then_stored_500",
)
SWITCHES = {**dict.fromkeys(BEFORE, ""), **dict.fromkeys(AFTER, "POST")}
DONE = (200, 201)


class KeyReused(Exception):
    """An idempotency key came back with other content."""


class ProviderFake(Fake):
    """A provider with a hosted page below /pay/ and signed webhooks.

    `specs` is the folder of the vendors' documents; with it the ledger's findings() tell
    what is wrong in any request, answer or webhook. `actions` are the provider's own
    commands at the control endpoint, `switches` its own besides the shared ones.
    """

    def __init__(
        self,
        provider: str,
        ledger: Ledger,
        *,
        specs: Path | None,
        webhook_url: str,
        webhook_tries: int,
        actions: Mapping[str, Callable[[Any], None]],
        switches: Mapping[str, str] | None = None,
    ) -> None:
        self.ledger = ledger
        self.faults = Switchboard({**SWITCHES, **(switches or {})})
        self.plan = CallbackPlan(url=webhook_url)
        self._judge = Judge(provider, ledger, specs)
        self._courier = Courier(ledger, self._sign, tries=webhook_tries)
        self._control = Control(
            ledger=ledger, faults=self.faults, plan=self.plan, actions=actions
        )

    def start(self) -> None:
        self._courier.start()

    def stop(self) -> None:
        self._courier.stop()

    def handle(self, request: Request) -> Answer:
        if request.path == CONTROL_PATH:
            return self._control.handle(request)
        key = self._key_of(request)
        call = self.ledger.record_call(
            request.method, request.target, key, request.text
        )
        if request.path.startswith("/pay/"):
            answer, fault = self._page(request), None
        else:
            answer, fault = self._api(request, key)
        silent = fault and fault.name.endswith(("hang", "reset"))
        self.ledger.finish_call(
            call,
            status=None if silent else answer.status,
            fault=fault.name if fault else "",
        )
        if fault and silent:
            raise HangUp(0 if fault.name.endswith("reset") else fault.seconds)
        return answer

    # -- a provider's own ------------------------------------------------------------

    @abstractmethod
    def _key_of(self, request: Request) -> str:
        """The idempotency key of the request, or ''."""

    @abstractmethod
    def _refused_stranger(self, request: Request) -> Answer | None:
        """The answer to a caller without the right credentials; None to the right one."""

    @abstractmethod
    def _worked(self, request: Request, key: str) -> Answer:
        """Do what the request asks, once a key."""

    @abstractmethod
    def _rate_limited(self, retry_after: int) -> Answer:
        """The answer to a caller who asks too often."""

    @abstractmethod
    def _broken(self) -> Answer:
        """The answer when the provider itself has failed."""

    @abstractmethod
    def _page(self, request: Request) -> Answer:
        """The hosted page; never judged, never broken."""

    @abstractmethod
    def _sign(self, url: str, body: bytes) -> dict[str, str]:
        """The headers that prove who sent a webhook."""

    def _is_judged(self, request: Request) -> bool:
        """Whether the documents have a say in this request."""
        return True

    def _document_for(self, request: Request) -> str:
        """Which of the vendor's documents judges the request; '': the fake's own."""
        return ""

    def _is_aside(self, request: Request) -> bool:
        """Whether only a switch that names this path strikes the request."""
        return False

    def _documented(self, answer: Answer) -> Answer | None:
        """The answer as the documents are asked about it; None where they are silent."""
        return answer

    # -- shared ------------------------------------------------------------------------

    def _api(self, request: Request, key: str) -> tuple[Answer, Fault | None]:
        judged = self._is_judged(request)
        if judged:
            self._judge.request(request, self._document_for(request))
        refusal = self._refused_stranger(request)
        if refusal is None:
            answer, fault = self._answer_or_fault(request, key)
        else:
            answer, fault = refusal, None
        documented = self._documented(answer) if judged else None
        if documented is not None:
            self._judge.answer(request, documented)
        return answer, fault

    def _answer_or_fault(
        self, request: Request, key: str
    ) -> tuple[Answer, Fault | None]:
        struck = (request.method, request.path)
        named = self._is_aside(request)
        fault = self.faults.take(BEFORE, *struck, named=named)
        if fault and fault.name == "rate_limit":
            return self._rate_limited(fault.retry_after), fault
        if fault:
            return self._broken(), fault
        answer = self._worked(request, key)
        if answer.status not in DONE:
            return answer, None
        fault = self.faults.take(AFTER, *struck, named=named)
        if fault and fault.name.endswith("500"):
            if fault.name == "commit_then_stored_500" and key:
                self.ledger.change_answer(key, 500, json.dumps(self._broken().data))
            return self._broken(), fault
        return answer, fault

    def _once(
        self, key: str, fingerprint: str, work: Callable[[], Json], *, status: int = 200
    ) -> tuple[int, Json, bool]:
        """Status and body of the work, or of the first answer to this key (then True).

        `status` is that of work done. What the work refuses by raising is not kept.
        Raises KeyReused.
        """
        with self.ledger.atomic():
            stored = self.ledger.stored_answer(key)
            if stored is None:
                data = work()
                self.ledger.store_answer(key, fingerprint, status, json.dumps(data))
                return status, data, False
        if stored.fingerprint != fingerprint:
            raise KeyReused
        return stored.status, json.loads(stored.body), True

    def _deliver(self, event: str, body: str, content_type: str) -> None:
        """Hand a webhook to the courier as the callback plan says."""
        for due_at in self.plan.due_times():
            self.ledger.add_delivery(
                event=event,
                url=self.plan.url,
                content_type=content_type,
                body=body,
                due_at=due_at,
            )
