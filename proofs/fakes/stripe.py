"""A small stateful fake of Stripe, API version 2026-10-28.endive, with a ledger on disk.

Checkout sessions and what follows from them, disputes, payouts; idempotency keys as Stripe keeps them;
a hosted page at each session's `url`; signed webhooks. Not modelled: 409 for a key whose
first call is still running (the second call waits and gets the replay), the expired event
at the very second (a session expires when it is next looked at), and sums with discounts,
shipping or automatic tax (refused with 400).
"""

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from proofs.fakes import actions, stripe_page
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.provider import KeyReused, ProviderFake
from proofs.fakes.stripe_books import INTENT, SESSION, TRANSACTION, Books
from proofs.fakes.stripe_disputes import DISPUTE
from proofs.fakes.stripe_form import StripeError, decode, integer
from proofs.fakes.stripe_objects import API_VERSION, account, new_id
from proofs.fakes.stripe_payouts import PAYOUT
from proofs.fakes.web import Answer, Request

KEY_LIMIT = 255
# Stripe's CLI completes sessions through these; the vendor's documents leave them out.
UNDOCUMENTED = ("/v1/payment_pages/", "/v1/payment_methods")
OLDER = "stripe-2023-08-16"

Handler = Callable[[Request, Json, str, str], Json]


class StripeFake(ProviderFake):
    """`key` is the secret key it accepts, `secret` signs webhooks.

    `events` limits what is sent to `webhook_url` (empty: everything).
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        key: str,
        secret: str,
        webhook_url: str = "",
        events: tuple[str, ...] = (),
        specs: Path | None = None,
        webhook_tries: int = 8,
        currency: str = "usd",
    ) -> None:
        super().__init__(
            "stripe",
            ledger,
            specs=specs,
            webhook_url=webhook_url,
            webhook_tries=webhook_tries,
            actions={
                "settle": self._settle,
                "settle_refund": self._settle_refund,
                "refunds_pending": self._set_refunds_pending,
                **actions.of_disputes(lambda: self._books.disputes, self._act),
                **actions.of_payouts(lambda: self._books.payouts, self._act),
            },
        )
        self._key = key
        self._secret = secret.encode()
        self._events = events
        self._currency = currency
        self._books = Books(ledger, self._announce)
        self._routes = [
            (method, re.compile(pattern + r"\Z"), handler)
            for method, pattern, handler in self._table()
        ]

    # -- the API -------------------------------------------------------------------

    def _key_of(self, request: Request) -> str:
        return request.headers.get("idempotency-key", "")

    def _worked(self, request: Request, key: str) -> Answer:
        try:
            if request.method == "POST" and key:
                return self._kept(request, key)
            source = request.text if request.method == "POST" else request.query
            with self.ledger.atomic():
                return Answer(
                    200, self._route(request, decode(source), key), headers=_headers()
                )
        except StripeError as exc:
            return self._error(exc)

    def _kept(self, request: Request, key: str) -> Answer:
        """Do it, or give again what was answered to this key. Refusals are not kept."""
        if len(key) > KEY_LIMIT:
            raise StripeError(400, "Idempotency-Key is at most 255 characters long")
        pairs = sorted(urllib.parse.parse_qsl(request.text, keep_blank_values=True))
        fingerprint = hashlib.sha256(repr((request.path, pairs)).encode()).hexdigest()
        headers = {**_headers(), "Idempotency-Key": key}
        try:
            status, data, replayed = self._once(
                key,
                fingerprint,
                lambda: self._route(request, decode(request.text), key),
            )
        except KeyReused as exc:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same parameters"
                " they were first used with.",
                kind="idempotency_error",
            ) from exc
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return Answer(status, data, headers=headers)

    def _route(self, request: Request, params: Json, key: str) -> Json:
        for method, pattern, handler in self._routes:
            found = pattern.match(request.path)
            if found and method == request.method:
                identity = urllib.parse.unquote(found[1]) if found.groups() else ""
                data = handler(request, params, key, identity)
                if "expand" in params:
                    self._books.expand(data, params["expand"])
                return data
        raise StripeError(
            404, f"Unrecognized request URL ({request.method}: {request.path})."
        )

    def serves(self, method: str, path: str) -> bool:
        """Whether the fake has an answer of its own to this."""
        return any(
            method == known and pattern.match(path)
            for known, pattern, _ in self._routes
        )

    def _table(self) -> list[tuple[str, str, Handler]]:
        books = self._books
        sessions = "/v1/checkout/sessions"
        table: list[tuple[str, str, Handler]] = [
            (
                "POST",
                sessions,
                lambda r, p, k, i: books.create_session(p, base_url=self.base_url),
            ),
            ("GET", f"{sessions}/([^/]+)", lambda r, p, k, i: books.session(i)),
            (
                "POST",
                f"{sessions}/([^/]+)/expire",
                lambda r, p, k, i: books.expire_session(i, key=k),
            ),
            (
                "GET",
                f"{sessions}/([^/]+)/line_items",
                lambda r, p, k, i: books.line_items(i),
            ),
            ("POST", "/v1/refunds", lambda r, p, k, i: books.refunds.create(p, key=k)),
            (
                "POST",
                "/v1/payment_intents",
                lambda r, p, k, i: books.create_intent(p, key=k),
            ),
            ("POST", "/v1/products", lambda r, p, k, i: books.create_product(p)),
            ("POST", "/v1/prices", lambda r, p, k, i: books.create_price(p)),
            ("GET", "/v1/account", lambda r, p, k, i: account(currency=self._currency)),
            (
                "GET",
                "/v1/balance",
                lambda r, p, k, i: books.balance(currency=self._currency),
            ),
            (
                "POST",
                "/v1/payment_methods",
                lambda r, p, k, i: books.create_method(p),
            ),
            ("GET", "/v1/payment_pages/([^/]+)", lambda r, p, k, i: books.session(i)),
            (
                "POST",
                "/v1/payment_pages/([^/]+)/confirm",
                lambda r, p, k, i: self._confirm(p, i),
            ),
        ]
        return [
            *table,
            *self._changing_table(),
            ("GET", sessions, self._lister(SESSION)),
            *self._reading_table(),
        ]

    def _changing_table(self) -> list[tuple[str, str, Handler]]:
        disputes, payouts = self._books.disputes, self._books.payouts
        return [
            ("POST", "/v1/payouts", lambda r, p, k, i: payouts.create(p, key=k)),
            ("POST", "/v1/payouts/([^/]+)", lambda r, p, k, i: payouts.update(i, p)),
            (
                "POST",
                "/v1/disputes/([^/]+)",
                lambda r, p, k, i: disputes.update(i, p),
            ),
            (
                "POST",
                "/v1/disputes/([^/]+)/close",
                lambda r, p, k, i: disputes.give_in(i),
            ),
        ]

    def _reading_table(self) -> list[tuple[str, str, Handler]]:
        table: list[tuple[str, str, Handler]] = []
        for plural, kind in (
            ("payment_intents", INTENT),
            ("charges", "charge"),
            ("refunds", "refund"),
            ("disputes", DISPUTE),
            ("payouts", PAYOUT),
            ("balance_transactions", TRANSACTION),
            ("events", "event"),
        ):
            table.append(("GET", f"/v1/{plural}", self._lister(kind)))
            table.append(("GET", f"/v1/{plural}/([^/]+)", self._finder(kind)))
        return table

    def _lister(self, kind: str) -> Handler:
        return lambda r, p, k, i: self._books.page(kind, r.path, p)

    def _finder(self, kind: str) -> Handler:
        return lambda r, p, k, i: self._books.find(kind, i)

    def _confirm(self, params: Json, identity: str) -> Json:
        """What Stripe's CLI calls instead of pressing the button."""
        session = self._books.session(identity)
        if (
            integer(params, "expected_amount", default=session["amount_total"])
            != (session["amount_total"])
        ):
            raise StripeError(400, "The amount has changed.", param="expected_amount")
        return self._books.pay_by(identity, str(params.get("payment_method", "")))

    def _refused_stranger(self, request: Request) -> Answer | None:
        if self._is_allowed(request):
            return None
        return self._error(StripeError(401, "Invalid API Key provided: sk_****"))

    def _is_allowed(self, request: Request) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                value = base64.b64decode(value).decode().partition(":")[0]
            except ValueError:
                return False
        return hmac.compare_digest(value.encode(), self._key.encode())

    def _is_judged(self, request: Request) -> bool:
        return not request.path.startswith(UNDOCUMENTED)

    def _document_for(self, request: Request) -> str:
        """Stripe's own CLI still says payment_method_types, as before 2026."""
        agent = request.headers.get("user-agent", "").lower()
        return OLDER if "stripe-cli" in agent else ""

    @staticmethod
    def _error(error: StripeError, headers: dict[str, str] | None = None) -> Answer:
        return Answer(
            error.status, error.body(), headers={**_headers(), **(headers or {})}
        )

    def _rate_limited(self, retry_after: int) -> Answer:
        error = StripeError(429, "Too many requests", code="rate_limit")
        return self._error(error, {"Retry-After": str(retry_after)})

    def _broken(self) -> Answer:
        return self._error(
            StripeError(500, "An unknown error occurred", kind="api_error")
        )

    # -- the hosted page -------------------------------------------------------------

    def _page(self, request: Request) -> Answer:
        identity = request.path.removeprefix("/pay/")
        try:
            if request.method == "POST":
                chosen = urllib.parse.parse_qs(request.text).get("outcome", [""])[0]
                return self._choose(identity, chosen)
            with self.ledger.atomic():
                session = self._books.session(identity)
                items = self._books.line_items(identity)["data"]
        except StripeError as exc:
            status = 410 if exc.status == 400 else exc.status
            return Answer(status, page=stripe_page.closed(str(exc)))
        if session["status"] != "open":
            notice = f"This Checkout Session is {session['status']}."
            return Answer(410, page=stripe_page.closed(notice))
        return Answer(200, page=stripe_page.form(session, items))

    def _choose(self, identity: str, outcome: str) -> Answer:
        with self.ledger.atomic():
            if outcome == "pay":
                session = self._books.pay(identity)
            elif outcome == "later":
                session = self._books.pay_later(identity)
            elif outcome == "decline":
                session = self._books.decline(identity)
                items = self._books.line_items(identity)["data"]
                notice = "Your card was declined."
                return Answer(402, page=stripe_page.form(session, items, notice=notice))
            elif outcome == "cancel":
                session = self._books.session(identity)
                back = session["cancel_url"] or session["success_url"]
                return Answer(303, headers={"Location": back})
            else:
                return Answer(400, page=stripe_page.closed("Press one of the buttons."))
        place = session["success_url"].replace("{CHECKOUT_SESSION_ID}", identity)
        return Answer(303, headers={"Location": place})

    # -- webhooks ----------------------------------------------------------------------

    def _announce(self, event: Json) -> None:
        self._judge.event(event)
        if not self.plan.url or (self._events and event["type"] not in self._events):
            return
        # Stripe indents its webhooks: a receiver that re-serialises cannot verify them.
        body = json.dumps(event, indent=2)
        self._deliver(event["id"], body, "application/json; charset=utf-8")

    def _sign(self, url: str, body: bytes) -> dict[str, str]:
        moment = str(int(time.time()))
        digest = hmac.new(self._secret, moment.encode() + b"." + body, hashlib.sha256)
        return {"Stripe-Signature": f"t={moment},v1={digest.hexdigest()}"}

    def _settle(self, value: Any) -> None:
        """{"session": id, "succeeded": true|false}: end a payment that is under way."""
        self._act(
            lambda: self._books.settle(
                value["session"], succeeded=bool(value["succeeded"])
            )
        )

    def _settle_refund(self, value: Any) -> None:
        """{"refund": id, "status": "succeeded"|"failed"|"canceled"}."""
        self._act(
            lambda: self._books.refunds.settle(value["refund"], status=value["status"])
        )

    def _set_refunds_pending(self, value: Any) -> None:
        self._books.refunds.are_pending = bool(value)

    def _act(self, action: Callable[[], object]) -> None:
        """Inside one transaction; what Stripe refuses is a ValueError."""
        with self.ledger.atomic():
            try:
                action()
            except StripeError as exc:
                raise ValueError(str(exc)) from exc


def _headers() -> dict[str, str]:
    return {"Request-Id": new_id("req"), "Stripe-Version": API_VERSION}
