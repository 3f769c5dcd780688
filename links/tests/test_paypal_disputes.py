"""Disputes at PayPal: what is asked, and how its words are read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from links.providers import paypal_webhooks
from links.providers.base import (
    DisputeSnapshot,
    DisputeState,
    ProviderRejected,
    ProviderUnavailable,
)
from links.providers.paypal import PayPalProvider
from merchant_portal.lib.money import Money

from .paypal_tape import CLIENT_ID, SECRET, PayPalTape, event

NAME = "PP-D-4012"
DISPUTE = {
    "dispute_id": NAME,
    "create_time": "2026-11-18T09:00:00.000Z",
    "update_time": "2026-11-19T10:00:00.000Z",
    "disputed_transactions": [
        {"buyer_transaction_id": "BUYERS", "seller_transaction_id": "CAPTURE0"}
    ],
    "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
    "status": "WAITING_FOR_SELLER_RESPONSE",
    "dispute_amount": {"currency_code": "EUR", "value": "12.50"},
    "dispute_life_cycle_stage": "INQUIRY",
    "seller_response_due_date": "2026-12-01T12:00:00.000Z",
}


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.PAYPAL_CLIENT_ID = CLIENT_ID
    settings.PAYPAL_CLIENT_SECRET = SECRET
    settings.PAYPAL_API_BASE = ""


@pytest.fixture
def tape() -> PayPalTape:
    tape = PayPalTape()
    tape.disputes[NAME] = dict(DISPUTE)
    return tape


@pytest.fixture
def provider(tape: PayPalTape) -> PayPalProvider:
    return PayPalProvider(tape.client())


def test_tells_all_that_is_to_be_booked(
    provider: PayPalProvider, tape: PayPalTape
) -> None:
    assert provider.fetch_dispute(NAME) == DisputeSnapshot(
        account_slug="paypal",
        provider_dispute_id=NAME,
        provider_payment_id="CAPTURE0",
        state=DisputeState.NEEDS_RESPONSE,
        amount=Money(1250, "EUR"),
        reason="MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        opened_at=datetime(2026, 11, 18, 9, tzinfo=UTC),
        respond_by=datetime(2026, 12, 1, 12, tzinfo=UTC),
        changed_at=datetime(2026, 11, 19, 10, tzinfo=UTC),
    )
    assert [call[:2] for call in tape.calls] == [
        ("GET", f"/v1/customer/disputes/{NAME}")
    ]
    assert provider.capabilities.disputes


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("OPEN", DisputeState.NEEDS_RESPONSE),
        ("WAITING_FOR_SELLER_RESPONSE", DisputeState.NEEDS_RESPONSE),
        ("WAITING_FOR_BUYER_RESPONSE", DisputeState.UNDER_REVIEW),
        ("UNDER_REVIEW", DisputeState.UNDER_REVIEW),
        ("OTHER", DisputeState.UNDER_REVIEW),
        ("A_STATE_OF_TOMORROW", DisputeState.UNDER_REVIEW),
        (None, DisputeState.UNDER_REVIEW),
    ],
)
def test_reads_each_state(
    provider: PayPalProvider, tape: PayPalTape, status: Any, state: DisputeState
) -> None:
    tape.disputes[NAME]["status"] = status

    assert provider.fetch_dispute(NAME).state is state


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("RESOLVED_BUYER_FAVOUR", DisputeState.LOST),
        ("ACCEPTED", DisputeState.LOST),
        ("RESOLVED_SELLER_FAVOUR", DisputeState.WON),
        ("RESOLVED_WITH_PAYOUT", DisputeState.WON),
        ("CANCELED_BY_BUYER", DisputeState.WON),
        ("DENIED", DisputeState.WON),
        ("NONE", DisputeState.UNDER_REVIEW),
        ("AN_OUTCOME_OF_TOMORROW", DisputeState.UNDER_REVIEW),
        (None, DisputeState.UNDER_REVIEW),
    ],
)
def test_a_resolved_one_ends_as_its_outcome_says_and_never_guesses_won(
    provider: PayPalProvider, tape: PayPalTape, outcome: Any, state: DisputeState
) -> None:
    tape.disputes[NAME].update(
        status="RESOLVED", dispute_outcome={"outcome_code": outcome}
    )

    assert provider.fetch_dispute(NAME).state is state


@pytest.mark.parametrize("transactions", [None, [], ["x"], [{}]])
def test_what_is_not_said_is_left_out(
    provider: PayPalProvider, tape: PayPalTape, transactions: Any
) -> None:
    tape.disputes[NAME].update(
        disputed_transactions=transactions,
        seller_response_due_date=None,
        update_time=None,
    )

    seen = provider.fetch_dispute(NAME)

    assert (seen.provider_payment_id, seen.respond_by) == ("", None)
    assert seen.changed_at == seen.opened_at


@pytest.mark.parametrize("changes", [{"dispute_id": ""}, {"create_time": "today"}])
def test_half_an_answer_is_none(
    provider: PayPalProvider, tape: PayPalTape, changes: dict[str, Any]
) -> None:
    tape.disputes[NAME].update(changes)

    with pytest.raises(ProviderUnavailable):
        provider.fetch_dispute(NAME)


@pytest.mark.parametrize("name", ["PP-D-0", "../orders", "", "PP D", "x" * 256])
def test_rejects_one_it_does_not_know(provider: PayPalProvider, name: str) -> None:
    with pytest.raises(ProviderRejected):
        provider.fetch_dispute(name)


@pytest.mark.parametrize("kind", paypal_webhooks.DISPUTE_EVENTS)
def test_an_event_leads_to_its_dispute(provider: PayPalProvider, kind: str) -> None:
    told = provider.parse_webhook(event(kind, DISPUTE, "dispute"))

    assert told.provider_dispute_id == NAME
    assert (told.provider_session_id, told.provider_payment_id) == ("", "")
    assert kind in provider.webhook_events
