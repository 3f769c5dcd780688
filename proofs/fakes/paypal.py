"""A small stateful fake of PayPal: Orders v2 and Payments v2, with a ledger on disk.

An order, its approval on a hosted page, its capture, refunds, disputes; bearer tokens; keys in the
header PayPal-Request-Id, which get the latest state of what they made, as PayPal
documents it; transaction search; webhooks signed under certificates of its own. Words
and shapes are those of PayPal's documents of 2024-02. Not modelled: authorizations,
several purchase units, shipping, item taxes, payees, changing an order, payouts,
subscriptions, invoices, currency conversion, and a registration of webhooks.
"""

import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proofs.fakes import (
    actions,
    paypal_disputes,
    paypal_events,
    paypal_page,
    paypal_rules,
    paypal_tokens,
)
from proofs.fakes import paypal_certificates as certificates
from proofs.fakes import paypal_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.paypal_books import (
    CAPTURE,
    ORDER,
    PENDING_REASONS,
    REFUND,
    Books,
    GoneError,
)
from proofs.fakes.paypal_errors import PayPalError, not_found
from proofs.fakes.provider import KeyReused, ProviderFake
from proofs.fakes.web import Answer, Request

CLIENT_ID = "paypal-fake-client"
WEBHOOK_ID = "8PT597110X687430LKGECATA"
WEBHOOKS = "/v1/notifications/webhooks"
TOKEN_SECONDS = 32_400
DECLINED = "instrument_declined"

Reader = Callable[[Request, str], Json]


@dataclass(frozen=True)
class Creation:
    """A POST that makes something: `work(request, body, id)` returns it, with its id.

    `kind` is what is shown of it; `repeated` the status for a key that made it before.
    """

    pattern: re.Pattern[str]
    kind: str
    work: Callable[[Request, Json, str], Json]
    repeated: int


class PayPalFake(ProviderFake):
    """`client_id` and `secret` buy tokens good for `token_seconds`; no other is taken.

    `events` limits what is sent to `webhook_url` (empty: everything), which is
    registered as `webhook_id`. `root` is the PEM to trust webhooks by, written to
    `root_path` too; `cert_base` is where certificates are fetched if not from here.
    `unique_invoices` as in Books.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        client_id: str,
        secret: str,
        webhook_id: str,
        webhook_url: str = "",
        events: tuple[str, ...] = (),
        specs: Path | None = None,
        webhook_tries: int = 8,
        token_seconds: int = TOKEN_SECONDS,
        root_path: Path | None = None,
        cert_base: str = "",
        unique_invoices: bool = True,
    ) -> None:
        super().__init__(
            "paypal",
            ledger,
            specs=specs,
            webhook_url=webhook_url,
            webhook_tries=webhook_tries,
            actions=self._actions(),
            switches={DECLINED: "POST"},
        )
        self._webhook_id = webhook_id
        self._events = events
        self._cert_base = cert_base
        self._tokens = paypal_tokens.Tokens(
            ledger, client_id=client_id, secret=secret, seconds=token_seconds
        )
        self._signer = certificates.Signer(ledger, root_path)
        self.root = self._signer.root
        self._books = Books(
            ledger,
            self._announce,
            base_url=lambda: self.base_url,
            unique_invoices=unique_invoices,
        )
        self._creations = self._creation_table()
        self._readers = [
            (re.compile(pattern + r"\Z"), reader)
            for pattern, reader in self._reader_table()
        ]

    # -- the API -------------------------------------------------------------------

    def _key_of(self, request: Request) -> str:
        creates = request.method == "POST" and self._creation(request.path)
        return request.headers.get("paypal-request-id", "") if creates else ""

    def _is_judged(self, request: Request) -> bool:
        return not self._is_aside(request)

    def _is_aside(self, request: Request) -> bool:
        """Tokens and certificates: in no document, and not what a switch is meant for."""
        return request.path == paypal_tokens.PATH or request.path.startswith(
            certificates.PATH
        )

    def _refused_stranger(self, request: Request) -> Answer | None:
        if self._is_aside(request) or self._tokens.are_good(request):
            return None
        return self._error(PayPalError(401))

    def _worked(self, request: Request, key: str) -> Answer:
        if request.path == paypal_tokens.PATH:
            return self._tokens.issue(request)
        if request.path.startswith(certificates.PATH):
            chain = self._signer.chain(request.path.removeprefix(certificates.PATH))
            return Answer(404) if chain is None else Answer(200, text=chain)
        try:
            with self.ledger.atomic():
                creation = self._creation(request.path)
                if request.method == "POST" and creation:
                    return self._created(request, key, creation)
                return Answer(200, self._read(request))
        except PayPalError as exc:
            return self._error(exc)

    def _created(self, request: Request, key: str, creation: Creation) -> Answer:
        """Do it; or show what this key made before. Refusals are not kept."""
        body = _body(request)
        if len(key) > paypal_rules.KEY_LIMIT:
            raise PayPalError(400, "INVALID_STRING_LENGTH", field="PayPal-Request-Id")
        matched = creation.pattern.match(request.path)
        identity = matched[1] if matched and matched.groups() else ""

        def work() -> Json:
            return {"id": creation.work(request, body, identity)["id"]}

        status, repeated = 201, False
        if key:
            content = json.dumps([request.path, body], sort_keys=True)
            fingerprint = hashlib.sha256(content.encode()).hexdigest()
            try:
                status, made, repeated = self._once(key, fingerprint, work, status=201)
            except KeyReused as exc:
                raise PayPalError(422, "DUPLICATE_REQUEST_ID") from exc
        else:
            made = work()
        if "id" not in made:  # the stored answer of a failure
            return Answer(status, made)
        shown = self._books.shown(creation.kind, made["id"])
        if request.headers.get("prefer", "") != "return=representation":
            shown = objects.minimal(shown)
        return Answer(creation.repeated if repeated else status, shown)

    def serves(self, method: str, path: str) -> bool:
        """Whether the fake has an answer of its own to this."""
        if method == "POST":
            return self._creation(path) is not None
        return method == "GET" and any(p.match(path) for p, _ in self._readers)

    def _creation(self, path: str) -> Creation | None:
        found = (made for made in self._creations if made.pattern.match(path))
        return next(found, None)

    def _creation_table(self) -> list[Creation]:
        captured = re.compile(f"{objects.ORDERS}/([^/]+)/capture\\Z")
        refunded = re.compile(f"{objects.CAPTURES}/([^/]+)/refund\\Z")
        return [
            Creation(
                re.compile(f"{objects.ORDERS}\\Z"), ORDER, self._create_order, 200
            ),
            Creation(captured, ORDER, self._capture, 200),
            # The documents know no 200 here.
            Creation(refunded, REFUND, lambda r, b, i: self._books.refund(i, b), 201),
        ]

    def _create_order(self, request: Request, body: Json, identity: str) -> Json:
        if body.get("payment_source") and not self._key_of(request):
            raise PayPalError(400, "PAYPAL_REQUEST_ID_REQUIRED")
        return self._books.create_order(body)

    def _capture(self, request: Request, body: Json, identity: str) -> Json:
        declined = self.faults.take((DECLINED,), request.method, request.path)
        return self._books.capture(identity, declined=declined is not None)

    def _read(self, request: Request) -> Json:
        for pattern, reader in self._readers:
            found = pattern.match(request.path)
            if found and request.method == "GET":
                return reader(request, found[1] if found.groups() else "")
        raise PayPalError(404)

    def _reader_table(self) -> list[tuple[str, Reader]]:
        books = self._books
        return [
            (f"{objects.ORDERS}/([^/]+)", lambda r, i: books.shown(ORDER, i)),
            (f"{objects.CAPTURES}/([^/]+)", lambda r, i: books.shown(CAPTURE, i)),
            (f"{objects.REFUNDS}/([^/]+)", lambda r, i: books.shown(REFUND, i)),
            (WEBHOOKS, lambda r, i: {"webhooks": self._webhooks()}),
            (f"{WEBHOOKS}/([^/]+)", lambda r, i: self._webhook(i)),
            (objects.EVENTS, lambda r, i: self._event_list(r)),
            (paypal_disputes.PATH, lambda r, i: books.disputes.listed(_query(r))),
            (f"{paypal_disputes.PATH}/([^/]+)", lambda r, i: books.disputes.shown(i)),
        ]

    def _webhooks(self) -> list[Json]:
        """The one endpoint there is, where the fake knows an address to send to."""
        if not self.plan.url:
            return []
        itself = f"{self.base_url}{WEBHOOKS}/{self._webhook_id}"
        registered = {
            "id": self._webhook_id,
            "url": self.plan.url,
            "event_types": [{"name": name} for name in self._events or ("*",)],
            "links": [objects.link(itself, "self")],
        }
        return [registered]

    def _webhook(self, identity: str) -> Json:
        for found in self._webhooks():
            if found["id"] == identity:
                return found
        raise not_found()

    def _event_list(self, request: Request) -> Json:
        return paypal_events.listed(self.ledger, _query(request), base=self.base_url)

    def _documented(self, answer: Answer) -> Answer | None:
        """They know no 429, no body of a 500, and nothing of keys that come back."""
        if answer.status in (429, 500):
            return None
        details = answer.data.get("details", ())
        if any(row["issue"] == "DUPLICATE_REQUEST_ID" for row in details):
            return replace(answer, data={**answer.data, "details": []})
        return answer

    @staticmethod
    def _error(error: PayPalError, headers: dict[str, str] | None = None) -> Answer:
        return Answer(error.status, error.body(), headers=headers or {})

    def _rate_limited(self, retry_after: int) -> Answer:
        return self._error(PayPalError(429), {"Retry-After": str(retry_after)})

    def _broken(self) -> Answer:
        return self._error(PayPalError(500))

    # -- the hosted page -------------------------------------------------------------

    def _page(self, request: Request) -> Answer:
        identity = request.path.removeprefix("/pay/")
        try:
            with self.ledger.atomic():
                if request.method == "POST":
                    chosen = urllib.parse.parse_qs(request.text).get("outcome", [""])
                    return self._choose(identity, chosen[0])
                order = self._books.checkout(identity)
        except PayPalError as exc:
            return Answer(exc.status, page=paypal_page.closed("No such order."))
        except GoneError as exc:
            return Answer(410, page=paypal_page.closed(str(exc)))
        return Answer(200, page=paypal_page.form(order))

    def _choose(self, identity: str, outcome: str) -> Answer:
        if outcome == "cancel":
            return _back(self._books.cancel_url(identity), {"token": identity})
        if outcome not in paypal_page.OUTCOMES:
            return Answer(400, page=paypal_page.closed("Press one of the buttons."))
        address = self._books.approve(identity, outcome)
        payer = self._books.find(ORDER, identity)["payer"]
        return _back(address, {"token": identity, "PayerID": payer["payer_id"]})

    # -- webhooks and control ------------------------------------------------------------

    def _announce(self, event: Json) -> None:
        self._judge.event(event)
        if not self.plan.url or (
            self._events and event["event_type"] not in self._events
        ):
            return
        body = json.dumps(event, separators=(",", ":"))
        self._deliver(event["id"], body, "application/json")

    def _sign(self, url: str, body: bytes) -> dict[str, str]:
        return self._signer.headers(
            body, webhook_id=self._webhook_id, base=self._cert_base or self.base_url
        )

    def _actions(self) -> dict[str, Callable[[Any], None]]:
        return {
            "expire_tokens": lambda v: self._tokens.expire_all() if v else None,
            "rotate_certificate": lambda v: self._signer.rotate() if v else None,
            "expire_order": lambda v: self._act(
                lambda: self._books.expire_order(v["order"])
            ),
            "settle": lambda v: self._act(
                lambda: self._books.settle(v["order"], succeeded=bool(v["succeeded"]))
            ),
            "pending_reason": self._set_pending_reason,
            "refunds_at_once": self._set_refunds_at_once,
            "settle_refund": lambda v: self._act(
                lambda: self._books.settle_refund(v["refund"], status=v["status"])
            ),
            **actions.of_disputes(lambda: self._books.disputes, self._act),
            "dashboard_refund": lambda v: self._act(lambda: self._dashboard_refund(v)),
        }

    def _dashboard_refund(self, value: Any) -> None:
        """{"capture": id, "amount": "5.00"}, without the amount all that is left."""
        capture = self._books.find(CAPTURE, value["capture"])
        body: Json = {}
        if value.get("amount"):
            body["amount"] = {**capture["amount"], "value": value["amount"]}
        self._books.refund(capture["id"], body)

    def _set_pending_reason(self, value: Any) -> None:
        """Why captures of `later` wait from now on."""
        if value not in PENDING_REASONS:
            raise ValueError(f"none of {', '.join(PENDING_REASONS)}")
        self._books.pending_reason = value

    def _set_refunds_at_once(self, value: Any) -> None:
        self._books.refunds_at_once = bool(value)

    def _act(self, action: Callable[[], object]) -> None:
        with self.ledger.atomic():
            try:
                action()
            except PayPalError as exc:
                raise ValueError(str(exc)) from exc


def _body(request: Request) -> Json:
    """The JSON object of the request, {} without a body. Raises PayPalError."""
    try:
        body = json.loads(request.text or "{}")
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    if request.path.startswith(objects.CAPTURES):  # its documents know no other word
        raise PayPalError(400, "INVALID_PARAMETER_SYNTAX")
    raise PayPalError(400, "MALFORMED_REQUEST_JSON")


def _query(request: Request) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(request.query))


def _back(address: str, told: dict[str, str]) -> Answer:
    """To the merchant's address; without one PayPal's payer is left where he is."""
    if not address:
        notice = "Things don't appear to be working at the moment."
        return Answer(200, page=paypal_page.closed(notice))
    parts = urllib.parse.urlsplit(address)
    query = "&".join(filter(None, (parts.query, urllib.parse.urlencode(told))))
    return Answer(303, headers={"Location": parts._replace(query=query).geturl()})
