"""Square's hosted page, by the SDK: one payment link of theirs for each click on ours.

Their link holds one order, which carries our references and takes one payment. It does
not end by itself; we delete it. A session's id here is `LINK:ORDER`, for each call asks
for another half. Repeats are the caller's; the SDK's own are off.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypedDict

import httpx
from django.conf import settings
from square import Square
from square.core.request_options import RequestOptions

from . import credentials, square_webhooks
from .base import (
    Capabilities,
    CheckoutRequest,
    CheckoutSnapshot,
    DisputeSnapshot,
    ForeignPayment,
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
from .parsing import Json, json_object, path_part, text
from .square_client import ONCE, built, errors, json_of, listed
from .square_disputes import dispute_snapshot
from .square_objects import (
    METADATA_CHECKOUT,
    METADATA_LINK,
    SLUG,
    identity,
    moment,
    names_our_checkout,
    order_of,
    payment_ids,
    payment_snapshot,
    refund_ids,
    refund_snapshot,
    session_state,
)
from .square_payouts import payout_snapshot

NAME_MAX, PAGE = 512, 100
# Of the countries where Square does business; each location takes its own alone.
CURRENCIES = frozenset({"AUD", "CAD", "EUR", "GBP", "JPY", "USD"})
_PAGES = (
    "https://square.link",
    "https://checkout.square.site",
    "https://sandbox.square.link",
)


class SquareProvider:
    """Asks which keys to use at each call; safe to share between threads.

    `http_client`: for tests, instead of the network.
    """

    slug: ClassVar[str] = SLUG
    title: ClassVar[str] = "Square"
    webhook_events: ClassVar[tuple[str, ...]] = square_webhooks.EVENTS
    capabilities: ClassVar[Capabilities] = Capabilities(
        refund=True,
        disputes=True,
        payouts=True,
        currencies=CURRENCIES,
        form_action_hosts=credentials.page_hosts("square", *_PAGES),
    )

    def __init__(self, http_client: httpx.Client | None = None) -> None:
        self._http_client = http_client

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        """Open a page for one line, or return the one opened with this key.

        How long Square keeps a key is not published. Source: API reference,
        "Create payment link".
        """
        with errors():
            made = self._client().checkout.payment_links.with_raw_response.create(
                **link_parameters(request), request_options=ONCE
            )
            link = json_object(json_of(made), "payment_link")
            return CheckoutSnapshot(
                provider_session_id=f"{identity(link, 'payment link')}:{order_of(link)}",
                state=SessionState.OPEN,
                url=text(link, "url"),
            )

    def fetch_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        order = self._order(_halves(provider_session_id)[1])
        found = [
            self._seen(self._payment(payment_id), order, provider_session_id)
            for payment_id in payment_ids(order)
        ]
        payments = tuple(seen for seen in found if seen is not None)
        return CheckoutSnapshot(
            provider_session_id=provider_session_id,
            state=session_state(order, payments),
            payments=payments,
        )

    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        """Deletes their link, which cancels an order that nobody paid; then we look."""
        link_id, _order_id = _halves(provider_session_id)
        try:
            with errors():
                self._client().checkout.payment_links.with_raw_response.delete(
                    link_id, request_options=ONCE
                )
        except ProviderRejected:
            pass  # deleted before, or paid: the order says which
        return self.fetch_checkout(provider_session_id)

    def capture(
        self, provider_session_id: str, idempotency_key: str
    ) -> CheckoutSnapshot:
        raise ProviderRejected("Square takes the money itself: nothing awaits capture.")

    def fetch_payment(self, provider_payment_id: str) -> PaymentSnapshot:
        """Raises ForeignPayment for one of another location or product of Square's that
        did not pay an order of ours: a refund's webhook does not tell the product."""
        payment = self._payment(provider_payment_id)
        order_id = text(payment, "order_id")
        order = self._order(order_id) if order_id else {}
        is_ours = square_webhooks.may_be_ours(payment, _location())
        if not is_ours and not names_our_checkout(order):
            raise ForeignPayment("Another program of the seller's took this payment.")
        seen = self._seen(payment, order)
        if seen is None:
            raise ProviderUnavailable("Square names a state that we do not know.")
        return seen

    def refund(self, request: RefundRequest) -> RefundSnapshot:
        """Give back, or return the refund made with this key; at first it is PENDING.

        Our reference goes into the reason, the only text that a refund keeps. How long
        Square keeps a key is not published. Source: API reference, "Refund payment".
        """
        amount = request.amount
        with errors():
            answer = self._client().refunds.with_raw_response.refund_payment(
                idempotency_key=request.reference,
                payment_id=request.provider_payment_id,
                amount_money={
                    "amount": amount.amount_minor,
                    "currency": amount.currency,
                },
                reason=request.reference,
                request_options=ONCE,
            )
            try:
                return refund_snapshot(json_object(json_of(answer), "refund"))
            except ProviderRejected as exc:  # it is made, whatever it says of itself
                raise ProviderUnavailable(str(exc)) from exc

    def fetch_dispute(self, provider_dispute_id: str) -> DisputeSnapshot:
        with errors():
            answer = self._client().disputes.with_raw_response.get(
                path_part(provider_dispute_id), request_options=ONCE
            )
            return dispute_snapshot(json_object(json_of(answer), "dispute"))

    def list_payments(self, since: datetime) -> Iterator[PaymentSnapshot]:
        """Payments of our location by the time of their last change, then those whose
        refunds alone have changed: no document says that a refund changes its payment."""
        location = _location()
        since_then: _Since = {
            "location_id": location,
            "updated_at_begin_time": since.astimezone(UTC).isoformat(),
            "sort_field": "UPDATED_AT",
            "sort_order": "ASC",
            "limit": PAGE,
            "request_options": ONCE,
        }
        with errors():
            client = self._client()
            payments = listed(client.payments.list(**since_then))
            refunds = listed(client.refunds.list(**since_then))
        ours = [
            text(payment, "id")
            for payment in payments
            if square_webhooks.may_be_ours(payment, location)
        ]
        refunded = [name for one in refunds if (name := text(one, "payment_id"))]
        for payment_id in dict.fromkeys(ours + refunded):
            try:
                seen = self.fetch_payment(payment_id)
            except ForeignPayment:
                continue
            yield seen

    def list_disputes(self, since: datetime) -> Iterator[DisputeSnapshot]:
        """Square's list knows no times: all of our location are listed, and of those
        only what has changed is read."""
        with errors():
            found = listed(
                self._client().disputes.list(
                    location_id=_location(), request_options=ONCE
                )
            )
        for row in found:
            changed_at = moment(row, "updated_at") or moment(row, "created_at")
            if changed_at is None or changed_at >= since:
                yield self.fetch_dispute(text(row, "id"))

    def list_payouts(self, since: datetime) -> Iterator[PayoutSnapshot]:
        with errors():
            found = listed(
                self._client().payouts.list(
                    location_id=_location(),
                    begin_time=since.astimezone(UTC).isoformat(),
                    limit=PAGE,
                    request_options=ONCE,
                )
            )
            seen = [payout_snapshot(payout) for payout in found]
        yield from seen

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        keys = credentials.of(SLUG)["webhook_signature_key"]
        url = f"{settings.PUBLIC_URL}/webhooks/square/"
        square_webhooks.verify(headers, body, keys=keys, url=url)

    def parse_webhook(self, body: bytes) -> ProviderEvent:
        return square_webhooks.parse(body, location_id=_location())

    def check_account(self) -> str:
        try:
            with errors():
                answer = self._client().locations.with_raw_response.get(
                    _location(), request_options=ONCE
                )
                location = json_object(json_of(answer), "location")
        except (ProviderMisconfigured, ProviderRejected) as exc:
            return str(exc)
        if text(location, "status") != "ACTIVE":
            return "This location is closed at Square."
        abilities = location.get("capabilities")
        if not isinstance(abilities, list) or "CREDIT_CARD_PROCESSING" not in abilities:
            return "Square does not let this location take cards yet; finish its set-up there."
        return ""

    def _seen(
        self, payment: Json, order: Json, session_id: str = ""
    ) -> PaymentSnapshot | None:
        """A payment with its refunds, of which it only gives the ids."""
        refunds = tuple(
            refund_snapshot(self._refund(refund_id))
            for refund_id in refund_ids(payment)
        )
        return payment_snapshot(payment, order, session_id=session_id, refunds=refunds)

    def _payment(self, payment_id: str) -> Json:
        with errors():
            answer = self._client().payments.with_raw_response.get(
                path_part(payment_id), request_options=ONCE
            )
            return json_object(json_of(answer), "payment")

    def _refund(self, refund_id: str) -> Json:
        """A refund that its payment names; one not found yet may be found later."""
        try:
            with errors():
                answer = self._client().refunds.with_raw_response.get(
                    path_part(refund_id), request_options=ONCE
                )
                return json_object(json_of(answer), "refund")
        except ProviderRejected as exc:
            raise ProviderUnavailable(str(exc)) from exc

    def _order(self, order_id: str) -> Json:
        with errors():
            answer = self._client().orders.with_raw_response.get(
                path_part(order_id), request_options=ONCE
            )
            return json_object(json_of(answer), "order")

    def _client(self) -> Square:
        keys = credentials.of(SLUG)
        if not keys:
            raise ProviderMisconfigured("Square's access token is not set.")
        return built(keys["access_token"], keys.base, self._http_client)


def link_parameters(request: CheckoutRequest) -> dict[str, Any]:
    """What is sent to open a page; ProviderRejected if Square cannot take the amount."""
    amount = request.amount
    if amount.currency not in CURRENCIES:
        raise ProviderRejected(f"Square does not take {amount.currency}.")
    price = {"amount": amount.amount_minor, "currency": amount.currency}
    parameters: dict[str, Any] = {
        "idempotency_key": request.idempotency_key,
        "order": {
            "location_id": _location(),
            "reference_id": request.reference,
            "line_items": [
                {
                    "name": request.title[:NAME_MAX],
                    "quantity": "1",
                    "base_price_money": price,
                }
            ],
            "metadata": {
                METADATA_CHECKOUT: request.reference,
                METADATA_LINK: request.link_reference,
            },
        },
        "checkout_options": {"redirect_url": request.return_url},
    }
    if request.customer_email:
        parameters["pre_populated_data"] = {"buyer_email": request.customer_email}
    return parameters


def _location() -> str:
    return credentials.of(SLUG)["location_id"]


class _Since(TypedDict):
    """What lists of changes are asked for."""

    location_id: str
    updated_at_begin_time: str
    sort_field: Literal["UPDATED_AT"]
    sort_order: str
    limit: int
    request_options: RequestOptions


def _halves(session_id: str) -> tuple[str, str]:
    """Ids of their payment link and its order."""
    link_id, _, order_id = session_id.partition(":")
    return path_part(link_id), path_part(order_id)
