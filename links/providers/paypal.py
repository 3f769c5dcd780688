"""PayPal by Orders v2: one order for each click; no money moves until we capture it.

An order cannot be called off and cannot be mailed: a payer has three hours to agree.
What nobody captures ends by itself, without money. Repeats are the caller's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from merchant_portal.lib import clock

from . import credentials, paypal_client, paypal_webhooks
from .base import (
    Capabilities,
    Certificate,
    CheckoutRequest,
    CheckoutSnapshot,
    DisputeSnapshot,
    PaymentSnapshot,
    PayoutSnapshot,
    ProviderEvent,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundRequest,
    RefundSnapshot,
    SessionState,
)
from .parsing import Json, path_part, plain, rows_of, text
from .paypal_client import Client, errors
from .paypal_disputes import dispute_snapshot
from .paypal_money import CURRENCIES, STEP_MINOR, to_paypal
from .paypal_objects import (
    REFUNDED_STATES,
    SEPARATOR,
    SLUG,
    capture_snapshot,
    href,
    order_id,
    order_snapshot,
    refund_snapshot,
    refunds_by_capture,
)

ORDERS, CAPTURES = "v2/checkout/orders", "v2/payments/captures"
NOTIFICATIONS, DISPUTES = "v1/notifications", "v1/customer/disputes"
DESCRIPTION_MAX, PAGE = 127, 100
# PayPal keeps its events for 30 days.
EVENTS_KEPT = timedelta(days=29)
# It looks back 180 days for disputes, and refuses more.
DISPUTES_KEPT = timedelta(days=179)
DISPUTE_PAGE = 50  # its largest
ID, DISPUTE_ID = re.compile(r"[A-Z0-9]{1,64}"), re.compile(r"[A-Za-z0-9-]{1,255}")


class PayPalProvider:
    """Asks which keys to use at each call; safe to share between threads.

    `client`: for tests, instead of the network.
    """

    slug: ClassVar[str] = SLUG
    title: ClassVar[str] = "PayPal"
    webhook_events: ClassVar[tuple[str, ...]] = paypal_webhooks.EVENTS
    capabilities: ClassVar[Capabilities] = Capabilities(
        expire=False,
        refund=True,
        disputes=True,
        currencies=CURRENCIES,
        step_minor=STEP_MINOR,
        form_action_hosts=credentials.page_hosts(
            "paypal", "https://www.paypal.com", "https://www.sandbox.paypal.com"
        ),
    )

    def __init__(self, client: Client | None = None) -> None:
        self._given_client = client

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        """Create an order, or return the one created with this key.

        PayPal keeps keys of orders for six hours. Source: Orders 2.13, "Create order".
        """
        order = self._post(ORDERS, order_parameters(request), request.idempotency_key)
        with errors():
            return order_snapshot(order)

    def fetch_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        with errors():
            return order_snapshot(self._order(provider_session_id))

    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        """Nothing to do there: what we do not capture never moves any money."""
        found = self.fetch_checkout(provider_session_id)
        if found.state is not SessionState.OPEN:
            return found
        return CheckoutSnapshot(provider_session_id, SessionState.EXPIRED)

    def capture(
        self, provider_session_id: str, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Take the money of an order that the payer agreed to.

        ProviderRejected where PayPal will not take it: the payer's card was declined.
        """
        path = f"{ORDERS}/{path_part(provider_session_id, ID)}/capture"
        try:
            self._post(path, {}, idempotency_key)
        except ProviderRejected:
            found = self.fetch_checkout(provider_session_id)
            if not found.payments:
                raise
            return found  # taken before, under another key
        return self.fetch_checkout(provider_session_id)

    def fetch_payment(self, provider_payment_id: str) -> PaymentSnapshot:
        """`provider_payment_id`: of a capture. Its refunds stand with its order."""
        capture = self._get(f"{CAPTURES}/{path_part(provider_payment_id, ID)}")
        order: Json = {}
        if text(capture, "status") in REFUNDED_STATES and order_id(capture):
            order = self._order(order_id(capture))
        with errors():
            seen = capture_snapshot(capture, order, refunds_by_capture(order))
        if seen is None:
            raise ProviderUnavailable("PayPal names a state that we do not know.")
        return seen

    def refund(self, request: RefundRequest) -> RefundSnapshot:
        """PayPal keeps the keys of refunds for 45 days."""
        path = f"{CAPTURES}/{path_part(request.provider_payment_id, ID)}/refund"
        refund = self._post(
            path,
            {"amount": to_paypal(request.amount), "custom_id": request.reference},
            request.reference,
        )
        with errors():
            return refund_snapshot(refund)

    def fetch_dispute(self, provider_dispute_id: str) -> DisputeSnapshot:
        dispute = self._get(f"{DISPUTES}/{path_part(provider_dispute_id, DISPUTE_ID)}")
        with errors():
            return dispute_snapshot(dispute)

    def list_payments(self, since: datetime) -> Iterator[PaymentSnapshot]:
        """By PayPal's list of the events of our app, which knows at once what its lists
        of transactions know hours later. It goes back 30 days."""
        names = dict.fromkeys(
            payment_id
            for event in reversed(self._events(since))
            if (payment_id := paypal_webhooks.payment_of(event))
        )
        for payment_id in names:
            yield self.fetch_payment(payment_id)

    def list_disputes(self, since: datetime) -> Iterator[DisputeSnapshot]:
        """PayPal's list goes back 180 days, and leaves out what a dispute is about."""
        after = max(since, clock.now() - DISPUTES_KEPT)
        query = {"update_time_after": _stamp(after), "page_size": DISPUTE_PAGE}
        pages = self._pages(DISPUTES, "items", urlencode(query))
        names = [plain(row.get("dispute_id")) for row in rows_of(pages, "dispute_id")]
        for name in reversed(names):
            yield self.fetch_dispute(name)

    def list_payouts(self, since: datetime) -> Iterable[PayoutSnapshot]:
        """PayPal's documents know no list of what goes to the bank."""
        return ()

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        keys = credentials.of(SLUG)
        paypal_webhooks.verify(
            headers, body, webhook_id=keys["webhook_id"], base=keys.base
        )

    def parse_webhook(self, body: bytes) -> ProviderEvent:
        return paypal_webhooks.parse(body)

    def fetch_certificate(self, url: str) -> Certificate:
        return paypal_webhooks.fetch_certificate(url, settings.PAYPAL_CA_FILE)

    def learn_certificate(self, url: str, pem: str) -> None:
        paypal_webhooks.learn_certificate(url, pem)

    def check_account(self) -> str:
        """The keys, the webhook's address, and the events that it is told."""
        webhook = f"{NOTIFICATIONS}/webhooks/{credentials.of(SLUG)['webhook_id']}"
        try:
            found = self._get(webhook)
        except ProviderMisconfigured as exc:
            return str(exc)
        except ProviderRejected:
            return "PayPal knows no webhook with this id in this app."
        expected = f"{settings.PUBLIC_URL}/webhooks/paypal/"
        if text(found, "url") != expected:
            return f"The webhook at PayPal goes to another address than {expected}"
        rows = found.get("event_types")
        names = {text(row, "name") for row in rows} if isinstance(rows, list) else set()
        missing = sorted(set(paypal_webhooks.EVENTS) - names)
        if missing and "*" not in names:
            return f"The webhook at PayPal is not told of {', '.join(missing)}."
        return ""

    def _events(self, since: datetime) -> list[Json]:
        """Newest first."""
        now = clock.now()
        query = {
            "page_size": PAGE,
            "start_time": _stamp(max(since, now - EVENTS_KEPT)),
            "end_time": _stamp(now),
        }
        path = f"{NOTIFICATIONS}/webhooks-events"
        return list(rows_of(self._pages(path, "events", urlencode(query))))

    def _pages(self, path: str, name: str, query: str) -> Iterator[list[Json]]:
        """The lists of that name; each page's link to the next holds its question."""
        while query:
            page = self._get(f"{path}?{query}")
            rows = page.get(name)
            found = rows if isinstance(rows, list) else []
            yield [row for row in found if isinstance(row, Mapping)]
            query = urlsplit(href(page, "next")).query

    def _order(self, session_id: str) -> Json:
        return self._get(f"{ORDERS}/{path_part(session_id, ID)}")

    def _get(self, path: str) -> Json:
        with errors():
            return _object(self._client().get(path))

    def _post(self, path: str, body: Json, key: str) -> Json:
        with errors():
            return _object(
                self._client().post(
                    path,
                    dict(body),
                    headers={
                        "PayPal-Request-Id": key,
                        "Prefer": "return=representation",
                    },
                )
            )

    def _client(self) -> Client:
        keys = credentials.of(SLUG)
        if not keys:
            raise ProviderMisconfigured("PayPal's client id is not set.")
        return self._given_client or paypal_client.built(
            keys["client_id"], keys["client_secret"], keys.base
        )


def order_parameters(request: CheckoutRequest) -> dict[str, Any]:
    """What is sent to create an order; ProviderRejected if PayPal cannot take the amount.

    No e-mail address: PayPal refuses the whole order for one that it does not like.
    """
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {
                "description": request.title[:DESCRIPTION_MAX],
                "custom_id": f"{request.reference}{SEPARATOR}{request.link_reference}",
                "amount": to_paypal(request.amount),
            }
        ],
        "payment_source": {
            "paypal": {
                "experience_context": {
                    "return_url": request.return_url,
                    "cancel_url": request.cancel_url,
                    "locale": _locale(request.language),
                    "user_action": "PAY_NOW",
                    "shipping_preference": "NO_SHIPPING",
                }
            }
        },
    }


def _locale(language: str) -> str:
    base, _, region = language.replace("_", "-").partition("-")
    known = base.lower() if len(base) == 2 else "en"
    return f"{known}-{region.upper()}" if len(region) == 2 else known


def _object(value: object) -> Json:
    if not isinstance(value, Mapping):
        raise TypeError("no JSON object")
    return value


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
