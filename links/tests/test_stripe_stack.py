"""The adapter against the stateful fake, each word judged by the vendor's documents."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from django.test import Client

from links.models import (
    EventState,
    LinkStatus,
    Payment,
    Payout,
    ProviderAccount,
    WebhookEvent,
)
from links.providers.base import (
    CheckoutSnapshot,
    DisputeState,
    PaymentSnapshot,
    ProviderRejected,
    ProviderUnavailable,
    RefundState,
    SeenState,
    SessionState,
)
from links.providers.stripe import StripeProvider
from links.services import accounts, inbox, pages, reconcile
from merchant_portal.lib.money import Money
from proofs import vendor_specs
from proofs.tests import stripe_peer
from proofs.tests.stripe_peer import Peer

from .dispute_contract import FakeDisputes
from .factories import make_customer, make_link
from .provider_contract import REQUEST, Signed
from .refund_contract import FIRST, SECOND, request_for, told
from .stripe_tape import DATA, recorded, signed

pytestmark = pytest.mark.stack


@pytest.fixture
def peer(tmp_path: Path, settings: Any) -> Iterator[Peer]:
    specs = vendor_specs.specs_directory()
    with stripe_peer.running_peer(tmp_path, specs=specs) as running:
        settings.STRIPE_SECRET_KEY = stripe_peer.KEY
        settings.STRIPE_WEBHOOK_SECRET = stripe_peer.SECRET
        settings.STRIPE_API_BASE = running.url
        yield running
        assert running.ledger.findings() == []


@pytest.fixture
def provider(peer: Peer) -> StripeProvider:
    return StripeProvider()


def press(session: CheckoutSnapshot, outcome: str) -> None:
    stripe_peer.post(session.url, f"outcome={outcome}")


def paid(provider: StripeProvider) -> PaymentSnapshot:
    session = provider.create_checkout(REQUEST)
    press(session, "pay")
    (payment,) = provider.fetch_checkout(session.provider_session_id).payments
    return payment


def give_back(peer: Peer, payment: PaymentSnapshot, minor: int) -> None:
    """As somebody does at the dashboard."""
    peer.client.v1.refunds.create(
        {"payment_intent": payment.provider_payment_id, "amount": minor}
    )


class TestContract(FakeDisputes):
    @pytest.fixture(autouse=True)
    def _peer(self, peer: Peer) -> None:
        self.peer = peer

    def pay(self, session: CheckoutSnapshot) -> None:
        press(session, "pay")

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        return self._heard("checkout.session.completed")

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        give_back(self.peer, payment, minor)

    def settle_refunds(self) -> None:
        """They succeed at once."""

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        return self._heard("refund.created")

    def dispute_webhook_for(self, dispute_id: str) -> Signed:
        return self._heard("charge.dispute.created")

    def _heard(self, kind: str) -> Signed:
        self.peer.receiver.wait_for(len(self.peer.events()))
        return next(
            (dict(hook.headers), hook.body)
            for hook in self.peer.receiver.received
            if json.loads(hook.body)["type"] == kind
        )

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        ours = stripe_peer.SECRET
        return signed(body, secret=secret or ours, age_seconds=age_seconds)

    def unknown_event(self) -> bytes:
        return json.dumps(recorded("event_unknown")).encode()


def test_a_slow_debit_arrives_later(peer: Peer, provider: StripeProvider) -> None:
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    session = provider.create_checkout(REQUEST)
    press(session, "later")

    before = provider.fetch_checkout(session.provider_session_id)
    peer.control(settle={"session": session.provider_session_id, "succeeded": True})
    after = provider.fetch_checkout(session.provider_session_id)

    assert [p.state for p in before.payments] == [SeenState.PROCESSING]
    assert [p.state for p in after.payments] == [SeenState.SUCCEEDED]
    assert after.payments[0].fee is not None
    assert [p.state for p in provider.list_payments(since)] == [SeenState.SUCCEEDED]


def test_a_declined_card_can_be_followed_by_a_good_one(
    peer: Peer, provider: StripeProvider
) -> None:
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    session = provider.create_checkout(REQUEST)
    press(session, "decline")
    (declined,) = provider.list_payments(since)
    still = provider.fetch_checkout(session.provider_session_id)
    press(session, "pay")
    paid = provider.fetch_checkout(session.provider_session_id)

    assert still.state is SessionState.OPEN
    assert declined.state is SeenState.FAILED
    assert declined.failure == "Your card was declined."
    assert declined.checkout_reference == REQUEST.reference
    assert paid.payments[0].provider_payment_id == declined.provider_payment_id
    assert [p.state for p in paid.payments] == [SeenState.SUCCEEDED]
    assert paid.payments[0].amount == Money(1250, "EUR")


@pytest.mark.django_db
def test_a_link_is_paid_through_stripe(peer: Peer, client: Client) -> None:
    link = make_link(make_customer())
    page = f"/p/{pages.token_of(link)}/"

    away = client.post(f"{page}pay/stripe/")
    session_url = away.headers["Location"]
    assert client.post(f"{page}pay/stripe/").headers["Location"] == session_url
    back = stripe_peer.post(session_url, "outcome=pay").location
    for hook in peer.receiver.wait_for(len(peer.events())):
        told = client.post(
            "/webhooks/stripe/",
            hook.body,
            content_type=hook.headers["content-type"],
            headers={"Stripe-Signature": hook.headers["stripe-signature"]},
        )
        assert told.status_code == 200
    for event in WebhookEvent.objects.all():
        inbox.process(event.pk)

    assert away.status_code == 303
    payment = link.payments.get()
    link.refresh_from_db()
    assert (link.status, link.amount_paid_minor) == (LinkStatus.PAID, 1250)
    assert payment.fee_minor is not None
    assert payment.checkout == link.checkouts.get()
    settled = set(WebhookEvent.objects.values_list("state", flat=True))
    assert settled <= {EventState.DONE, EventState.IGNORED}
    thanks = client.get(urlsplit(back).path).content.decode()
    assert "Thank you! Your payment has arrived." in thanks


@pytest.mark.django_db
def test_money_that_names_no_link_of_ours_is_kept(peer: Peer, client: Client) -> None:
    foreign = peer.new_session(metadata={}, payment_intent_data={})
    peer.press(foreign, "pay")
    for hook in peer.receiver.wait_for(len(peer.events())):
        client.post(
            "/webhooks/stripe/",
            hook.body,
            content_type=hook.headers["content-type"],
            headers={"Stripe-Signature": hook.headers["stripe-signature"]},
        )
    for event in WebhookEvent.objects.all():
        inbox.process(event.pk)

    payment = Payment.objects.get()
    assert payment.link is None
    assert payment.amount == Money(2500, "EUR")
    assert WebhookEvent.objects.filter(state=EventState.ORPHAN).exists()


@pytest.mark.parametrize("fault", ["commit_then_reset", "commit_then_500"])
def test_a_session_opened_without_an_answer_is_found_by_its_key(
    peer: Peer, provider: StripeProvider, fault: str
) -> None:
    peer.control(**{fault: 1})

    with pytest.raises(ProviderUnavailable):
        provider.create_checkout(REQUEST)
    session = provider.create_checkout(REQUEST)

    assert session.state is SessionState.OPEN
    assert len(peer.ledger.objects("checkout.session")) == 1


def test_waits_no_longer_than_a_payer_would(
    peer: Peer, provider: StripeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("links.providers.stripe.TIMEOUT_SECONDS", (0.5, 0.5))
    peer.control(hang={"times": 1, "seconds": 5})
    started = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        StripeProvider().create_checkout(REQUEST)

    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "fault", ["commit_then_hang", "commit_then_reset", "commit_then_500"]
)
def test_a_refund_without_an_answer_is_told_by_its_payment(
    peer: Peer, provider: StripeProvider, fault: str
) -> None:
    payment = paid(provider)
    request = request_for(payment, 500)
    impatient = StripeProvider(http_client=stripe.RequestsClient(timeout=0.5))
    peer.control(**{fault: {"times": 1, "seconds": 3, "path": "/v1/refunds"}})

    with pytest.raises(ProviderUnavailable):
        impatient.refund(request)
    (seen,) = provider.fetch_payment(payment.provider_payment_id).refunds
    again = provider.refund(request)

    assert told((seen,)) == [(FIRST, 500, RefundState.SUCCEEDED)]
    assert again == seen
    assert len(peer.ledger.objects("refund")) == 1


def test_a_refund_whose_failure_stripe_keeps_is_told_by_its_payment(
    peer: Peer, provider: StripeProvider
) -> None:
    payment = paid(provider)
    peer.control(commit_then_stored_500={"times": 1, "path": "/v1/refunds"})

    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            provider.refund(request_for(payment, 500))

    (seen,) = provider.fetch_payment(payment.provider_payment_id).refunds
    assert seen.reference == FIRST
    assert len(peer.ledger.objects("refund")) == 1


def test_a_refund_that_fails_later_leaves_its_money_to_be_given_back(
    peer: Peer, provider: StripeProvider
) -> None:
    since = datetime.now(tz=UTC) - timedelta(minutes=1)
    payment = paid(provider)
    peer.control(refunds_pending=True)

    pending = provider.refund(request_for(payment, 1250))
    with pytest.raises(ProviderRejected, match="charge_already_refunded"):
        provider.refund(request_for(payment, 1, SECOND))
    peer.control(
        settle_refund={"refund": pending.provider_refund_id, "status": "failed"}
    )
    peer.control(refunds_pending=False)
    provider.refund(request_for(payment, 1250, SECOND))

    assert pending.state is RefundState.PENDING
    (listed,) = provider.list_payments(since)
    assert told(listed.refunds) == [
        (FIRST, 1250, RefundState.FAILED),
        (SECOND, 1250, RefundState.SUCCEEDED),
    ]
    assert listed.refunds[0].failure == "insufficient_funds"
    assert "refund.failed" in peer.events()


def test_tells_more_refunds_than_a_charge_shows(
    peer: Peer, provider: StripeProvider
) -> None:
    payment = paid(provider)
    for minor in range(1, 13):
        give_back(peer, payment, minor)

    seen = provider.fetch_payment(payment.provider_payment_id).refunds

    assert [refund.amount.amount_minor for refund in seen] == list(range(1, 13))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("session_open", "/v1/checkout/sessions/cs_test_a1Open"),
        ("payment_intent_succeeded", "/v1/payment_intents/pi_1"),
        ("payment_intent_processing", "/v1/payment_intents/pi_1"),
        ("payment_intent_failed", "/v1/payment_intents/pi_1"),
        ("refund", "/v1/refunds/re_1"),
        ("account", "/v1/account"),
    ],
)
def test_our_recordings_have_the_vendors_shape(name: str, path: str) -> None:
    checker = vendor_specs.load()

    assert checker.response("stripe", "GET", path, 200, recorded(name)) == []


def test_our_recorded_events_have_the_vendors_shape() -> None:
    checker = vendor_specs.load()
    known = sorted(p.stem for p in DATA.glob("event_*.json") if "unknown" not in p.stem)

    assert known == [
        "event_charge_refunded",
        "event_charge_updated",
        "event_dispute_created",
        "event_refund_created",
        "event_refund_failed",
        "event_session_completed",
    ]
    for name in known:
        assert checker.event("stripe", recorded(name)) == []


def test_an_appeal_of_an_old_dispute_is_listed(
    peer: Peer, provider: StripeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is of those opened since then; the events tell of the others."""
    payment = paid(provider)
    peer.control(open_dispute={"payment": payment.provider_payment_id})
    (dispute,) = peer.ledger.objects("dispute")
    since = datetime.now(tz=UTC) + timedelta(hours=1)
    later = int(since.timestamp()) + 60
    monkeypatch.setattr("proofs.fakes.stripe_objects.now", lambda: later)
    peer.control(close_dispute={"dispute": dispute["id"], "won": True})

    (seen,) = provider.list_disputes(since)

    assert (seen.provider_dispute_id, seen.state) == (dispute["id"], DisputeState.WON)


@pytest.mark.django_db
def test_a_sweep_books_payouts_as_they_go(peer: Peer, provider: StripeProvider) -> None:
    paid(provider)
    account = accounts.get("stripe")
    peer.control(pay_out={"currency": "eur", "days": 3})
    (at_stripe,) = peer.ledger.objects("payout")

    reconcile.sweep(account.pk)

    payout = Payout.objects.get()
    assert (payout.provider_payout_id, payout.state) == (at_stripe["id"], "pending")
    assert 0 < at_stripe["amount"] < 1250
    assert payout.amount == Money(at_stripe["amount"], "EUR")
    day = datetime.fromtimestamp(at_stripe["arrival_date"], UTC).date()
    assert payout.arrives_on == day
    for is_paid, state in ((True, "paid"), (False, "failed")):
        peer.control(end_payout={"payout": at_stripe["id"], "paid": is_paid})
        ProviderAccount.objects.update(next_sweep_at=None)
        reconcile.sweep(account.pk)
        payout.refresh_from_db()
        assert payout.state == state


@pytest.mark.django_db
def test_keys_that_may_not_read_payouts_keep_no_money_from_being_found(
    peer: Peer, provider: StripeProvider
) -> None:
    payment = paid(provider)
    account = accounts.get("stripe")
    peer.control(error_500={"path": "/v1/payouts", "method": "GET"})

    with pytest.raises(ProviderUnavailable):
        reconcile.sweep(account.pk)

    account.refresh_from_db()
    assert account.swept_at is not None
    assert account.sweep_problem.startswith("Payouts: ")
    booked = Payment.objects.get()
    assert booked.provider_payment_id == payment.provider_payment_id
