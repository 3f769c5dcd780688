"""Disputes at Square: what is asked, and how its words are read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from links.providers.base import (
    DisputeSnapshot,
    DisputeState,
    ProviderRejected,
    ProviderUnavailable,
)
from links.providers.square import SquareProvider
from merchant_portal.lib.money import Money

from .square_tape import LOCATION, TOKEN, SquareTape, event

DISPUTE = {
    "id": "ORSEVtZAJxb37RA1EiGw",
    "amount_money": {"amount": 8801, "currency": "USD"},
    "reason": "AMOUNT_DIFFERS",
    "state": "EVIDENCE_REQUIRED",
    "due_at": "2020-03-04T00:00:00.000Z",
    "disputed_payment": {"payment_id": "fbmsaEOpoARDKxiSGH1fqPuqoqFZY"},
    "card_brand": "VISA",
    "created_at": "2020-02-19T21:24:53.258Z",
    "updated_at": "2020-02-19T21:34:41.851Z",
    "reported_at": "2020-02-19T00:00:00.000Z",
    "version": 1,
    "location_id": LOCATION,
}


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.SQUARE_ACCESS_TOKEN = TOKEN
    settings.SQUARE_LOCATION_ID = LOCATION
    settings.SQUARE_API_BASE = ""


@pytest.fixture
def tape() -> SquareTape:
    tape = SquareTape()
    tape.disputes["d1"] = dict(DISPUTE)
    return tape


@pytest.fixture
def provider(tape: SquareTape) -> SquareProvider:
    return SquareProvider(http_client=tape.client())


def test_tells_all_that_is_to_be_booked(
    provider: SquareProvider, tape: SquareTape
) -> None:
    assert provider.fetch_dispute("d1") == DisputeSnapshot(
        account_slug="square",
        provider_dispute_id="ORSEVtZAJxb37RA1EiGw",
        provider_payment_id="fbmsaEOpoARDKxiSGH1fqPuqoqFZY",
        state=DisputeState.NEEDS_RESPONSE,
        amount=Money(8801, "USD"),
        reason="AMOUNT_DIFFERS",
        opened_at=datetime(2020, 2, 19, 21, 24, 53, 258_000, tzinfo=UTC),
        respond_by=datetime(2020, 3, 4, tzinfo=UTC),
        changed_at=datetime(2020, 2, 19, 21, 34, 41, 851_000, tzinfo=UTC),
    )
    assert [call[:2] for call in tape.calls] == [("GET", "/v2/disputes/d1")]
    assert provider.capabilities.disputes


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("INQUIRY_EVIDENCE_REQUIRED", DisputeState.NEEDS_RESPONSE),
        ("EVIDENCE_REQUIRED", DisputeState.NEEDS_RESPONSE),
        ("INQUIRY_PROCESSING", DisputeState.UNDER_REVIEW),
        ("PROCESSING", DisputeState.UNDER_REVIEW),
        ("INQUIRY_CLOSED", DisputeState.WON),
        ("WON", DisputeState.WON),
        ("LOST", DisputeState.LOST),
        ("ACCEPTED", DisputeState.LOST),
        ("A_STATE_OF_TOMORROW", DisputeState.UNDER_REVIEW),
        (None, DisputeState.UNDER_REVIEW),
    ],
)
def test_reads_each_state_and_never_guesses_won(
    provider: SquareProvider, tape: SquareTape, status: Any, state: DisputeState
) -> None:
    tape.disputes["d1"]["state"] = status

    assert provider.fetch_dispute("d1").state is state


def test_what_is_not_said_is_left_out(
    provider: SquareProvider, tape: SquareTape
) -> None:
    tape.disputes["d1"].update(
        due_at=None, disputed_payment=None, reason=None, updated_at=None
    )

    seen = provider.fetch_dispute("d1")

    assert (seen.provider_payment_id, seen.reason, seen.respond_by) == ("", "", None)
    assert seen.changed_at == seen.opened_at


@pytest.mark.parametrize("changes", [{"id": ""}, {"created_at": "today"}])
def test_half_an_answer_is_none(
    provider: SquareProvider, tape: SquareTape, changes: dict[str, Any]
) -> None:
    tape.disputes["d1"].update(changes)

    with pytest.raises(ProviderUnavailable):
        provider.fetch_dispute("d1")


@pytest.mark.parametrize("name", ["unknown", "../payments", ""])
def test_rejects_one_it_does_not_know(provider: SquareProvider, name: str) -> None:
    with pytest.raises(ProviderRejected):
        provider.fetch_dispute(name)


@pytest.mark.parametrize("kind", ["dispute.created", "dispute.state.updated"])
@pytest.mark.parametrize(
    ("changes", "dispute_id"),
    [({}, DISPUTE["id"]), ({"location_id": "L0OTHER"}, ""), ({"id": None}, "")],
)
def test_an_event_leads_to_its_dispute(
    provider: SquareProvider, kind: str, changes: dict[str, Any], dispute_id: str
) -> None:
    body = event(kind, {**DISPUTE, **changes}, "dispute")

    told = provider.parse_webhook(body)

    assert told.provider_dispute_id == dispute_id
    assert (told.provider_session_id, told.provider_payment_id) == ("", "")
    assert kind in provider.webhook_events
