"""Passes what a fake hears and says through the vendors' documents, when they are there."""

from pathlib import Path

from proofs import vendor_specs
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.web import Answer, Request


class Judge:
    """Writes every departure from the documents to the ledger; without them does nothing."""

    def __init__(self, provider: str, ledger: Ledger, specs: Path | None) -> None:
        self._provider = provider
        self._ledger = ledger
        self._checker = vendor_specs.load(specs) if specs else None

    def request(self, request: Request, document: str = "") -> None:
        """`document`: another of the vendor's than the fake's own, for older clients."""
        if self._checker:
            place = f"request {request.method} {request.path}"
            found = self._checker.request(
                document or self._provider,
                request.method,
                request.target,
                request.headers.get("content-type"),
                request.text,
                request.headers,
            )
            self._ledger.add_findings(place, found)

    def answer(self, request: Request, answer: Answer) -> None:
        if self._checker:
            place = f"answer {answer.status} {request.method} {request.path}"
            found = self._checker.response(
                self._provider, request.method, request.path, answer.status, answer.data
            )
            self._ledger.add_findings(place, found)

    def event(self, body: Json) -> None:
        if self._checker:
            found = self._checker.event(self._provider, body)
            kind = body.get("type") or body.get("event_type")
            self._ledger.add_findings(f"event {kind}", found)
