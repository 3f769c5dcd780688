"""Square's hosted page, by the SDK: one payment link of theirs for each click on ours.

Their link holds one order, which carries our references and takes one payment. It does
not end by itself; we delete it. A session's id here is `LINK:ORDER`, for each call asks
for another half. Repeats are the caller's; the SDK's own are off.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, ClassVar, Literal, TypedDict
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from square import Square
from square.core.api_error import ApiError
from square.core.http_response import HttpResponse
from square.core.pagination import SyncPager
from square.core.request_options import RequestOptions

from . import pacing, square_webhooks
from .base import (
    Capabilities,
    CheckoutRequest,
    CheckoutSnapshot,
    DisputeSnapshot,
    ForeignPayment,
    PaymentSnapshot,
    ProviderBusy,
    ProviderEvent,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundRequest,
    RefundSnapshot,
    SessionState,
)
from .parsing import Json, json_object, plain, rows_of, text
from .square_disputes import dispute_snapshot
from .square_objects import (
    METADATA_CHECKOUT,
    METADATA_LINK,
    SLUG,
    identity,
    names_our_checkout,
    order_of,
    payment_ids,
    payment_snapshot,
    refund_ids,
    refund_snapshot,
    session_state,
)

# For each of connecting, sending, and reading the next bytes: a payer is waiting.
TIMEOUT_SECONDS = 10.0
ONCE = RequestOptions(max_retries=0)
NAME_MAX, PAGE = 512, 100
# Of the countries where Square does business; each location takes its own alone.
CURRENCIES = frozenset({"AUD", "CAD", "EUR", "GBP", "JPY", "USD"})


def _form_action_hosts() -> tuple[str, ...]:
    hosts = ["https://square.link", "https://checkout.square.site"]
    if settings.SQUARE_API_BASE:
        parts = urlsplit(settings.SQUARE_API_BASE)
        hosts += ["https://sandbox.square.link", f"{parts.scheme}://{parts.netloc}"]
    return tuple(hosts)


class SquareProvider:
    """Reads its keys from the settings at each call; safe to share between threads.

    `http_client`: for tests, instead of the network.
    """

    slug: ClassVar[str] = SLUG
    title: ClassVar[str] = "Square"
    webhook_events: ClassVar[tuple[str, ...]] = square_webhooks.EVENTS
    capabilities: ClassVar[Capabilities] = Capabilities(
        refund=True,
        disputes=True,
        currencies=CURRENCIES,
        form_action_hosts=_form_action_hosts(),
    )

    def __init__(self, http_client: httpx.Client | None = None) -> None:
        self._http_client = http_client

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        """Open a page for one line, or return the one opened with this key.

        How long Square keeps a key is not published. Source: API reference,
        "Create payment link".
        """
        with _errors():
            made = self._client().checkout.payment_links.with_raw_response.create(
                **link_parameters(request), request_options=ONCE
            )
            link = json_object(_json(made), "payment_link")
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
            with _errors():
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
        is_ours = square_webhooks.may_be_ours(payment, settings.SQUARE_LOCATION_ID)
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
        with _errors():
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
                return refund_snapshot(json_object(_json(answer), "refund"))
            except ProviderRejected as exc:  # it is made, whatever it says of itself
                raise ProviderUnavailable(str(exc)) from exc

    def fetch_dispute(self, provider_dispute_id: str) -> DisputeSnapshot:
        with _errors():
            answer = self._client().disputes.with_raw_response.get(
                _path_part(provider_dispute_id), request_options=ONCE
            )
            return dispute_snapshot(json_object(_json(answer), "dispute"))

    def list_payments(self, since: datetime) -> Iterator[PaymentSnapshot]:
        """Payments of our location by the time of their last change, then those whose
        refunds alone have changed: no document says that a refund changes its payment."""
        since_then: _Since = {
            "location_id": settings.SQUARE_LOCATION_ID,
            "updated_at_begin_time": since.astimezone(UTC).isoformat(),
            "sort_field": "UPDATED_AT",
            "sort_order": "ASC",
            "limit": PAGE,
            "request_options": ONCE,
        }
        with _errors():
            client = self._client()
            payments = _listed(client.payments.list(**since_then))
            refunds = _listed(client.refunds.list(**since_then))
        ours = [
            text(payment, "id")
            for payment in payments
            if square_webhooks.may_be_ours(payment, settings.SQUARE_LOCATION_ID)
        ]
        refunded = [name for one in refunds if (name := text(one, "payment_id"))]
        for payment_id in dict.fromkeys(ours + refunded):
            try:
                seen = self.fetch_payment(payment_id)
            except ForeignPayment:
                continue
            yield seen

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        square_webhooks.verify(
            headers,
            body,
            keys=settings.SQUARE_WEBHOOK_SIGNATURE_KEY,
            url=f"{settings.PUBLIC_URL}/webhooks/square/",
        )

    def parse_webhook(self, body: bytes) -> ProviderEvent:
        return square_webhooks.parse(body, location_id=settings.SQUARE_LOCATION_ID)

    def check_account(self) -> str:
        try:
            with _errors():
                answer = self._client().locations.with_raw_response.get(
                    settings.SQUARE_LOCATION_ID, request_options=ONCE
                )
                location = json_object(_json(answer), "location")
        except (ProviderMisconfigured, ProviderRejected) as exc:
            return str(exc)
        if text(location, "status") != "ACTIVE":
            return "The location SQUARE_LOCATION_ID is closed at Square."
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
        with _errors():
            answer = self._client().payments.with_raw_response.get(
                _path_part(payment_id), request_options=ONCE
            )
            return json_object(_json(answer), "payment")

    def _refund(self, refund_id: str) -> Json:
        """A refund that its payment names; one not found yet may be found later."""
        try:
            with _errors():
                answer = self._client().refunds.with_raw_response.get(
                    _path_part(refund_id), request_options=ONCE
                )
                return json_object(_json(answer), "refund")
        except ProviderRejected as exc:
            raise ProviderUnavailable(str(exc)) from exc

    def _order(self, order_id: str) -> Json:
        with _errors():
            answer = self._client().orders.with_raw_response.get(
                _path_part(order_id), request_options=ONCE
            )
            return json_object(_json(answer), "order")

    def _client(self) -> Square:
        if not settings.SQUARE_ACCESS_TOKEN:
            raise ProviderMisconfigured("SQUARE_ACCESS_TOKEN is not set.")
        return _built_client(
            settings.SQUARE_ACCESS_TOKEN, settings.SQUARE_API_BASE, self._http_client
        )


def link_parameters(request: CheckoutRequest) -> dict[str, Any]:
    """What is sent to open a page; ProviderRejected if Square cannot take the amount."""
    amount = request.amount
    if amount.currency not in CURRENCIES:
        raise ProviderRejected(f"Square does not take {amount.currency}.")
    price = {"amount": amount.amount_minor, "currency": amount.currency}
    parameters: dict[str, Any] = {
        "idempotency_key": request.idempotency_key,
        "order": {
            "location_id": settings.SQUARE_LOCATION_ID,
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


class _Since(TypedDict):
    """What lists of changes are asked for."""

    location_id: str
    updated_at_begin_time: str
    sort_field: Literal["UPDATED_AT"]
    sort_order: str
    limit: int
    request_options: RequestOptions


def _listed(pager: SyncPager[Any, Any]) -> list[Json]:
    """For names and times; amounts are read from Square's own JSON."""
    return list(
        rows_of(
            [one.model_dump(mode="json", warnings=False) for one in page.items or ()]
            for page in pager.iter_pages()
        )
    )


def _halves(session_id: str) -> tuple[str, str]:
    """Ids of their payment link and its order."""
    link_id, _, order_id = session_id.partition(":")
    return _path_part(link_id), _path_part(order_id)


def _path_part(identifier: str) -> str:
    """What the SDK may put into a path; ProviderRejected for anything else."""
    if not plain(identifier) or set(identifier) & set("/?#%:\\ ."):
        raise ProviderRejected("Square knows nothing of that name.")
    return identifier


def _json(answer: HttpResponse[Any]) -> dict[str, Any]:
    """What Square wrote. The SDK's models make 12 of an amount of 12.5."""
    value = answer._response.json()  # the SDK shows it in no other way
    if not isinstance(value, dict):
        raise TypeError("no JSON object")
    return value


@lru_cache(maxsize=4)
def _built_client(token: str, base: str, http_client: httpx.Client | None) -> Square:
    return Square(
        token=token,
        base_url=base.rstrip("/") or None,
        httpx_client=http_client or _connections(),
    )


@cache
def _connections() -> httpx.Client:
    """One pool a process, kept open between calls; it follows no redirects."""
    paced = {"request": [lambda _request: pacing.step()]}
    return httpx.Client(timeout=TIMEOUT_SECONDS, event_hooks=paced)


@contextmanager
def _errors() -> Iterator[None]:
    """Square's errors as ours; the text is for staff and holds no key and no person."""
    try:
        yield
    except ApiError as exc:
        raise _translated(exc) from None
    except httpx.HTTPError as exc:
        raise ProviderUnavailable(
            f"No answer from Square that counts: {type(exc).__name__}."
        ) from exc
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        # A proxy's page instead of Square's JSON, or half of an answer.
        raise ProviderUnavailable("Square's answer cannot be understood.") from exc


def _translated(exc: ApiError) -> Exception:
    status = exc.status_code or 0
    named = " ".join(
        part for error in exc.errors[:1] for part in (error.code, error.field) if part
    )[:120]
    if status in {401, 403}:
        return ProviderMisconfigured(f"Square refuses SQUARE_ACCESS_TOKEN: {named}.")
    if 400 <= status < 500 and status not in {408, 409, 429}:
        return ProviderRejected(f"Square refused: {named or 'invalid request'}.")
    said = f"No answer from Square that counts: {status} {named}."
    if status == 429:
        return ProviderBusy(said, pacing.rest_seconds(exc.headers))
    return ProviderUnavailable(said)
