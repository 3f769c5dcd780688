"""The rehearsal provider keeps the contract that every hosted provider keeps."""

import json
import time
from dataclasses import replace

import pytest
from django.utils.crypto import salted_hmac

from links.models import TrainingDispute, TrainingPayment, TrainingRefund, WebhookEvent
from links.providers import training, training_disputes
from links.providers.base import (
    CheckoutSnapshot,
    DisputeState,
    PaymentSnapshot,
    ProviderRejected,
)
from links.providers.training import SIGNATURE_HEADER, TrainingProvider
from links.services.training import deliver_webhooks
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from .dispute_contract import DisputeContract
from .provider_contract import REQUEST, Signed
from .refund_contract import FIRST, request_for

pytestmark = pytest.mark.django_db


class TestContract(DisputeContract):
    answer_within = training_disputes.ANSWER_WITHIN

    @pytest.fixture
    def provider(self) -> TrainingProvider:
        return TrainingProvider()

    def pay(self, session: CheckoutSnapshot) -> None:
        found = training.find_session(REQUEST.reference)
        assert found is not None
        self.payment = training.answer(found, "approve")

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        assert self.payment is not None
        return training.webhook(self.payment, 1)

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        sent_at = int(time.time()) - age_seconds
        signature = salted_hmac(
            "training-webhook",
            f"{sent_at}.".encode() + body,
            secret=secret,
            algorithm="sha256",
        ).hexdigest()
        return {SIGNATURE_HEADER: f"{sent_at},{signature}"}

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        TrainingRefund.objects.create(
            payment=TrainingPayment.objects.get(),
            refund_id="tre_elsewhere",
            amount_minor=minor,
            created_at=clock.now(),
        )

    def settle_refunds(self) -> None:
        """They succeed at once."""

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        return training.refund_webhook(TrainingRefund.objects.get())

    def open_dispute(self, payment_id: str, minor: int) -> str:
        payment = TrainingPayment.objects.get(payment_id=payment_id)
        made = training_disputes.open_dispute(payment, amount_minor=minor)
        return str(made.dispute_id)

    def answer_dispute(self, dispute_id: str) -> None:
        self._move(dispute_id, DisputeState.UNDER_REVIEW)

    def close_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        self._move(dispute_id, DisputeState.WON if is_won else DisputeState.LOST)

    def _move(self, dispute_id: str, state: DisputeState) -> None:
        dispute = TrainingDispute.objects.get(dispute_id=dispute_id)
        training_disputes.move_dispute(dispute, state)

    def dispute_webhook_for(self, dispute_id: str) -> Signed:
        dispute = TrainingDispute.objects.get(dispute_id=dispute_id)
        return training.dispute_webhook(dispute)

    def unknown_event(self) -> bytes:
        return json.dumps({"id": "tev_1", "type": "weather", "session": ""}).encode()


@pytest.fixture
def payment() -> PaymentSnapshot:
    return answered("approve")


def answered(outcome: str) -> PaymentSnapshot:
    session = TrainingProvider().create_checkout(REQUEST)
    found = training.find_session(REQUEST.reference)
    assert found is not None
    training.answer(found, outcome)
    (payment,) = TrainingProvider().fetch_checkout(session.provider_session_id).payments
    return payment


@pytest.mark.parametrize("outcome", ["decline", "later"])
def test_gives_back_nothing_that_has_not_come(outcome: str) -> None:
    payment = answered(outcome)

    with pytest.raises(ProviderRejected, match="No money has come in"):
        TrainingProvider().refund(request_for(payment, 100))

    assert not TrainingRefund.objects.exists()


def test_a_reference_stands_for_one_refund(payment: PaymentSnapshot) -> None:
    TrainingProvider().refund(request_for(payment, 100))

    with pytest.raises(ProviderRejected, match="another training refund's"):
        TrainingProvider().refund(request_for(payment, 101))
    other_currency = replace(request_for(payment, 100), amount=Money(100, "USD"))
    with pytest.raises(ProviderRejected):
        TrainingProvider().refund(other_currency)

    assert TrainingRefund.objects.get().amount_minor == 100


def test_lists_old_payments_that_were_refunded_since(payment: PaymentSnapshot) -> None:
    since = clock.now() + training.DELAY * 2
    TrainingProvider().refund(request_for(payment, 100))
    assert TrainingProvider().list_payments(since) == []

    TrainingRefund.objects.update(created_at=since)

    (seen,) = TrainingProvider().list_payments(since)
    assert seen.provider_payment_id == payment.provider_payment_id
    assert [refund.reference for refund in seen.refunds] == [FIRST]


def test_tells_of_a_refund_once(payment: PaymentSnapshot) -> None:
    deliver_webhooks()
    TrainingProvider().refund(request_for(payment, 100))

    assert deliver_webhooks() == 1
    assert deliver_webhooks() == 0

    event = WebhookEvent.objects.get(kind="refund.created")
    hint = TrainingProvider().parse_webhook(event.body.encode())
    assert hint.provider_session_id == payment.provider_session_id
