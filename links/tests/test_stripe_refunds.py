"""Refunds at Stripe, beyond the contract: what is sent, and how its words are read."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from links.providers.base import (
    PaymentSnapshot,
    ProviderBusy,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RefundState,
)
from links.providers.stripe import StripeProvider
from merchant_portal.lib.money import Money

from .provider_contract import REQUEST
from .refund_contract import FIRST, SECOND, request_for
from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET, StripeTape, recorded


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


@pytest.fixture
def payment(provider: StripeProvider, tape: StripeTape) -> PaymentSnapshot:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    (payment,) = provider.fetch_checkout(session.provider_session_id).payments
    tape.calls.clear()
    return payment


def test_asks_for_the_amount_with_our_reference_as_the_key(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot
) -> None:
    provider.refund(request_for(payment, 500))

    ((method, path, form, headers),) = tape.calls
    assert (method, path) == ("post", "/v1/refunds")
    assert headers["Idempotency-Key"] == FIRST
    assert form == {
        "payment_intent": payment.provider_payment_id,
        "amount": "500",
        "metadata[refund]": FIRST,
    }


def test_counts_as_stripe_does(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot
) -> None:
    made = {**recorded("refund"), "amount": 12_500, "currency": "isk"}
    tape.next_replies = [(200, made)]

    refund = provider.refund(replace(request_for(payment, 1), amount=Money(125, "ISK")))

    assert tape.calls[0][2]["amount"] == "12500"
    assert refund.amount == Money(125, "ISK")


def test_refuses_what_stripe_cannot_say_before_any_call(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot
) -> None:
    with pytest.raises(ProviderRejected):
        provider.refund(replace(request_for(payment, 1), amount=Money(1234, "KWD")))

    assert tape.calls == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, "error_already_refunded", ProviderRejected),
        (400, "error_refund_too_large", ProviderRejected),
        (400, "error_idempotency", ProviderRejected),
        (404, "error_no_such", ProviderRejected),
        (409, "error_lock_timeout", ProviderUnavailable),
        (429, "error_rate_limit", ProviderBusy),
        (500, "error_api", ProviderUnavailable),
    ],
)
def test_says_what_to_do_about_an_error(
    provider: StripeProvider,
    tape: StripeTape,
    payment: PaymentSnapshot,
    status: int,
    body: str,
    error: type[ProviderError],
) -> None:
    tape.next_replies = [(status, recorded(body))]

    with pytest.raises(error) as caught:
        provider.refund(request_for(payment, 500))

    assert type(caught.value) is error
    assert len(tape.calls) == 1


@pytest.mark.parametrize(
    "reply",
    [
        stripe.APIConnectionError("timed out"),  # type: ignore[no-untyped-call]
        (200, "<html>a proxy's page</html>"),
        (200, {**recorded("refund"), "amount": "500"}),
        (200, {**recorded("refund"), "amount": 500.0}),
        (200, {**recorded("refund"), "currency": "zzz"}),
        (200, {**recorded("refund"), "created": None}),
        (200, {**recorded("refund"), "id": None}),
    ],
)
def test_an_answer_that_cannot_be_understood_is_no_refusal(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot, reply: Any
) -> None:
    tape.next_replies = [reply]

    with pytest.raises(ProviderUnavailable):
        provider.refund(request_for(payment, 500))


@pytest.mark.parametrize(
    ("status", "reason", "state", "failure"),
    [
        ("succeeded", None, RefundState.SUCCEEDED, ""),
        ("pending", None, RefundState.PENDING, ""),
        ("requires_action", None, RefundState.PENDING, ""),
        ("failed", "declined", RefundState.FAILED, "declined"),
        ("failed", None, RefundState.FAILED, "failed"),
        ("canceled", None, RefundState.FAILED, "canceled"),
        ("a_state_of_tomorrow", None, RefundState.PENDING, ""),
        (None, "declined", RefundState.PENDING, ""),
    ],
)
def test_a_state_it_does_not_know_is_under_way(
    provider: StripeProvider,
    tape: StripeTape,
    payment: PaymentSnapshot,
    status: str | None,
    reason: str | None,
    state: RefundState,
    failure: str,
) -> None:
    identity = payment.provider_payment_id
    tape.give_back(identity, 300, status=status, failure_reason=reason)

    (seen,) = provider.fetch_payment(identity).refunds

    assert (seen.state, seen.failure) == (state, failure)
    assert seen.occurred_at == datetime.fromtimestamp(1795100000, tz=UTC)


@pytest.mark.parametrize("metadata", [None, [], {}, {"refund": 7}, {"refund": None}])
def test_is_made_elsewhere_without_our_metadata(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot, metadata: Any
) -> None:
    tape.give_back(payment.provider_payment_id, 300, metadata=metadata)

    (seen,) = provider.fetch_payment(payment.provider_payment_id).refunds

    assert seen.reference == ""


def test_asks_a_charge_for_its_refunds(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot
) -> None:
    provider.fetch_payment(payment.provider_payment_id)
    provider.fetch_checkout(payment.provider_session_id)

    alone, within = (form for _, _, form, _ in tape.calls)
    assert alone["expand[1]"] == "latest_charge.refunds"
    assert within["expand[1]"] == "payment_intent.latest_charge.refunds"


def test_reads_on_where_a_charge_names_only_its_newest(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot
) -> None:
    for minor in range(1, 106):
        tape.give_back(payment.provider_payment_id, minor)
    tape.give_back("pi_another", 300)

    alone = provider.fetch_payment(payment.provider_payment_id).refunds
    (within,) = provider.fetch_checkout(payment.provider_session_id).payments

    assert [refund.amount.amount_minor for refund in alone] == list(range(1, 106))
    assert within.refunds == alone
    pages = [form for _, path, form, _ in tape.calls if path == "/v1/refunds"]
    assert [page.get("starting_after") for page in pages] == [None, "re_5"] * 2


def test_reads_the_list_where_a_charge_names_none(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot
) -> None:
    refund = tape.give_back(payment.provider_payment_id, 300)
    intent = {**recorded("payment_intent_succeeded"), "id": refund["payment_intent"]}
    del intent["latest_charge"]["refunds"]
    tape.next_replies = [(200, intent)]

    seen = provider.fetch_payment(payment.provider_payment_id)

    assert [refund.amount.amount_minor for refund in seen.refunds] == [300]


def test_lists_payments_that_were_refunded(
    provider: StripeProvider, tape: StripeTape, payment: PaymentSnapshot
) -> None:
    tape.events.clear()
    tape.give_back(None, 300)
    provider.refund(request_for(payment, 500))
    provider.refund(request_for(payment, 200, SECOND))
    tape.calls.clear()

    (seen,) = provider.list_payments(datetime(2026, 11, 1, tzinfo=UTC))

    assert [refund.reference for refund in seen.refunds] == [FIRST, SECOND]
    form = tape.calls[0][2]
    asked = {value for name, value in form.items() if name.startswith("types")}
    assert asked >= {"charge.refunded", "refund.updated", "refund.failed"}
