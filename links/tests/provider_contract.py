"""What every provider adapter with a hosted page must do; subclass it to test a new one.

A subclass gives a fixture `provider` and the methods that raise NotImplementedError
here. The helpers speak for the outside: a payer at the hosted page, a signed webhook.
"""

from dataclasses import replace
from typing import ClassVar

import pytest

from links.providers.base import (
    CheckoutRequest,
    CheckoutSnapshot,
    Provider,
    ProviderRejected,
    SeenState,
    SessionState,
    WebhookVerificationError,
)
from merchant_portal.lib.money import Money

REQUEST = CheckoutRequest(
    reference="chk_0123456789abcdefghij",
    link_reference="plk_0123456789abcdefghij",
    idempotency_key="chk_0123456789abcdefghij",
    amount=Money(1250, "EUR"),
    title="PL-2026-000007 Garden work",
    return_url="https://shop.example/p/token/return/chk_0123456789abcdefghij/",
    cancel_url="https://shop.example/p/token/",
    language="de",
    customer_email="ada@example.com",
)
Signed = tuple[dict[str, str], bytes]


class ProviderContract:
    """Subclass as `class TestSquare(ProviderContract)`.

    `signs_time`: whether the signature covers the time of sending. Where it does not, an
    old event is as good as a new one, and only its id keeps it from coming twice.
    `too_far_off`: ages in seconds that are refused. `ends_there`: whether a session can
    be closed at the provider; where it cannot, no money moves without us.
    """

    signs_time: ClassVar[bool] = True
    too_far_off: ClassVar[tuple[int, int]] = (360, -360)
    ends_there: ClassVar[bool] = True

    def pay(self, session: CheckoutSnapshot) -> None:
        """The payer pays on the hosted page, in full, and it succeeds."""
        raise NotImplementedError

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        """Headers and body of the provider's webhook that says the session is done."""
        raise NotImplementedError

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        """The headers under which the provider would send these bytes.

        `secret`: another one than ours. `age_seconds`: signed so long ago, negative
        for the future.
        """
        raise NotImplementedError

    def unknown_event(self) -> bytes:
        """The body of an event of a kind that we do not act on."""
        raise NotImplementedError

    def open_session(self, provider: Provider, key: str = "") -> CheckoutSnapshot:
        key = key or REQUEST.reference
        return provider.create_checkout(
            replace(REQUEST, reference=key, idempotency_key=key)
        )

    def test_opens_a_session_that_the_payer_can_visit(self, provider: Provider) -> None:
        session = self.open_session(provider)

        assert session.provider_session_id
        assert session.state is SessionState.OPEN
        assert session.url.startswith(("http://", "https://"))
        assert session.payments == ()

    def test_same_key_opens_one_session(self, provider: Provider) -> None:
        first = self.open_session(provider, "chk_key")
        again = self.open_session(provider, "chk_key")
        other = self.open_session(provider, "chk_other")

        assert again.provider_session_id == first.provider_session_id
        assert again.url == first.url
        assert other.provider_session_id != first.provider_session_id

    def test_tells_of_the_payment_with_our_references(self, provider: Provider) -> None:
        session = self.open_session(provider)
        self.pay(session)

        seen = provider.fetch_checkout(session.provider_session_id)

        assert seen.state is SessionState.COMPLETED
        (payment,) = seen.payments
        assert payment.account_slug == provider.slug
        assert payment.state is SeenState.SUCCEEDED
        assert payment.amount == REQUEST.amount
        assert payment.provider_session_id == session.provider_session_id
        assert payment.checkout_reference == REQUEST.reference
        assert payment.link_reference == REQUEST.link_reference
        assert payment.occurred_at.tzinfo is not None

    def test_finds_the_same_payment_by_its_own_id(self, provider: Provider) -> None:
        session = self.open_session(provider)
        self.pay(session)
        (payment,) = provider.fetch_checkout(session.provider_session_id).payments

        alone = provider.fetch_payment(payment.provider_payment_id)

        assert alone.provider_payment_id == payment.provider_payment_id
        assert alone.state is SeenState.SUCCEEDED
        assert alone.amount == payment.amount
        assert alone.fee == payment.fee
        assert alone.checkout_reference == REQUEST.reference

    def test_expires_an_open_session(self, provider: Provider) -> None:
        session = self.open_session(provider)

        expired = provider.expire_checkout(session.provider_session_id)
        again = provider.expire_checkout(session.provider_session_id)

        assert expired.state is SessionState.EXPIRED
        assert again.state is SessionState.EXPIRED
        fetched = provider.fetch_checkout(session.provider_session_id)
        assert fetched.payments == ()
        if self.ends_there:
            assert fetched.state is SessionState.EXPIRED

    def test_does_not_expire_a_paid_session(self, provider: Provider) -> None:
        session = self.open_session(provider)
        self.pay(session)

        kept = provider.expire_checkout(session.provider_session_id)

        assert kept.state is SessionState.COMPLETED
        assert [p.state for p in kept.payments] == [SeenState.SUCCEEDED]

    def test_rejects_ids_it_does_not_know(self, provider: Provider) -> None:
        with pytest.raises(ProviderRejected):
            provider.fetch_checkout("cs_test_none")
        with pytest.raises(ProviderRejected):
            provider.fetch_payment("pi_none")
        with pytest.raises(ProviderRejected):
            provider.expire_checkout("cs_test_none")
        with pytest.raises(ProviderRejected):
            provider.fetch_dispute("none-of-that-name")

    def test_webhook_names_what_to_fetch(self, provider: Provider) -> None:
        session = self.open_session(provider)
        self.pay(session)
        headers, body = self.webhook_for(session)

        provider.verify_webhook(headers, body)
        event = provider.parse_webhook(body)

        assert event.event_id
        assert event.kind
        seen = provider.fetch_checkout(session.provider_session_id)
        assert event.provider_session_id == session.provider_session_id or (
            event.provider_payment_id == seen.payments[0].provider_payment_id
        )

    def test_refuses_a_changed_body(self, provider: Provider) -> None:
        session = self.open_session(provider)
        self.pay(session)
        headers, body = self.webhook_for(session)

        for changed in (body + b" ", body[:-1], body.replace(b'"', b"'", 1), b""):
            with pytest.raises(WebhookVerificationError):
                provider.verify_webhook(headers, changed)

    def test_refuses_a_missing_or_foreign_signature(self, provider: Provider) -> None:
        session = self.open_session(provider)
        self.pay(session)
        headers, body = self.webhook_for(session)
        foreign = self.sign(body, secret="another secret of somebody else")
        halves = {name: value[: len(value) // 2] for name, value in headers.items()}

        accented = {name: value[:-1] + "\xe9" for name, value in headers.items()}
        empty = dict.fromkeys(headers, "")

        for given in ({}, foreign, halves, accented, empty):
            with pytest.raises(WebhookVerificationError):
                provider.verify_webhook(given, body)

    @pytest.mark.django_db  # the database's clock has the last word
    @pytest.mark.parametrize("place", [0, 1])
    def test_refuses_another_time(self, provider: Provider, place: int) -> None:
        body = self.unknown_event()
        headers = self.sign(body, age_seconds=self.too_far_off[place])

        if not self.signs_time:
            assert headers == self.sign(body)
            provider.verify_webhook(headers, body)
            return
        with pytest.raises(WebhookVerificationError):
            provider.verify_webhook(headers, body)

    def test_says_nothing_about_unknown_events(self, provider: Provider) -> None:
        body = self.unknown_event()
        provider.verify_webhook(self.sign(body), body)

        event = provider.parse_webhook(body)

        assert event.event_id
        assert event.provider_session_id == ""
        assert event.provider_payment_id == ""
        assert event.provider_dispute_id == ""

    @pytest.mark.parametrize(
        "body",
        [b"", b"null", b"[]", b"{}", b'"a"', b"\xff\xfe", b"[" * 100_000, b'{"id": 7}'],
    )
    def test_refuses_a_body_that_is_no_event(
        self, provider: Provider, body: bytes
    ) -> None:
        with pytest.raises(WebhookVerificationError):
            provider.parse_webhook(body)

    def test_account_is_in_order(self, provider: Provider) -> None:
        assert provider.check_account() == ""
