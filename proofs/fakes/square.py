"""A small stateful fake of Square, Square-Version 2025-08-20, with a ledger on disk.

Payment links and what follows from them: orders, payments, refunds, disputes, payouts;
idempotency keys in the body; a hosted page at each link's `url`; signed webhooks. As
Square's own people say of API links, the order stays OPEN when it is paid, and its tenders name failed payments
too: only a payment's status tells what was paid. Not modelled: updating links, tips,
taxes, discounts, and several locations.
"""

import base64
import hashlib
import hmac
import json
import re
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from proofs.fakes import actions, square_page, square_rules
from proofs.fakes import square_lists as lists
from proofs.fakes import square_objects as objects
from proofs.fakes.ledger import Json, Ledger
from proofs.fakes.provider import KeyReused, ProviderFake
from proofs.fakes.square_books import ORDER, PAYMENT, REFUND, Books
from proofs.fakes.square_disputes import DISPUTE
from proofs.fakes.square_objects import API_VERSION, MERCHANT_ID, SquareError
from proofs.fakes.square_payouts import PAYOUT
from proofs.fakes.web import Answer, Request

LOCATION_ID = "LFAKEFORPROOFS"
LINKS = "/v2/online-checkout/payment-links"
# The two that create something, and how long the key in their body may be.
KEY_LIMITS = {
    LINKS: square_rules.LINK_KEY_LIMIT,
    "/v2/refunds": square_rules.REFUND_KEY_LIMIT,
}
# How often the fake looks for fees that have become due.
FEE_CHECK_SECONDS = 0.05

Handler = Callable[[Request, Json, str], Json]


class SquareFake(ProviderFake):
    """`key` is the access token it accepts, `secret` the signature key of its webhooks.

    `events` limits what is sent to `webhook_url` (empty: everything); `notification_url`
    is what signatures are made over where a proxy lies between (empty: `webhook_url`).
    `currency` is the one of its only location. A payment's fee is known `fee_seconds`
    after it (None: when the control action charge_fees says so). `completes_orders`
    closes an order as soon as it is paid.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        key: str,
        secret: str,
        webhook_url: str = "",
        notification_url: str = "",
        events: tuple[str, ...] = (),
        specs: Path | None = None,
        webhook_tries: int = 8,
        currency: str = "USD",
        country: str = "US",
        location_id: str = LOCATION_ID,
        fee_seconds: float | None = 0.2,
        completes_orders: bool = False,
    ) -> None:
        super().__init__(
            "square",
            ledger,
            specs=specs,
            webhook_url=webhook_url,
            webhook_tries=webhook_tries,
            actions={
                "settle": self._settle,
                "settle_refund": self._settle_refund,
                "refunds_at_once": self._set_refunds_at_once,
                "complete_order": self._complete_order,
                "charge_fees": self._charge_fees,
                **actions.of_disputes(lambda: self._books.disputes, self._act),
                **actions.of_payouts(lambda: self._books.payouts, self._act),
            },
        )
        self._key = key
        self._secret = secret.encode()
        self._notification_url = notification_url
        self._events = events
        self._location = objects.location(
            location_id, currency=currency, country=country
        )
        self._books = Books(
            ledger,
            self._announce,
            location=self._location,
            fee_seconds=fee_seconds,
            completes_orders=completes_orders,
        )
        self._stopping = threading.Event()
        self._cashier = threading.Thread(target=self._run_fees, name="fake-fees")
        self._routes = [
            (method, re.compile(pattern + r"\Z"), handler)
            for method, pattern, handler in self._table()
        ]

    def start(self) -> None:
        super().start()
        self._cashier.start()

    def stop(self) -> None:
        self._stopping.set()
        self._cashier.join()
        super().stop()

    # -- the API -------------------------------------------------------------------

    def _key_of(self, request: Request) -> str:
        if request.method != "POST" or request.path not in KEY_LIMITS:
            return ""
        try:
            key = json.loads(request.text).get("idempotency_key")
        except (ValueError, AttributeError):
            return ""
        return key if isinstance(key, str) else ""

    def _worked(self, request: Request, key: str) -> Answer:
        try:
            body = _body(request)
            if key:
                return self._kept(request, body, key)
            if request.method == "POST" and request.path == "/v2/refunds":
                raise square_rules.missing("idempotency_key")
            with self.ledger.atomic():
                return Answer(
                    200, self._route(request, body), headers=_headers(request)
                )
        except SquareError as exc:
            return self._error(exc)

    def _kept(self, request: Request, body: Json, key: str) -> Answer:
        """Do it, or give again what was answered to this key. Refusals are not kept."""
        if len(key) > KEY_LIMITS[request.path]:
            raise SquareError(
                400, "VALUE_TOO_LONG", "Too long a key.", field="idempotency_key"
            )
        content = json.dumps([request.path, body], sort_keys=True)
        fingerprint = hashlib.sha256(content.encode()).hexdigest()
        try:
            status, data, _ = self._once(
                key, fingerprint, lambda: self._route(request, body)
            )
        except KeyReused as exc:
            raise SquareError(
                400,
                "IDEMPOTENCY_KEY_REUSED",
                "The idempotency key can only be retried with the same request data.",
                field="idempotency_key",
            ) from exc
        return Answer(status, data, headers=_headers(request))

    def _route(self, request: Request, body: Json) -> Json:
        for method, pattern, handler in self._routes:
            found = pattern.match(request.path)
            if found and method == request.method:
                identity = urllib.parse.unquote(found[1]) if found.groups() else ""
                return handler(request, body, identity)
        raise SquareError(404, "NOT_FOUND", "Resource not found.")

    def serves(self, method: str, path: str) -> bool:
        """Whether the fake has an answer of its own to this."""
        return any(
            method == known and pattern.match(path)
            for known, pattern, _ in self._routes
        )

    def _table(self) -> list[tuple[str, str, Handler]]:
        books, place = self._books, self._location
        return [
            (
                "POST",
                LINKS,
                lambda r, b, i: books.create_link(b, base_url=self.base_url),
            ),
            ("GET", LINKS, lambda r, b, i: lists.link_page(books.links(), _query(r))),
            (
                "GET",
                f"{LINKS}/([^/]+)",
                lambda r, b, i: {"payment_link": books.link(i)},
            ),
            ("DELETE", f"{LINKS}/([^/]+)", lambda r, b, i: books.delete_link(i)),
            ("POST", "/v2/orders/search", lambda r, b, i: self._search(b)),
            ("POST", "/v2/orders/batch-retrieve", lambda r, b, i: self._batch(b)),
            ("GET", "/v2/orders/([^/]+)", self._finder(ORDER)),
            ("GET", "/v2/payments", self._lister(PAYMENT)),
            ("GET", "/v2/payments/([^/]+)", self._finder(PAYMENT)),
            ("POST", "/v2/refunds", lambda r, b, i: books.create_refund(b)),
            ("GET", "/v2/refunds", self._lister(REFUND)),
            ("GET", "/v2/refunds/([^/]+)", self._finder(REFUND)),
            ("GET", "/v2/disputes", lambda r, b, i: books.disputes.listed(_query(r))),
            ("GET", "/v2/disputes/([^/]+)", self._finder(DISPUTE)),
            ("GET", "/v2/payouts", lambda r, b, i: books.payouts.listed(_query(r))),
            ("GET", "/v2/payouts/([^/]+)", self._finder(PAYOUT)),
            ("GET", "/v2/locations", lambda r, b, i: {"locations": [place]}),
            (
                "GET",
                "/v2/locations/([^/]+)",
                lambda r, b, i: {"location": self._only(i, place["id"], place)},
            ),
            (
                "GET",
                "/v2/merchants",
                lambda r, b, i: {"merchant": [objects.merchant(place)]},
            ),
            (
                "GET",
                "/v2/merchants/([^/]+)",
                lambda r, b, i: {
                    "merchant": self._only(i, MERCHANT_ID, objects.merchant(place))
                },
            ),
        ]

    def _lister(self, kind: str) -> Handler:
        name = f"{kind}s"
        return lambda r, b, i: lists.listed(
            self.ledger.objects(kind), _query(r), name=name
        )

    def _finder(self, kind: str) -> Handler:
        return lambda r, b, i: {kind: self._books.find(kind, i)}

    def _search(self, body: Json) -> Json:
        found = lists.searched(self.ledger.objects(ORDER), body)
        return lists.entries(found) if body.get("return_entries") else found

    def _batch(self, body: Json) -> Json:
        """Square leaves out what it does not know."""
        ids = body.get("order_ids")
        if not isinstance(ids, list) or not ids:
            raise square_rules.missing("order_ids")
        found = [self.ledger.get(ORDER, str(identity)) for identity in ids]
        return {"orders": [order for order in found if order]}

    @staticmethod
    def _only(asked: str, identity: str, found: Json) -> Json:
        """The one location or merchant there is; `me` and `main` name them too."""
        if asked not in (identity, "me" if identity == MERCHANT_ID else "main"):
            raise square_rules.not_found("Object", asked)
        return found

    def _refused_stranger(self, request: Request) -> Answer | None:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(
            value.encode(), self._key.encode()
        ):
            return None
        detail = "This request could not be authorized."
        category = "AUTHENTICATION_ERROR"
        return self._error(SquareError(401, "UNAUTHORIZED", detail, category=category))

    def _documented(self, answer: Answer) -> Answer:
        """The documents describe 200 only, with the errors of any other among it."""
        return replace(answer, status=200)

    @staticmethod
    def _error(error: SquareError, headers: dict[str, str] | None = None) -> Answer:
        return Answer(error.status, error.body(), headers=headers or {})

    def _rate_limited(self, retry_after: int) -> Answer:
        error = SquareError(
            429, "RATE_LIMITED", "Too many requests.", category="RATE_LIMIT_ERROR"
        )
        return self._error(error, {"Retry-After": str(retry_after)})

    def _broken(self) -> Answer:
        detail = "An internal error has occurred."
        return self._error(
            SquareError(500, "INTERNAL_SERVER_ERROR", detail, category="API_ERROR")
        )

    # -- the hosted page -------------------------------------------------------------

    def _page(self, request: Request) -> Answer:
        identity = request.path.removeprefix("/pay/")
        try:
            with self.ledger.atomic():
                if request.method == "POST":
                    chosen = urllib.parse.parse_qs(request.text).get("outcome", [""])
                    return self._choose(identity, chosen[0])
                _, order = self._books.checkout(identity)
        except SquareError as exc:
            return Answer(exc.status, page=square_page.closed(str(exc)))
        return Answer(200, page=square_page.form(order))

    def _choose(self, identity: str, outcome: str) -> Answer:
        if outcome == "pay":
            return self._back(self._books.pay(identity))
        if outcome == "later":
            return self._back(self._books.pay_later(identity))
        if outcome == "decline":
            order = self._books.find(ORDER, self._books.decline(identity)["order_id"])
            notice = "Your card was declined."
            return Answer(402, page=square_page.form(order, notice=notice))
        if outcome == "cancel":
            self._books.checkout(identity)
            # Square knows no address for this: the payer just closes the page.
            return Answer(200, page=square_page.closed("You may come back later."))
        return Answer(400, page=square_page.closed("Press one of the buttons."))

    @staticmethod
    def _back(link: Json) -> Answer:
        """To the redirect_url; Square's transaction id is the order's id once more."""
        address = link.get("checkout_options", {}).get("redirect_url")
        if not address:
            return Answer(200, page=square_page.closed("Thank you for your order."))
        parts = urllib.parse.urlsplit(address)
        told = {"transactionId": link["order_id"], "orderId": link["order_id"]}
        query = "&".join(filter(None, (parts.query, urllib.parse.urlencode(told))))
        return Answer(303, headers={"Location": parts._replace(query=query).geturl()})

    # -- webhooks and control ------------------------------------------------------------

    def _announce(self, event: Json) -> None:
        self._judge.event(objects.as_documented(event))
        if not self.plan.url or (self._events and event["type"] not in self._events):
            return
        body = json.dumps(event, separators=(",", ":"))
        self._deliver(event["event_id"], body, "application/json")

    def _sign(self, url: str, body: bytes) -> dict[str, str]:
        signed = (self._notification_url or url).encode() + body
        digest = hmac.new(self._secret, signed, hashlib.sha256).digest()
        return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}

    def _run_fees(self) -> None:
        while not self._stopping.wait(FEE_CHECK_SECONDS):
            moment = objects.clock()
            if self._books.fees_are_due(moment):
                with self.ledger.atomic():
                    self._books.charge_fees(by=moment)

    def _settle(self, value: Any) -> None:
        """{"link": id, "succeeded": true|false}: end a payment that is under way."""
        self._act(
            lambda: self._books.settle(
                value["link"], succeeded=bool(value["succeeded"])
            )
        )

    def _settle_refund(self, value: Any) -> None:
        """{"refund": id, "status": "COMPLETED"|"REJECTED"|"FAILED"}."""
        self._act(
            lambda: self._books.settle_refund(value["refund"], status=value["status"])
        )

    def _set_refunds_at_once(self, value: Any) -> None:
        self._books.refunds_at_once = bool(value)

    def _complete_order(self, value: Any) -> None:
        self._act(lambda: self._books.complete_order(value["order"]))

    def _charge_fees(self, value: Any) -> None:
        """true: now, whatever fee_seconds says."""
        if value:
            self._act(self._books.charge_fees)

    def _act(self, action: Callable[[], object]) -> None:
        with self.ledger.atomic():
            try:
                action()
            except SquareError as exc:
                raise ValueError(str(exc)) from exc


def _body(request: Request) -> Json:
    if request.method != "POST":
        return {}
    try:
        body = json.loads(request.text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise SquareError(400, "EXPECTED_JSON_BODY", "The body is no JSON object.")
    return body


def _query(request: Request) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(request.query))


def _headers(request: Request) -> dict[str, str]:
    return {"Square-Version": request.headers.get("square-version", API_VERSION)}
