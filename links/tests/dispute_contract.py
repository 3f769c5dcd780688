"""What every provider adapter that tells of disputes must do, besides all others.

A subclass gives what `RefundContract` asks for, and the methods that raise
NotImplementedError here.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from links.providers.base import DisputeState, Provider
from merchant_portal.lib.money import Money

from .provider_contract import REQUEST, Signed
from .refund_contract import RefundContract

S = DisputeState
ANSWER_DAYS = 9


class DisputeContract(RefundContract):
    """Subclass instead of RefundContract. `answer_within`: what the payer grants."""

    answer_within: ClassVar[timedelta] = timedelta(days=ANSWER_DAYS)

    def open_dispute(self, payment_id: str, minor: int) -> str:
        """The payer asks so much back, to be answered in `answer_within`; the id of
        the dispute at the provider."""
        raise NotImplementedError

    def answer_dispute(self, dispute_id: str) -> None:
        """The merchant answers at the provider."""
        raise NotImplementedError

    def close_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        """The provider, or the bank, decides."""
        raise NotImplementedError

    def dispute_webhook_for(self, dispute_id: str) -> Signed:
        """Headers and body of the last webhook about the dispute."""
        raise NotImplementedError

    def disputed(self, provider: Provider, minor: int = 1250) -> str:
        payment = self.paid(provider)
        return self.open_dispute(payment.provider_payment_id, minor)

    def test_says_that_it_tells_of_disputes(self, provider: Provider) -> None:
        assert provider.capabilities.disputes

    def test_tells_a_dispute_with_its_payment(self, provider: Provider) -> None:
        payment = self.paid(provider)
        before = datetime.now(UTC) - timedelta(seconds=2)
        name = self.open_dispute(payment.provider_payment_id, 1250)

        seen = provider.fetch_dispute(name)

        assert seen.account_slug == provider.slug
        assert seen.provider_dispute_id == name
        assert seen.provider_payment_id == payment.provider_payment_id
        assert (seen.state, seen.amount) == (S.NEEDS_RESPONSE, REQUEST.amount)
        assert seen.reason
        assert before <= seen.opened_at <= datetime.now(UTC) + timedelta(seconds=2)
        assert seen.respond_by is not None
        wait = seen.respond_by - seen.opened_at
        assert abs(wait - self.answer_within) < timedelta(minutes=1)

    def test_tells_a_dispute_of_a_part(self, provider: Provider) -> None:
        seen = provider.fetch_dispute(self.disputed(provider, 300))

        assert seen.amount == Money(300, "EUR")

    def test_tells_each_state_of_a_dispute(self, provider: Provider) -> None:
        won = self.disputed(provider)

        states = [self.state(provider, won)]
        self.answer_dispute(won)
        states.append(self.state(provider, won))
        self.close_dispute(won, is_won=True)
        states.append(self.state(provider, won))

        assert states == [S.NEEDS_RESPONSE, S.UNDER_REVIEW, S.WON]

    def test_tells_a_dispute_that_is_lost(self, provider: Provider) -> None:
        lost = self.disputed(provider)
        self.close_dispute(lost, is_won=False)

        assert self.state(provider, lost) is S.LOST

    def test_a_later_description_of_a_dispute_is_not_older(
        self, provider: Provider
    ) -> None:
        name = self.disputed(provider)
        first = provider.fetch_dispute(name)
        self.answer_dispute(name)
        second = provider.fetch_dispute(name)

        assert (first.changed_at is None) == (second.changed_at is None)
        if first.changed_at is not None and second.changed_at is not None:
            assert first.changed_at <= second.changed_at

    def test_lists_what_was_opened(self, provider: Provider) -> None:
        since = datetime.now(UTC) - timedelta(minutes=1)
        assert list(provider.list_disputes(since)) == []

        name = self.disputed(provider)

        (listed,) = provider.list_disputes(since)
        assert listed == provider.fetch_dispute(name)

    def test_lists_what_was_closed(self, provider: Provider) -> None:
        name = self.disputed(provider)
        since = datetime.now(UTC) - timedelta(seconds=1)
        self.close_dispute(name, is_won=False)

        (listed,) = provider.list_disputes(since)

        assert (listed.provider_dispute_id, listed.state) == (name, S.LOST)

    def test_lists_nothing_that_is_older(self, provider: Provider) -> None:
        self.disputed(provider)

        later = datetime.now(UTC) + timedelta(seconds=5)
        assert list(provider.list_disputes(later)) == []

    def test_dispute_webhook_names_what_to_fetch(self, provider: Provider) -> None:
        name = self.disputed(provider)
        headers, body = self.dispute_webhook_for(name)

        provider.verify_webhook(headers, body)
        event = provider.parse_webhook(body)

        assert event.event_id
        assert event.provider_dispute_id == name
        assert (event.provider_session_id, event.provider_payment_id) == ("", "")

    @staticmethod
    def state(provider: Provider, name: str) -> DisputeState:
        return provider.fetch_dispute(name).state


class FakeDisputes(DisputeContract):
    """Against a fake of proofs.fakes: `peer` has its control and its ledger."""

    peer: Any

    def open_dispute(self, payment_id: str, minor: int) -> str:
        wanted = {"payment": payment_id, "amount": minor, "days": ANSWER_DAYS}
        self._control(open_dispute=wanted)
        newest = self.peer.ledger.objects("dispute")[-1]
        return str(newest.get("id") or newest["dispute_id"])

    def answer_dispute(self, dispute_id: str) -> None:
        self._control(answer_dispute={"dispute": dispute_id})

    def close_dispute(self, dispute_id: str, *, is_won: bool) -> None:
        self._control(close_dispute={"dispute": dispute_id, "won": is_won})

    def _control(self, **action: object) -> None:
        answer = self.peer.control(**action)
        assert answer.status == 200, answer.text
