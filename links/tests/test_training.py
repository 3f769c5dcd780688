"""The rehearsal provider keeps the contract that every hosted provider keeps."""

import json
import time

import pytest
from django.utils.crypto import salted_hmac

from links.providers import training
from links.providers.base import CheckoutSnapshot
from links.providers.training import SIGNATURE_HEADER, TrainingProvider

from .provider_contract import REQUEST, ProviderContract, Signed

pytestmark = pytest.mark.django_db


class TestContract(ProviderContract):
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

    def unknown_event(self) -> bytes:
        return json.dumps({"id": "tev_1", "type": "weather", "session": ""}).encode()
