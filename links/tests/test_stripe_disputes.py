"""Disputes at Stripe: what is asked, and how its words are read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from links.providers import stripe_webhooks
from links.providers.base import (
    DisputeSnapshot,
    DisputeState,
    ProviderRejected,
    ProviderUnavailable,
)
from links.providers.stripe import StripeProvider
from merchant_portal.lib.money import Money

from .stripe_tape import SECRET_KEY, StripeTape, recorded


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_API_BASE = ""


@pytest.fixture
def tape() -> StripeTape:
    tape = StripeTape()
    tape.disputes["dp_1"] = recorded("dispute")
    return tape


@pytest.fixture
def provider(tape: StripeTape) -> StripeProvider:
    return StripeProvider(http_client=tape)


def test_tells_all_that_is_to_be_booked(
    provider: StripeProvider, tape: StripeTape
) -> None:
    assert provider.fetch_dispute("dp_1") == DisputeSnapshot(
        account_slug="stripe",
        provider_dispute_id="dp_1",
        provider_payment_id="pi_1",
        state=DisputeState.NEEDS_RESPONSE,
        amount=Money(1250, "EUR"),
        reason="product_not_received",
        opened_at=datetime.fromtimestamp(1_795_000_000, tz=UTC),
        respond_by=datetime.fromtimestamp(1_795_604_799, tz=UTC),
    )
    ((method, path, _form, _headers),) = tape.calls
    assert (method, path) == ("get", "/v1/disputes/dp_1")
    assert provider.capabilities.disputes


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", DisputeState.NEEDS_RESPONSE),
        ("needs_response", DisputeState.NEEDS_RESPONSE),
        ("appeal_needs_response", DisputeState.NEEDS_RESPONSE),
        ("warning_under_review", DisputeState.UNDER_REVIEW),
        ("under_review", DisputeState.UNDER_REVIEW),
        ("appeal_under_review", DisputeState.UNDER_REVIEW),
        ("won", DisputeState.WON),
        ("warning_closed", DisputeState.WON),
        ("lost", DisputeState.LOST),
        ("a_state_of_tomorrow", DisputeState.UNDER_REVIEW),
        (None, DisputeState.UNDER_REVIEW),
        (["won"], DisputeState.UNDER_REVIEW),
    ],
)
def test_reads_each_state_and_never_guesses_won(
    provider: StripeProvider, tape: StripeTape, status: Any, state: DisputeState
) -> None:
    tape.disputes["dp_1"]["status"] = status

    assert provider.fetch_dispute("dp_1").state is state


@pytest.mark.parametrize(
    ("amounts", "state"),
    [
        ([], DisputeState.WON),
        ([-1250], DisputeState.LOST),
        ([-1250, 1250], DisputeState.WON),
    ],
)
def test_one_that_was_prevented_is_lost_if_the_money_is_gone(
    provider: StripeProvider, tape: StripeTape, amounts: list[int], state: DisputeState
) -> None:
    tape.disputes["dp_1"].update(
        status="prevented",
        balance_transactions=[{"id": "txn", "amount": units} for units in amounts],
    )

    assert provider.fetch_dispute("dp_1").state is state


@pytest.mark.parametrize(
    ("changes", "payment_id"),
    [
        ({"payment_intent": None}, ""),
        ({"evidence_details": {"due_by": None}}, "pi_1"),
        ({"evidence_details": None}, "pi_1"),
    ],
)
def test_what_is_not_said_is_left_out(
    provider: StripeProvider, tape: StripeTape, changes: Any, payment_id: str
) -> None:
    tape.disputes["dp_1"].update(changes)

    seen = provider.fetch_dispute("dp_1")

    assert seen.provider_payment_id == payment_id
    assert (seen.respond_by is None) is ("evidence_details" in changes)


@pytest.mark.parametrize("changes", [{"id": ""}, {"created": "today"}])
def test_half_an_answer_is_none(
    provider: StripeProvider, tape: StripeTape, changes: dict[str, Any]
) -> None:
    tape.disputes["dp_1"].update(changes)

    with pytest.raises(ProviderUnavailable):
        provider.fetch_dispute("dp_1")


def test_rejects_one_it_does_not_know(provider: StripeProvider) -> None:
    with pytest.raises(ProviderRejected):
        provider.fetch_dispute("dp_none")


@pytest.mark.parametrize("kind", stripe_webhooks.DISPUTE_EVENTS)
def test_an_event_leads_to_its_dispute(provider: StripeProvider, kind: str) -> None:
    event = {**recorded("event_dispute_created"), "type": kind}

    told = provider.parse_webhook(json.dumps(event).encode())

    assert told.provider_dispute_id == "dp_1"
    assert (told.provider_session_id, told.provider_payment_id) == ("", "")
    assert kind in provider.webhook_events
