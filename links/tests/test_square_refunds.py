"""Refunds at Square, beyond the contract: what is sent, and how its words are read."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from links.providers.base import (
    ForeignPayment,
    PaymentSnapshot,
    ProviderBusy,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RefundState,
)
from links.providers.square import SquareProvider

from .provider_contract import REQUEST
from .refund_contract import FIRST, SECOND, request_for
from .square_tape import LOCATION, NOW, TOKEN, SquareTape, error

POS = {"square_product": "SQUARE_POS"}
MADE = {
    "id": "re1",
    "status": "PENDING",
    "amount_money": {"amount": 500, "currency": "EUR"},
    "created_at": NOW,
    "reason": FIRST,
}


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.SQUARE_ACCESS_TOKEN = TOKEN
    settings.SQUARE_LOCATION_ID = LOCATION
    settings.SQUARE_API_BASE = ""


@pytest.fixture
def tape() -> SquareTape:
    return SquareTape()


@pytest.fixture
def provider(tape: SquareTape) -> SquareProvider:
    return SquareProvider(http_client=tape.client())


@pytest.fixture
def payment(provider: SquareProvider, tape: SquareTape) -> PaymentSnapshot:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    (payment,) = provider.fetch_checkout(session.provider_session_id).payments
    tape.calls.clear()
    return payment


def test_asks_for_the_amount_with_our_reference_as_key_and_reason(
    provider: SquareProvider, tape: SquareTape, payment: PaymentSnapshot
) -> None:
    provider.refund(request_for(payment, 500))

    ((method, path, query, body),) = tape.calls
    assert (method, path, query) == ("POST", "/v2/refunds", {})
    assert body == {
        "idempotency_key": FIRST,
        "payment_id": payment.provider_payment_id,
        "amount_money": {"amount": 500, "currency": "EUR"},
        "reason": FIRST,
    }


def test_asks_for_refunds_only_where_there_are_any(
    provider: SquareProvider, tape: SquareTape, payment: PaymentSnapshot
) -> None:
    provider.fetch_payment(payment.provider_payment_id)

    assert [path.split("/")[2] for _, path, _, _ in tape.calls] == [
        "payments",
        "orders",
    ]


@pytest.mark.parametrize(
    ("status", "category", "code", "raised"),
    [
        (400, "REFUND_ERROR", "REFUND_AMOUNT_INVALID", ProviderRejected),
        (400, "REFUND_ERROR", "REFUND_ALREADY_PENDING", ProviderRejected),
        (400, "REFUND_ERROR", "PAYMENT_NOT_REFUNDABLE", ProviderRejected),
        (400, "INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED", ProviderRejected),
        (404, "INVALID_REQUEST_ERROR", "NOT_FOUND", ProviderRejected),
        (409, "INVALID_REQUEST_ERROR", "CONFLICT", ProviderUnavailable),
        (429, "RATE_LIMIT_ERROR", "RATE_LIMITED", ProviderBusy),
        (500, "API_ERROR", "INTERNAL_SERVER_ERROR", ProviderUnavailable),
    ],
)
def test_says_what_to_do_about_an_error(
    provider: SquareProvider,
    tape: SquareTape,
    payment: PaymentSnapshot,
    status: int,
    category: str,
    code: str,
    raised: type[ProviderError],
) -> None:
    tape.next_replies = [(status, error(category, code))]

    with pytest.raises(raised, match=code) as caught:
        provider.refund(request_for(payment, 500))

    assert type(caught.value) is raised
    assert len(tape.calls) == 1


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ReadTimeout("silent"),
        (200, "<html>a proxy's page</html>"),
        (200, {}),
        (200, {"refund": {**MADE, "id": ""}}),
        (200, {"refund": {**MADE, "created_at": "yesterday"}}),
        (200, {"refund": {**MADE, "amount_money": {"amount": 5.5, "currency": "EUR"}}}),
        (200, {"refund": {**MADE, "amount_money": None}}),
    ],
)
def test_an_answer_that_cannot_be_understood_is_no_refusal(
    provider: SquareProvider, tape: SquareTape, payment: PaymentSnapshot, reply: Any
) -> None:
    tape.next_replies = [reply]

    with pytest.raises(ProviderUnavailable):
        provider.refund(request_for(payment, 500))


@pytest.mark.parametrize(
    ("status", "state", "failure"),
    [
        ("COMPLETED", RefundState.SUCCEEDED, ""),
        ("APPROVED", RefundState.PENDING, ""),
        ("PENDING", RefundState.PENDING, ""),
        ("REJECTED", RefundState.FAILED, "rejected"),
        ("FAILED", RefundState.FAILED, "failed"),
        ("A_STATE_OF_TOMORROW", RefundState.PENDING, ""),
    ],
)
def test_a_state_it_does_not_know_is_under_way(
    provider: SquareProvider,
    tape: SquareTape,
    payment: PaymentSnapshot,
    status: str,
    state: RefundState,
    failure: str,
) -> None:
    tape.give_back(payment.provider_payment_id, 300, status)

    (seen,) = provider.fetch_payment(payment.provider_payment_id).refunds

    assert (seen.state, seen.failure) == (state, failure)
    assert seen.occurred_at == datetime(2026, 11, 18, 9, 31, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "reference"),
    [
        (FIRST, FIRST),
        (SECOND, SECOND),
        (f"{FIRST} ", ""),
        (f"{FIRST}\n", ""),
        (FIRST[:-1], ""),
        (f"re: {FIRST}", ""),
        ("rfd_", ""),
        (f"rfd_{'é' * 20}", ""),
        ("Returned goods", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_reads_nothing_but_a_reference_as_one(
    provider: SquareProvider,
    tape: SquareTape,
    payment: PaymentSnapshot,
    reason: Any,
    reference: str,
) -> None:
    tape.give_back(payment.provider_payment_id, 300, reason=reason)

    (seen,) = provider.fetch_payment(payment.provider_payment_id).refunds

    assert seen.reference == reference


@pytest.mark.parametrize("name", ["unknown", "../payments"])
def test_a_refund_that_is_named_and_not_found_comes_later(
    provider: SquareProvider, tape: SquareTape, payment: PaymentSnapshot, name: str
) -> None:
    tape.payments[payment.provider_payment_id]["refund_ids"] = [name]

    with pytest.raises(ProviderUnavailable):
        provider.fetch_payment(payment.provider_payment_id)
    with pytest.raises(ProviderUnavailable):
        provider.fetch_checkout(payment.provider_session_id)


def test_lists_payments_of_which_only_the_refund_has_changed(
    provider: SquareProvider, tape: SquareTape, payment: PaymentSnapshot
) -> None:
    tape.give_back(payment.provider_payment_id, 300)
    refunds = {"refunds": list(tape.refunds.values())}
    tape.next_replies = [(200, {}), (200, refunds)]

    (seen,) = provider.list_payments(datetime(2026, 11, 1, tzinfo=UTC))

    assert [refund.amount.amount_minor for refund in seen.refunds] == [300]
    lists = [(path, query) for _, path, query, _ in tape.calls[:2]]
    assert [path for path, _ in lists] == ["/v2/payments", "/v2/refunds"]
    assert lists[0][1] == lists[1][1]
    assert lists[1][1]["updated_at_begin_time"] == "2026-11-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "changes", [{"application_details": POS}, {"location_id": "L0OTHER"}]
)
def test_a_refund_at_another_till_of_the_sellers_is_not_ours(
    provider: SquareProvider,
    tape: SquareTape,
    payment: PaymentSnapshot,
    changes: dict[str, Any],
) -> None:
    identity = payment.provider_payment_id
    tape.payments[identity].update(changes)
    tape.give_back(identity, 300)
    # An order of ours that was paid at the till is ours all the same.
    assert len(provider.fetch_payment(identity).refunds) == 1

    tape.orders["order0"]["metadata"] = {}

    with pytest.raises(ForeignPayment):
        provider.fetch_payment(identity)
    assert list(provider.list_payments(datetime(2026, 11, 1, tzinfo=UTC))) == []
