"""What every provider adapter that gives money back must do, besides all others.

A subclass gives what `ProviderContract` asks for, and the methods that raise
NotImplementedError here.
"""

from typing import ClassVar

import pytest

from links.providers.base import (
    PaymentSnapshot,
    Provider,
    ProviderRejected,
    RefundRequest,
    RefundSnapshot,
    RefundState,
)
from merchant_portal.lib.money import Money

from .provider_contract import REQUEST, ProviderContract, Signed

FIRST, SECOND = "rfd_0123456789abcdefghij", "rfd_ABCDEFGHIJ0123456789"


def request_for(
    payment: PaymentSnapshot, minor: int, reference: str = FIRST
) -> RefundRequest:
    amount = Money(minor, payment.amount.currency)
    return RefundRequest(reference, payment.provider_payment_id, amount)


def told(refunds: tuple[RefundSnapshot, ...]) -> list[tuple[str, int, RefundState]]:
    """In the order of their references."""
    return sorted((r.reference, r.amount.amount_minor, r.state) for r in refunds)


class RefundContract(ProviderContract):
    """Subclass instead of ProviderContract.

    `takes_money_itself`: false where a session awaits `capture`.
    """

    takes_money_itself: ClassVar[bool] = True

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        """Somebody gives back at the provider's own pages."""
        raise NotImplementedError

    def settle_refunds(self) -> None:
        """The refunds that are under way at the provider succeed."""
        raise NotImplementedError

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        """Headers and body of the webhook about the payment's last refund."""
        raise NotImplementedError

    def paid(self, provider: Provider) -> PaymentSnapshot:
        session = self.open_session(provider)
        self.pay(session)
        (payment,) = provider.fetch_checkout(session.provider_session_id).payments
        assert payment.refunds == ()
        return payment

    def refunds_of(
        self, provider: Provider, payment: PaymentSnapshot
    ) -> tuple[RefundSnapshot, ...]:
        """As the payment tells them, by itself and with its session alike."""
        alone = provider.fetch_payment(payment.provider_payment_id).refunds
        (within,) = provider.fetch_checkout(payment.provider_session_id).payments
        assert within.refunds == alone
        return alone

    def test_says_that_it_refunds(self, provider: Provider) -> None:
        assert provider.capabilities.refund

    def test_gives_back_in_full(self, provider: Provider) -> None:
        payment = self.paid(provider)

        made = provider.refund(request_for(payment, 1250))
        self.settle_refunds()

        assert made.provider_refund_id
        assert made.state in {RefundState.PENDING, RefundState.SUCCEEDED}
        assert (made.amount, made.reference) == (REQUEST.amount, FIRST)
        assert made.occurred_at.tzinfo is not None
        assert made.failure == ""
        (seen,) = self.refunds_of(provider, payment)
        assert seen.provider_refund_id == made.provider_refund_id
        assert told((seen,)) == [(FIRST, 1250, RefundState.SUCCEEDED)]
        assert seen.occurred_at == made.occurred_at
        after = provider.fetch_payment(payment.provider_payment_id)
        assert (after.state, after.amount) == (payment.state, payment.amount)

    def test_gives_back_in_parts(self, provider: Provider) -> None:
        payment = self.paid(provider)

        first = provider.refund(request_for(payment, 250))
        self.settle_refunds()
        second = provider.refund(request_for(payment, 1000, SECOND))
        self.settle_refunds()

        assert first.provider_refund_id != second.provider_refund_id
        assert told(self.refunds_of(provider, payment)) == [
            (FIRST, 250, RefundState.SUCCEEDED),
            (SECOND, 1000, RefundState.SUCCEEDED),
        ]

    def test_same_reference_gives_back_once(self, provider: Provider) -> None:
        payment = self.paid(provider)

        first = provider.refund(request_for(payment, 500))
        again = provider.refund(request_for(payment, 500))
        self.settle_refunds()
        late = provider.refund(request_for(payment, 500))

        assert again.provider_refund_id == first.provider_refund_id
        assert late.provider_refund_id == first.provider_refund_id
        assert told(self.refunds_of(provider, payment)) == [
            (FIRST, 500, RefundState.SUCCEEDED)
        ]

    @pytest.mark.parametrize("before", [0, 1000, 1250])
    def test_refuses_more_than_is_left(self, provider: Provider, before: int) -> None:
        payment = self.paid(provider)
        if before:
            provider.refund(request_for(payment, before))
            self.settle_refunds()

        with pytest.raises(ProviderRejected):
            provider.refund(request_for(payment, 1251 - before, SECOND))

        self.settle_refunds()
        given = [r.amount.amount_minor for r in self.refunds_of(provider, payment)]
        assert given == ([before] if before else [])

    def test_refuses_a_payment_it_does_not_know(self, provider: Provider) -> None:
        self.paid(provider)

        with pytest.raises(ProviderRejected):
            provider.refund(RefundRequest(FIRST, "pi_none", Money(100, "EUR")))

    def test_tells_a_refund_made_elsewhere(self, provider: Provider) -> None:
        payment = self.paid(provider)

        self.refund_elsewhere(payment, 300)
        provider.refund(request_for(payment, 200))
        self.settle_refunds()

        assert told(self.refunds_of(provider, payment)) == [
            ("", 300, RefundState.SUCCEEDED),
            (FIRST, 200, RefundState.SUCCEEDED),
        ]

    def test_refund_webhook_names_what_to_fetch(self, provider: Provider) -> None:
        payment = self.paid(provider)
        provider.refund(request_for(payment, 1250))
        headers, body = self.refund_webhook_for(payment)

        provider.verify_webhook(headers, body)
        event = provider.parse_webhook(body)

        assert event.event_id
        assert (event.provider_session_id, event.provider_payment_id) in {
            (payment.provider_session_id, ""),
            ("", payment.provider_payment_id),
        }

    def test_has_nothing_to_capture(self, provider: Provider) -> None:
        session = self.open_session(provider)

        if self.takes_money_itself:
            assert not session.awaits_capture
            with pytest.raises(ProviderRejected):
                provider.capture(session.provider_session_id, "cap_key")
            assert provider.fetch_checkout(session.provider_session_id).payments == ()
