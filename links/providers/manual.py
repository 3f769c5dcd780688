"""Cash, cheque, transfer, terminal: money that staff take themselves.

It has no hosted page, no webhooks and nothing to ask; payments are entered by hand.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import clock

from .base import (
    Capabilities,
    CheckoutRequest,
    CheckoutSnapshot,
    DisputeSnapshot,
    PaymentSnapshot,
    PayoutSnapshot,
    ProviderEvent,
    ProviderRejected,
    RefundRequest,
    RefundSnapshot,
    RefundState,
    WebhookVerificationError,
)

METHODS = {
    "cash": _("Cash"),
    "transfer": _("Bank transfer"),
    "terminal": _("Card terminal"),
    "cheque": _("Cheque"),
    "other": _("Other"),
}


class ManualProvider:
    slug: ClassVar[str] = "manual"
    title: ClassVar[str] = "Taken by hand"
    webhook_events: ClassVar[tuple[str, ...]] = ()
    capabilities: ClassVar[Capabilities] = Capabilities(
        hosted_checkout=False, expire=False, refund=True, webhooks=False
    )

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        raise ProviderRejected("Money taken by hand has no hosted page.")

    def fetch_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        raise ProviderRejected("Money taken by hand has no hosted page.")

    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        raise ProviderRejected("Money taken by hand has no hosted page.")

    def capture(
        self, provider_session_id: str, idempotency_key: str
    ) -> CheckoutSnapshot:
        raise ProviderRejected("Money taken by hand has no hosted page.")

    def fetch_payment(self, provider_payment_id: str) -> PaymentSnapshot:
        raise ProviderRejected("Our own books are the only ones there are.")

    def refund(self, request: RefundRequest) -> RefundSnapshot:
        """Staff have handed it out themselves; our books are the only ones there are."""
        return RefundSnapshot(
            provider_refund_id=request.reference,
            state=RefundState.SUCCEEDED,
            amount=request.amount,
            occurred_at=clock.now(),
            reference=request.reference,
        )

    def fetch_dispute(self, provider_dispute_id: str) -> DisputeSnapshot:
        raise ProviderRejected("Nobody disputes money that was handed over.")

    def list_payments(self, since: datetime) -> Iterable[PaymentSnapshot]:
        return ()

    def list_disputes(self, since: datetime) -> Iterable[DisputeSnapshot]:
        return ()

    def list_payouts(self, since: datetime) -> Iterable[PayoutSnapshot]:
        return ()

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        raise WebhookVerificationError("Nobody sends webhooks about cash.")

    def parse_webhook(self, body: bytes) -> ProviderEvent:
        raise WebhookVerificationError("Nobody sends webhooks about cash.")

    def check_account(self) -> str:
        return ""
