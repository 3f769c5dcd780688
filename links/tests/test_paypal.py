from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from links.providers import paypal_webhooks
from links.providers.base import (
    CheckoutSnapshot,
    PaymentSnapshot,
    ProviderRejected,
    ProviderUnavailable,
    RefundRequest,
    RefundState,
    SeenState,
    SessionState,
)
from links.providers.paypal import PayPalProvider
from merchant_portal.lib.money import Money

from .paypal_tape import (
    CERTIFICATE_URL,
    CLIENT_ID,
    SECRET,
    WEBHOOK_ID,
    PayPalTape,
    certificate,
    event,
    signed,
)
from .provider_contract import REQUEST, Signed
from .refund_contract import RefundContract

# Verifying asks the database what time it is.
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> Iterator[None]:
    settings.PAYPAL_CLIENT_ID = CLIENT_ID
    settings.PAYPAL_CLIENT_SECRET = SECRET
    settings.PAYPAL_WEBHOOK_ID = WEBHOOK_ID
    settings.PAYPAL_API_BASE = ""
    settings.PUBLIC_URL = "https://shop.example"
    pem = certificate("messageverificationcerts.paypal.com", of="paypal").decode()
    paypal_webhooks.learn_certificate(CERTIFICATE_URL, pem)
    yield
    paypal_webhooks.forget_certificates()


@pytest.fixture
def tape() -> PayPalTape:
    tape = PayPalTape()
    tape.webhook = {
        "url": "https://shop.example/webhooks/paypal/",
        "event_types": [{"name": name} for name in paypal_webhooks.EVENTS],
    }
    return tape


@pytest.fixture
def provider(tape: PayPalTape) -> PayPalProvider:
    return PayPalProvider(tape.client())


class TestContract(RefundContract):
    ends_there = takes_money_itself = False
    too_far_off = (4 * 86_400 + 60, -360)
    tape: PayPalTape

    @pytest.fixture
    def provider(self, tape: PayPalTape) -> PayPalProvider:
        self.tape = tape
        return PayPalProvider(tape.client())

    def pay(self, session: CheckoutSnapshot) -> None:
        self.tape.approve(session.provider_session_id)
        self.tape.take(session.provider_session_id)

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        order = self.tape.orders[session.provider_session_id]
        (capture,) = order["purchase_units"][0]["payments"]["captures"]
        body = event("PAYMENT.CAPTURE.COMPLETED", capture)
        return signed(body), body

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        return signed(body, secret=secret, age_seconds=age_seconds)

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        self.tape.give_back(payment.provider_payment_id, f"{minor / 100:.2f}")

    def settle_refunds(self) -> None:
        pass  # they succeed at once

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        order = self.tape.orders[payment.provider_session_id]
        refund = order["purchase_units"][0]["payments"]["refunds"][-1]
        body = event("PAYMENT.CAPTURE.REFUNDED", refund, "refund")
        return signed(body), body

    def unknown_event(self) -> bytes:
        return event("VAULT.PAYMENT-TOKEN.CREATED", {"id": "v1"}, "payment_token")


def approved(provider: PayPalProvider, tape: PayPalTape) -> str:
    session_id = provider.create_checkout(REQUEST).provider_session_id
    tape.approve(session_id)
    return session_id


class TestOrders:
    def test_asks_for_exactly_this(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session = provider.create_checkout(REQUEST)

        method, path, _query, body, headers = tape.calls[-1]
        assert (method, path) == ("POST", "/v2/checkout/orders")
        assert headers["PayPal-Request-Id"] == REQUEST.idempotency_key
        (unit,) = body["purchase_units"]
        assert unit["amount"] == {"currency_code": "EUR", "value": "12.50"}
        assert unit["custom_id"] == f"{REQUEST.reference}.{REQUEST.link_reference}"
        context = body["payment_source"]["paypal"]["experience_context"]
        assert context["return_url"] == REQUEST.return_url
        assert context["locale"] == "de"
        assert "email" not in str(body)
        assert session.url.endswith("checkoutnow?token=ORDER0")
        assert session.expires_at == datetime(2026, 11, 18, 12, 31, 40, tzinfo=UTC)

    def test_agreement_is_no_payment(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = approved(provider, tape)

        found = provider.fetch_checkout(session_id)

        assert found.awaits_capture
        assert found.state is SessionState.OPEN
        assert found.payments == ()

    def test_captures_once_a_key(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = approved(provider, tape)

        taken = provider.capture(session_id, "chk_1")
        again = provider.capture(session_id, "chk_1")
        other = provider.capture(session_id, "chk_2")

        (payment,) = taken.payments
        assert payment.state is SeenState.SUCCEEDED
        assert payment.fee == Money(66, "EUR")
        assert not taken.awaits_capture
        assert again.payments == other.payments == taken.payments
        assert len(tape.captures) == 1

    def test_a_capture_that_is_declined_is_refused_for_good(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = approved(provider, tape)
        tape.declines = True

        with pytest.raises(ProviderRejected, match="INSTRUMENT_DECLINED"):
            provider.capture(session_id, "chk_1")

    def test_nothing_is_captured_that_nobody_agreed_to(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = provider.create_checkout(REQUEST).provider_session_id

        with pytest.raises(ProviderRejected, match="ORDER_NOT_APPROVED"):
            provider.capture(session_id, "chk_1")

        assert tape.captures == {}

    @pytest.mark.parametrize(
        ("status", "state"),
        [
            ("PENDING", SeenState.PROCESSING),
            ("DECLINED", SeenState.FAILED),
            ("FAILED", SeenState.FAILED),
            ("REFUNDED", SeenState.SUCCEEDED),
        ],
    )
    def test_reads_every_state_of_a_capture(
        self, status: str, state: SeenState, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = approved(provider, tape)
        capture = tape.take(session_id, status, status_details={"reason": "ECHECK"})

        seen = provider.fetch_payment(capture["id"])

        assert seen.state is state
        assert seen.fee is None
        assert seen.failure == ("ECHECK" if state is SeenState.FAILED else "")

    def test_a_state_nobody_knows_is_not_paid(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = approved(provider, tape)
        capture = tape.take(session_id, "TELEPORTED")
        tape.orders[session_id]["status"] = "TELEPORTED"

        found = provider.fetch_checkout(session_id)
        assert (found.state, found.payments) == (SessionState.UNKNOWN, ())
        with pytest.raises(ProviderUnavailable):
            provider.fetch_payment(capture["id"])

    def test_a_fee_in_another_currency_is_not_known(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = approved(provider, tape)
        capture = tape.take(session_id)
        breakdown = capture["seller_receivable_breakdown"]
        breakdown["paypal_fee"]["currency_code"] = "USD"

        assert provider.fetch_payment(capture["id"]).fee is None


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "value"),
        [
            (Money(1, "EUR"), "0.01"),
            (Money(123456, "USD"), "1234.56"),
            (Money(1250, "JPY"), "1250"),
            (Money(120000, "HUF"), "1200"),
            (Money(300, "TWD"), "3"),
        ],
    )
    def test_writes_amounts_and_reads_them_back(
        self, amount: Money, value: str, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session = provider.create_checkout(replace(REQUEST, amount=amount))
        tape.take(session.provider_session_id)

        assert tape.calls[0][3]["purchase_units"][0]["amount"]["value"] == value
        (seen,) = provider.fetch_checkout(session.provider_session_id).payments
        assert seen.amount == amount

    @pytest.mark.parametrize(
        "amount", [Money(120050, "HUF"), Money(1250, "KWD"), Money(500, "XAF")]
    )
    def test_refuses_before_the_call_what_paypal_cannot_say(
        self, amount: Money, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        with pytest.raises(ProviderRejected):
            provider.create_checkout(replace(REQUEST, amount=amount))

        assert tape.calls == []

    @pytest.mark.parametrize(
        "value", ["", "12.505", "-1.00", "NaN", "1e400", "12,50", "Infinity", "1" * 40]
    )
    def test_an_amount_that_is_none_is_no_answer(
        self, value: str, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        session_id = approved(provider, tape)
        amount = {"currency_code": "EUR", "value": value}
        capture = tape.take(session_id, amount=amount)

        with pytest.raises(ProviderUnavailable):
            provider.fetch_payment(capture["id"])


class TestRefunds:
    def test_tells_refunds_of_a_payment_whoever_made_them(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        capture = tape.take(approved(provider, tape))
        request = RefundRequest("rfd_1", capture["id"], Money(400, "EUR"))

        first = provider.refund(request)
        again = provider.refund(request)
        tape.give_back(capture["id"], "1.00", status="PENDING")

        assert first == again
        ours, theirs = provider.fetch_payment(capture["id"]).refunds
        assert (ours.reference, ours.amount) == ("rfd_1", Money(400, "EUR"))
        assert ours.state is RefundState.SUCCEEDED
        assert (theirs.reference, theirs.state) == ("", RefundState.PENDING)

    def test_more_than_is_left_is_refused(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        capture = tape.take(approved(provider, tape))

        with pytest.raises(ProviderRejected, match="REFUND_AMOUNT_EXCEEDED"):
            provider.refund(RefundRequest("rfd_1", capture["id"], Money(1251, "EUR")))

    def test_a_webhook_about_a_refund_names_its_payment(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        capture = tape.take(approved(provider, tape))
        refund = tape.give_back(capture["id"], "1.00")

        told = provider.parse_webhook(
            event("PAYMENT.CAPTURE.REFUNDED", refund, "refund")
        )

        assert told.provider_payment_id == capture["id"]


class TestAccount:
    def test_lists_payments_by_the_events_of_our_app(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        capture = tape.take(approved(provider, tape))
        refund = tape.give_back(capture["id"], "1.00")
        tape.events = [
            {
                "id": "WH-3",
                "event_type": "PAYMENT.CAPTURE.REFUNDED",
                "resource_type": "refund",
                "resource": refund,
            },
            {
                "id": "WH-2",
                "event_type": "PAYMENT.CAPTURE.COMPLETED",
                "resource": capture,
            },
            {
                "id": "WH-1",
                "event_type": "CHECKOUT.ORDER.APPROVED",
                "resource": {"id": "ORDER0"},
            },
        ]

        (seen,) = provider.list_payments(datetime.now(UTC) - timedelta(days=90))

        assert seen.provider_payment_id == capture["id"]
        (asked,) = [query for _m, path, query, *_ in tape.calls if "events" in path]
        assert asked["end_time"].endswith("Z")
        begun = datetime.fromisoformat(asked["start_time"])
        assert begun > datetime.now(UTC) - timedelta(days=30)

    def test_a_list_that_leads_back_to_itself_ends(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        event = {"id": "WH-1", "event_type": "OTHER", "resource": {}}
        links = [{"rel": "next", "href": "https://api.paypal.com/x?page_size=1"}]
        tape.next_replies = [(200, {"events": [event], "links": links})] * 5

        assert list(provider.list_payments(datetime.now(UTC))) == []

        assert len(tape.calls) == 2

    def test_says_what_is_missing(
        self, provider: PayPalProvider, tape: PayPalTape
    ) -> None:
        tape.webhook["event_types"].pop()
        assert "CUSTOMER.DISPUTE.RESOLVED" in provider.check_account()
        tape.webhook["url"] = "https://shop.example/webhooks/paypal"
        assert "another address" in provider.check_account()
        tape.webhook = {}
        assert "no webhook with this id" in provider.check_account()
        tape.refuses_bearers = True
        assert "refuses the client id" in provider.check_account()
