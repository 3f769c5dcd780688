"""Stripe Checkout, by the SDK; one hosted session for each click on our page.

Repeats are the caller's: it stores key and parameters before the call and comes again.
The SDK's own retries stay off, because it may sleep up to a minute at Stripe's wish
while a payer waits.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

import stripe

from . import credentials, pacing, stripe_webhooks
from .base import (
    Capabilities,
    CheckoutRequest,
    CheckoutSnapshot,
    DisputeSnapshot,
    PaymentSnapshot,
    PayoutSnapshot,
    ProviderBusy,
    ProviderError,
    ProviderEvent,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    RefundRequest,
    RefundSnapshot,
)
from .parsing import plain
from .stripe_disputes import dispute_snapshot
from .stripe_money import (
    MAXIMUM_MINOR,
    MINIMUM_MINOR,
    STEP_MINOR,
    SUPPORTED,
    to_stripe,
)
from .stripe_objects import (
    METADATA_CHECKOUT,
    METADATA_LINK,
    METADATA_REFUND,
    SLUG,
    checkout_snapshot,
    payment_snapshot,
    refund_snapshot,
    tells_all_refunds,
)
from .stripe_payouts import payout_snapshot

TIMEOUT_SECONDS = (5.0, 15.0)  # to connect, to read: a payer is waiting
TITLE_MAX = 250
PAGE = 100
EXPAND = ("latest_charge.balance_transaction", "latest_charge.refunds")

_LOCALES = (
    "bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv"
    " ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
)
LOCALES = frozenset(_LOCALES.split())


class StripeProvider:
    """Asks which keys to use at each call; safe to share between threads.

    `http_client`: for tests, instead of the network.
    """

    slug: ClassVar[str] = SLUG
    title: ClassVar[str] = "Stripe"
    webhook_events: ClassVar[tuple[str, ...]] = stripe_webhooks.EVENTS
    capabilities: ClassVar[Capabilities] = Capabilities(
        refund=True,
        disputes=True,
        payouts=True,
        currencies=SUPPORTED,
        minimum_minor=MINIMUM_MINOR,
        maximum_minor=MAXIMUM_MINOR,
        step_minor=STEP_MINOR,
        form_action_hosts=credentials.page_hosts(
            "stripe", "https://checkout.stripe.com"
        ),
    )

    def __init__(self, http_client: stripe.HTTPClient | None = None) -> None:
        self._http_client = http_client

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        """Open a session for one line, or return the one opened with this key.

        Stripe keeps keys for 24 hours. The amount is checked before the call.
        Source: API reference, "Create a Checkout Session", 2026-10-28.endive.
        """
        parameters = session_parameters(request)
        with _errors():
            session = self._client().v1.checkout.sessions.create(
                parameters,  # type: ignore[arg-type] # a TypedDict of 50 keys
                {"idempotency_key": request.idempotency_key},
            )
            return checkout_snapshot(session.to_dict())

    def fetch_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        with _errors():
            session = self._client().v1.checkout.sessions.retrieve(
                provider_session_id,
                {"expand": [f"payment_intent.{path}" for path in EXPAND]},
            )
            found = session.to_dict()
            if isinstance(found.get("payment_intent"), dict):
                self._add_older_refunds(found["payment_intent"])
            return checkout_snapshot(found)

    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        """Stripe refuses unless the session is open; then we look what it is."""
        try:
            with _errors():
                session = self._client().v1.checkout.sessions.expire(
                    provider_session_id
                )
                return checkout_snapshot(session.to_dict())
        except ProviderRejected:
            return self.fetch_checkout(provider_session_id)

    def capture(
        self, provider_session_id: str, idempotency_key: str
    ) -> CheckoutSnapshot:
        raise ProviderRejected("Stripe takes the money itself: nothing awaits capture.")

    def fetch_payment(self, provider_payment_id: str) -> PaymentSnapshot:
        """`provider_payment_id`: of a payment intent, pi_…

        Raises ProviderRejected too if nobody has tried to pay it.
        """
        seen = self._payment(provider_payment_id)
        if seen is None:
            raise ProviderRejected(f"Nobody has tried to pay {provider_payment_id}.")
        return seen

    def refund(self, request: RefundRequest) -> RefundSnapshot:
        """Give back, or return the refund made with this key.

        Stripe keeps keys for 24 hours: after that the same call gives back once more.
        Source: API reference, "Create a refund", 2026-10-28.endive.
        """
        units = to_stripe(request.amount)
        with _errors():
            made = self._client().v1.refunds.create(
                {
                    "payment_intent": request.provider_payment_id,
                    "amount": units,
                    "metadata": {METADATA_REFUND: request.reference},
                },
                {"idempotency_key": request.reference},
            )
            try:
                return refund_snapshot(made.to_dict())
            except ProviderRejected as exc:  # it is made, whatever it says of itself
                raise ProviderUnavailable(str(exc)) from exc

    def fetch_dispute(self, provider_dispute_id: str) -> DisputeSnapshot:
        with _errors():
            found = self._client().v1.disputes.retrieve(provider_dispute_id)
            return dispute_snapshot(found.to_dict())

    def list_payments(self, since: datetime) -> Iterator[PaymentSnapshot]:
        """By Stripe's list of events, which goes back 30 days: a slow debit changes
        long after it was made."""
        with _errors():
            events = self._client().v1.events.list(
                {
                    "types": [
                        *stripe_webhooks.INTENT_EVENTS,
                        *stripe_webhooks.REFUND_EVENTS,
                    ],
                    "created": {"gte": int(since.timestamp())},
                    "limit": PAGE,
                }
            )
            found = [event.to_dict() for event in events.auto_paging_iter()]
            newest_first = [
                stripe_webhooks.payment_id(event["type"], event["data"]["object"])
                for event in found
            ]
        for payment_id in dict.fromkeys(reversed(newest_first)):
            seen = self._payment(payment_id) if payment_id else None
            if seen is not None:
                yield seen

    def list_disputes(self, since: datetime) -> Iterator[DisputeSnapshot]:
        """Stripe's list only knows when a dispute was opened; of older ones, won by an
        appeal for example, its events tell."""
        created: Any = {"gte": int(since.timestamp())}
        with _errors():
            client = self._client().v1
            listed = client.disputes.list({"created": created, "limit": PAGE})
            opened = {one.id: one.to_dict() for one in listed.auto_paging_iter()}
            events = client.events.list(
                {
                    "types": [*stripe_webhooks.DISPUTE_EVENTS],
                    "created": created,
                    "limit": PAGE,
                }
            )
            changed = dict.fromkeys(
                plain(event.to_dict()["data"]["object"].get("id"))
                for event in events.auto_paging_iter()
            )
            seen = [dispute_snapshot(found) for found in opened.values()]
        yield from seen
        for name in changed:
            if name and name not in opened:
                yield self.fetch_dispute(name)

    def list_payouts(self, since: datetime) -> Iterator[PayoutSnapshot]:
        with _errors():
            created: Any = {"gte": int(since.timestamp())}
            pages = self._client().v1.payouts.list({"created": created, "limit": PAGE})
            seen = [
                payout_snapshot(found.to_dict()) for found in pages.auto_paging_iter()
            ]
        yield from seen

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        keys = credentials.of(SLUG)
        stripe_webhooks.verify(headers, body, keys["webhook_secret"])

    def parse_webhook(self, body: bytes) -> ProviderEvent:
        return stripe_webhooks.parse(body, is_live=credentials.of(SLUG).is_live)

    def check_account(self) -> str:
        if not stripe_webhooks.secrets(credentials.of(SLUG)["webhook_secret"]):
            return "The signing secret of Stripe's webhook is not set."
        try:
            with _errors():
                account = self._client().v1.accounts.retrieve_current().to_dict()
        except (ProviderMisconfigured, ProviderRejected) as exc:
            return str(exc)
        if account.get("charges_enabled") is not True:
            return "Stripe does not let this account take payments yet; finish its set-up there."
        return ""

    def _payment(self, payment_id: str) -> PaymentSnapshot | None:
        with _errors():
            intent = self._client().v1.payment_intents.retrieve(
                payment_id, {"expand": list(EXPAND)}
            )
            found = intent.to_dict()
            self._add_older_refunds(found)
            return payment_snapshot(found)

    def _add_older_refunds(self, intent: dict[str, Any]) -> None:
        """Read all refunds of an intent whose charge does not name all of them."""
        if tells_all_refunds(intent):
            return
        pages = self._client().v1.refunds.list(
            {"payment_intent": intent["id"], "limit": PAGE}
        )
        data = [refund.to_dict() for refund in pages.auto_paging_iter()]
        intent["latest_charge"]["refunds"] = {"data": data, "has_more": False}

    def _client(self) -> stripe.StripeClient:
        keys = credentials.of(SLUG)
        if not keys:
            raise ProviderMisconfigured("Stripe's secret key is not set.")
        return _built_client(keys["secret_key"], keys.base, self._http_client)


def session_parameters(request: CheckoutRequest) -> dict[str, Any]:
    """What is sent to open a session; ProviderRejected if Stripe cannot say the amount.

    Prices are not converted for the payer (adaptive pricing): the link asks an amount
    in one currency, and exactly that must come back.
    """
    metadata = {
        METADATA_CHECKOUT: request.reference,
        METADATA_LINK: request.link_reference,
    }
    product = {"name": request.title[:TITLE_MAX]}
    price = {
        "currency": request.amount.currency.lower(),
        "unit_amount": to_stripe(request.amount),
        "product_data": product,
    }
    parameters: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": request.link_reference,
        "metadata": metadata,
        # Stripe does not copy a session's metadata to its payment.
        "payment_intent_data": {
            "metadata": metadata,
            "description": request.title[:TITLE_MAX],
        },
        "adaptive_pricing": {"enabled": False},
        "success_url": request.return_url,
        "cancel_url": request.cancel_url,
        "locale": _locale(request.language),
    }
    if request.customer_email:
        parameters["customer_email"] = request.customer_email
    if request.expires_at is not None:
        # As it is: Stripe takes 30 minutes to 24 hours ahead, which is the caller's to
        # keep, and a repeat with this key must carry the same parameters.
        parameters["expires_at"] = int(request.expires_at.timestamp())
    return parameters


def _locale(language: str) -> str:
    base, _, region = language.replace("_", "-").partition("-")
    for candidate in (f"{base.lower()}-{region.upper()}", base.lower()):
        if candidate in LOCALES:
            return candidate
    return "auto"


class _PacedClient(stripe.RequestsClient):
    def request(self, *args: Any, **named: Any) -> tuple[Any, int, Mapping[str, str]]:
        pacing.step()
        return super().request(*args, **named)


@lru_cache(maxsize=4)
def _built_client(
    key: str, base: str, http_client: stripe.HTTPClient | None
) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": base.rstrip("/")} if base else {},
        max_network_retries=0,
        http_client=http_client or _PacedClient(timeout=TIMEOUT_SECONDS),
    )


@contextmanager
def _errors() -> Iterator[None]:
    """Stripe's errors as ours; the text is for staff and holds no key and no person."""
    try:
        yield
    except (stripe.AuthenticationError, stripe.PermissionError) as exc:
        raise ProviderMisconfigured(
            f"Stripe refuses the secret key{_request_id(exc)}."
        ) from exc
    except (
        stripe.CardError,
        stripe.InvalidRequestError,
        stripe.IdempotencyError,
    ) as exc:
        named = " ".join(
            part for part in (exc.code, getattr(exc, "param", None)) if part
        )
        raise ProviderRejected(
            f"Stripe refused: {named or 'invalid request'}{_request_id(exc)}."
        ) from exc
    except stripe.RateLimitError as exc:
        raise ProviderBusy(
            f"No answer from Stripe that counts: RateLimitError 429{_request_id(exc)}.",
            pacing.rest_seconds(exc.headers),
        ) from exc
    except stripe.StripeError as exc:
        raise ProviderUnavailable(
            f"No answer from Stripe that counts: {type(exc).__name__}"
            f" {exc.http_status or ''}".rstrip()
            + f"{_request_id(exc)}."
        ) from exc
    except ProviderError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        # A proxy's page instead of Stripe's JSON, or half of an answer.
        raise ProviderUnavailable("Stripe's answer cannot be understood.") from exc


def _request_id(exc: stripe.StripeError) -> str:
    return f" ({exc.request_id})" if exc.request_id else ""
