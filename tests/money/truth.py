"""Three providers in this process: what has happened there, told to whoever asks.

Webhooks are signed, proved and read as the adapters do it; only what they would read by
HTTP they read here, and a moment may pass until they hand it on. So may an older state be
booked after a newer one.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

import pytest
from pytest_django.fixtures import Settings

from links.providers import paypal_webhooks, registry
from links.providers.base import (
    CheckoutRequest,
    CheckoutSnapshot,
    PaymentSnapshot,
    ProviderRejected,
    SeenState,
    SessionState,
)
from links.providers.paypal import PayPalProvider
from links.providers.square import SquareProvider
from links.providers.stripe import StripeProvider
from links.tests import paypal_tape, square_tape, stripe_tape
from merchant_portal.lib import clock

SLUGS = ("stripe", "square", "paypal")


@dataclass(slots=True)
class Session:
    """`was_submitted`: the payer has finished its page, however that went on."""

    identity: str
    slug: str
    request: CheckoutRequest
    payments: list[str] = field(default_factory=list)
    is_agreed: bool = False
    was_submitted: bool = False
    closed_at: datetime | None = None


class Bank:
    """`pause`: what passes between reading and handing on. `captures`: of which sessions
    money was taken by us."""

    def __init__(self) -> None:
        self.pause: Callable[[], None] = lambda: None
        self.captures: list[str] = []
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._payments: dict[str, PaymentSnapshot] = {}

    # -- what the product does -----------------------------------------------------

    def open(self, slug: str, request: CheckoutRequest) -> CheckoutSnapshot:
        name = f"{slug}-{request.idempotency_key}"
        with self._lock:
            session = self._sessions.setdefault(name, Session(name, slug, request))
            return self._snapshot(session)

    def fetch(self, session_id: str) -> CheckoutSnapshot:
        with self._lock:
            found = self._snapshot(self._session(session_id))
        self.pause()
        return found

    def close(self, session_id: str) -> CheckoutSnapshot:
        with self._lock:
            session = self._session(session_id)
            if not session.was_submitted:
                session.closed_at = clock.now()
            return self._snapshot(session)

    def take(self, session_id: str, at: datetime) -> CheckoutSnapshot:
        """Take what the payer agreed to, once."""
        with self._lock:
            session = self._session(session_id)
            if not session.is_agreed:
                raise ProviderRejected("ORDER_NOT_APPROVED")
            if not session.payments:
                self.captures.append(session_id)
                self._put(session, SeenState.SUCCEEDED, at)
            return self._snapshot(session)

    def payment(self, payment_id: str) -> PaymentSnapshot:
        with self._lock:
            found = self._payments.get(payment_id)
        if found is None:
            raise ProviderRejected(f"There is no {payment_id}.")
        self.pause()
        by_itself = found.account_slug != "paypal"
        return replace(found, provider_session_id="") if by_itself else found

    # -- what the payer and the provider do ------------------------------------------

    def agree(self, session_id: str) -> None:
        with self._lock:
            self._session(session_id).is_agreed = True

    def pay(
        self, session_id: str, state: SeenState, at: datetime, **facts: Any
    ) -> str | None:
        """A payment comes so far; its id, None where the session is closed."""
        with self._lock:
            session = self._session(session_id)
            if session.closed_at is not None:
                return None
            return self._put(session, state, at, **facts)

    def change(self, session_id: str, **facts: Any) -> None:
        """Something becomes known of the session's payment."""
        with self._lock:
            name = self._session(session_id).payments[-1]
            self._payments[name] = replace(self._payments[name], **facts)

    def paid(self, session_id: str) -> PaymentSnapshot | None:
        with self._lock:
            session = self._session(session_id)
            return self._payments[session.payments[-1]] if session.payments else None

    def forget(self) -> None:
        with self._lock:
            self._sessions.clear()
            self._payments.clear()

    def _put(
        self, session: Session, state: SeenState, at: datetime, **facts: Any
    ) -> str:
        name = session.payments[-1] if session.payments else f"pay-{session.identity}"
        if name not in self._payments:
            session.payments.append(name)
            self._payments[name] = PaymentSnapshot(
                account_slug=session.slug,
                provider_payment_id=name,
                state=state,
                amount=session.request.amount,
                occurred_at=at,
                provider_session_id=session.identity,
                checkout_reference=session.request.reference,
                link_reference=session.request.link_reference,
                method="card",
            )
        session.was_submitted |= state != SeenState.FAILED
        failure = "declined" if state == SeenState.FAILED else ""
        self._payments[name] = replace(
            self._payments[name],
            **{"state": state, "occurred_at": at, "failure": failure, **facts},
        )
        return name

    def _session(self, session_id: str) -> Session:
        if session_id not in self._sessions:
            raise ProviderRejected(f"There is no {session_id}.")
        return self._sessions[session_id]

    def _snapshot(self, session: Session) -> CheckoutSnapshot:
        state = SessionState.OPEN
        if session.was_submitted:
            state = SessionState.COMPLETED
        elif session.closed_at is not None:
            state = SessionState.EXPIRED
        return CheckoutSnapshot(
            provider_session_id=session.identity,
            state=state,
            url=f"https://pay.example/{session.identity}",
            payments=tuple(self._payments[name] for name in session.payments),
            awaits_capture=session.is_agreed and not session.payments,
        )


class _Told:
    """The half of an adapter that asks the provider."""

    bank: ClassVar[Bank] = Bank()
    slug: ClassVar[str]

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        return self.bank.open(self.slug, request)

    def fetch_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        return self.bank.fetch(provider_session_id)

    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        return self.bank.close(provider_session_id)

    def fetch_payment(self, provider_payment_id: str) -> PaymentSnapshot:
        return self.bank.payment(provider_payment_id)


class ToldStripe(_Told, StripeProvider):
    pass


class ToldSquare(_Told, SquareProvider):
    pass


class ToldPayPal(_Told, PayPalProvider):
    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        """As the adapter: an order cannot be called off."""
        found = self.bank.fetch(provider_session_id)
        if found.state is not SessionState.OPEN:
            return found
        return CheckoutSnapshot(provider_session_id, SessionState.EXPIRED)

    def capture(
        self, provider_session_id: str, idempotency_key: str
    ) -> CheckoutSnapshot:
        return self.bank.take(provider_session_id, clock.now())


@contextmanager
def running(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    """The product has accounts at the three, and at no other."""
    settings.STRIPE_SECRET_KEY = stripe_tape.SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = stripe_tape.WEBHOOK_SECRET
    settings.SQUARE_ACCESS_TOKEN = square_tape.TOKEN
    settings.SQUARE_LOCATION_ID = square_tape.LOCATION
    settings.SQUARE_WEBHOOK_SIGNATURE_KEY = square_tape.SIGNATURE_KEY
    settings.PAYPAL_CLIENT_ID = paypal_tape.CLIENT_ID
    settings.PAYPAL_CLIENT_SECRET = paypal_tape.SECRET
    settings.PAYPAL_WEBHOOK_ID = paypal_tape.WEBHOOK_ID
    settings.PAYPAL_API_BASE = ""
    settings.PUBLIC_URL = square_tape.URL.partition("/webhooks")[0]
    for name in ("Stripe", "Square", "PayPal"):
        path = f"{__name__}.Told{name}"
        monkeypatch.setitem(registry.PROVIDERS, name.lower(), path)
    registry.get_provider.cache_clear()
    pem = paypal_tape.certificate("messageverificationcerts.paypal.com", of="paypal")
    paypal_webhooks.learn_certificate(paypal_tape.CERTIFICATE_URL, pem.decode())
    bank = Bank()
    monkeypatch.setattr(_Told, "bank", bank)
    try:
        yield bank
    finally:
        registry.get_provider.cache_clear()
        paypal_webhooks.forget_certificates()
