import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from links.providers.base import (
    CheckoutSnapshot,
    PaymentSnapshot,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    SeenState,
    SessionState,
)
from links.providers.stripe import StripeProvider, session_parameters
from merchant_portal.lib.money import Money

from .provider_contract import REQUEST, Signed
from .refund_contract import RefundContract
from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET, StripeTape, recorded, signed


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.STRIPE_API_BASE = ""


@pytest.fixture
def tape() -> StripeTape:
    return StripeTape()


@pytest.fixture
def provider(tape: StripeTape) -> StripeProvider:
    return StripeProvider(http_client=tape)


class TestContract(RefundContract):
    tape: StripeTape

    @pytest.fixture
    def provider(self) -> StripeProvider:
        self.tape = StripeTape()
        return StripeProvider(http_client=self.tape)

    def pay(self, session: CheckoutSnapshot) -> None:
        self.tape.pay(session.provider_session_id)

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        event = recorded("event_session_completed")
        event["data"]["object"]["id"] = session.provider_session_id
        body = json.dumps(event, indent=2).encode()
        return signed(body), body

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        return signed(body, secret=secret, age_seconds=age_seconds)

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        self.tape.give_back(payment.provider_payment_id, minor)

    def settle_refunds(self) -> None:
        """They succeed at once."""

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        event = recorded("event_refund_created")
        event["data"]["object"] = self.tape.refunds[0]
        body = json.dumps(event, indent=2).encode()
        return signed(body), body

    def unknown_event(self) -> bytes:
        return json.dumps(recorded("event_unknown")).encode()


def test_asks_for_one_line_with_our_references(
    provider: StripeProvider, tape: StripeTape
) -> None:
    provider.create_checkout(REQUEST)

    ((method, path, form, headers),) = tape.calls
    assert (method, path) == ("post", "/v1/checkout/sessions")
    assert headers["Idempotency-Key"] == REQUEST.idempotency_key
    assert headers["Stripe-Version"] == "2026-10-28.endive"
    assert form == {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "1250",
        "line_items[0][price_data][product_data][name]": REQUEST.title,
        "client_reference_id": REQUEST.link_reference,
        "metadata[checkout]": REQUEST.reference,
        "metadata[link]": REQUEST.link_reference,
        "payment_intent_data[metadata][checkout]": REQUEST.reference,
        "payment_intent_data[metadata][link]": REQUEST.link_reference,
        "payment_intent_data[description]": REQUEST.title,
        "adaptive_pricing[enabled]": "false",
        "success_url": REQUEST.return_url,
        "cancel_url": REQUEST.cancel_url,
        "customer_email": "ada@example.com",
        "locale": "de",
    }


def test_sends_the_expiry_it_was_given_at_every_repeat(
    provider: StripeProvider, tape: StripeTape
) -> None:
    at = datetime(2026, 3, 10, 12, 31, tzinfo=UTC)  # long past: nothing is adjusted
    request = replace(REQUEST, expires_at=at)

    first, again = (provider.create_checkout(request) for _ in range(2))

    assert again == first
    sent = [form["expires_at"] for _, _, form, _ in tape.calls]
    assert sent == ["1773145860"] * 2


@pytest.mark.parametrize(
    ("language", "locale"),
    [
        ("de", "de"),
        ("pt-br", "pt-BR"),
        ("fr_CA", "fr-CA"),
        ("de-AT", "de"),
        ("ar", "auto"),
        ("", "auto"),
    ],
)
def test_speaks_the_payers_language(language: str, locale: str) -> None:
    assert session_parameters(replace(REQUEST, language=language))["locale"] == locale


def test_leaves_out_an_address_it_was_not_given() -> None:
    assert "customer_email" not in session_parameters(
        replace(REQUEST, customer_email="")
    )


@pytest.mark.parametrize("amount", [Money(1234, "KWD"), Money(100, "XOF")])
def test_refuses_an_amount_before_any_call(
    provider: StripeProvider, tape: StripeTape, amount: Money
) -> None:
    if amount.currency == "XOF":
        amount = Money(10**9, "XOF")

    with pytest.raises(ProviderRejected):
        provider.create_checkout(replace(REQUEST, amount=amount))

    assert tape.calls == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, "error_amount_too_small", ProviderRejected),
        (400, "error_idempotency", ProviderRejected),
        (402, "error_card_declined", ProviderRejected),
        (404, "error_no_such", ProviderRejected),
        (401, "error_authentication", ProviderMisconfigured),
        (403, "error_permission", ProviderMisconfigured),
        (409, "error_lock_timeout", ProviderUnavailable),
        (429, "error_rate_limit", ProviderBusy),
        (500, "error_api", ProviderUnavailable),
        (503, "error_api", ProviderUnavailable),
    ],
)
def test_says_what_to_do_about_an_error(
    provider: StripeProvider,
    tape: StripeTape,
    status: int,
    body: str,
    error: type[ProviderError],
) -> None:
    tape.next_replies = [(status, recorded(body))]

    with pytest.raises(error) as caught:
        provider.create_checkout(REQUEST)

    assert type(caught.value) is error
    assert "req_tape" in str(caught.value)
    assert "sk_test" not in str(caught.value)
    assert len(tape.calls) == 1  # the caller repeats, with the key it has stored


@pytest.mark.parametrize(
    "reply",
    [
        stripe.APIConnectionError("timed out"),  # type: ignore[no-untyped-call]
        (200, "<html>a proxy's page</html>"),
        (502, "<html>bad gateway</html>"),
        (200, "[]"),
    ],
)
def test_takes_no_answer_that_counts_as_unknown(
    provider: StripeProvider, tape: StripeTape, reply: Any
) -> None:
    tape.next_replies = [reply]

    with pytest.raises(ProviderUnavailable):
        provider.create_checkout(REQUEST)


def test_reads_fee_method_and_time_of_a_payment(
    provider: StripeProvider, tape: StripeTape
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)

    (payment,) = provider.fetch_checkout(session.provider_session_id).payments

    assert payment.fee == Money(61, "EUR")
    assert payment.method == "klarna"
    assert payment.occurred_at == datetime.fromtimestamp(1795000300, tz=UTC)
    assert payment.failure == ""
    form = tape.calls[-1][2]
    assert form["expand[0]"] == "payment_intent.latest_charge.balance_transaction"


@pytest.mark.parametrize(
    "booked", [None, "txn_1", {"fee": 61, "currency": "usd"}, {"currency": "eur"}]
)
def test_tells_no_fee_that_is_unknown_or_in_another_currency(
    provider: StripeProvider, tape: StripeTape, booked: Any
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    intent = tape.sessions[session.provider_session_id]["payment_intent"]
    intent["latest_charge"]["balance_transaction"] = booked

    (payment,) = provider.fetch_checkout(session.provider_session_id).payments

    assert payment.fee is None
    assert payment.state is SeenState.SUCCEEDED


def test_a_slow_debit_is_processing_until_the_money_came(
    provider: StripeProvider, tape: StripeTape
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id, "payment_intent_processing")

    seen = provider.fetch_checkout(session.provider_session_id)

    assert seen.state is SessionState.COMPLETED
    (payment,) = seen.payments
    assert payment.state is SeenState.PROCESSING
    assert payment.fee is None
    assert payment.method == "sepa_debit"


def test_an_unpaid_session_is_never_paid_whatever_else_is_said(
    provider: StripeProvider, tape: StripeTape
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    tape.sessions[session.provider_session_id]["payment_status"] = "unpaid"

    (payment,) = provider.fetch_checkout(session.provider_session_id).payments

    assert payment.state is SeenState.PROCESSING


def test_a_declined_card_leaves_the_session_open(
    provider: StripeProvider, tape: StripeTape
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id, "payment_intent_failed")
    tape.sessions[session.provider_session_id]["status"] = "open"

    seen = provider.fetch_checkout(session.provider_session_id)

    assert seen.state is SessionState.OPEN
    (payment,) = seen.payments
    assert payment.state is SeenState.FAILED
    assert payment.failure == "Your card has insufficient funds."


@pytest.mark.parametrize("status", ["requires_action", "a_state_of_tomorrow"])
def test_an_attempt_in_the_making_is_no_payment(
    provider: StripeProvider, tape: StripeTape, status: str
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    stored = tape.sessions[session.provider_session_id]
    stored["status"] = status
    stored["payment_intent"].update(status=status)

    seen = provider.fetch_checkout(session.provider_session_id)

    assert seen.state is SessionState.UNKNOWN
    assert seen.payments == ()


def test_tells_what_came_not_what_was_asked(
    provider: StripeProvider, tape: StripeTape
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    intent = tape.sessions[session.provider_session_id]["payment_intent"]
    intent.update(amount_received=1000, currency="usd")

    (payment,) = provider.fetch_checkout(session.provider_session_id).payments

    assert payment.amount == Money(1000, "USD")


@pytest.mark.parametrize("received", [None, "1250", 12.5, True])
def test_refuses_an_amount_that_is_no_whole_number(
    provider: StripeProvider, tape: StripeTape, received: Any
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    intent = tape.sessions[session.provider_session_id]["payment_intent"]
    intent["amount_received"] = received

    with pytest.raises(ProviderRejected):
        provider.fetch_checkout(session.provider_session_id)


def test_lists_each_changed_payment_once_oldest_first(
    provider: StripeProvider, tape: StripeTape
) -> None:
    first = provider.create_checkout(replace(REQUEST, idempotency_key="a"))
    second = provider.create_checkout(replace(REQUEST, idempotency_key="b"))
    for session in (first, second, first):
        tape.pay(session.provider_session_id)

    seen = list(provider.list_payments(datetime(2026, 11, 1, tzinfo=UTC)))

    assert [p.provider_payment_id for p in seen] == ["pi_test_0", "pi_test_1"]
    form = next(form for _, path, form, _ in tape.calls if path == "/v1/events")
    assert form["created[gte]"] == "1793491200"
    assert form["types[0]"] == "payment_intent.succeeded"


def test_a_payment_that_was_never_tried_is_left_out_of_the_list(
    provider: StripeProvider, tape: StripeTape
) -> None:
    for key in ("a", "b"):
        session = provider.create_checkout(replace(REQUEST, idempotency_key=key))
        tape.pay(session.provider_session_id)
    tape.intents["pi_test_0"]["status"] = "requires_action"

    seen = list(provider.list_payments(datetime(2026, 11, 1, tzinfo=UTC)))

    assert [p.provider_payment_id for p in seen] == ["pi_test_1"]
    with pytest.raises(ProviderRejected, match="Nobody has tried"):
        provider.fetch_payment("pi_test_0")


def test_says_which_account_setting_is_missing(
    provider: StripeProvider, tape: StripeTape, settings: Any
) -> None:
    tape.next_replies = [
        (200, {**recorded("account"), "charges_enabled": False}),
        (401, recorded("error_authentication")),
    ]

    assert "finish its set-up" in provider.check_account()
    assert "refuses the secret key" in provider.check_account()
    settings.STRIPE_SECRET_KEY = ""
    assert "secret key is not set" in provider.check_account()
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert "signing secret of Stripe's webhook is not set" in provider.check_account()
