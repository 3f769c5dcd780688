"""The whole life of a session, with every word judged by the vendor's documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from proofs import vendor_specs
from proofs.tests.stripe_peer import Peer, client, running_peer, session_params

pytestmark = pytest.mark.stack


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as running:
        yield running


def test_nothing_is_said_that_stripe_would_not_say(peer: Peer) -> None:
    sdk = peer.client.v1
    session = peer.new_session("chk_1", expand=["line_items"])
    peer.new_session("chk_1", expand=["line_items"])
    peer.press(session, "decline")
    peer.press(session, "pay")
    full = ["payment_intent.latest_charge.balance_transaction", "line_items"]
    sdk.checkout.sessions.retrieve(session.id, {"expand": full})
    sdk.checkout.sessions.list({"expand": ["data.payment_intent"], "limit": 3})
    sdk.checkout.sessions.line_items.list(session.id)
    sdk.checkout.sessions.expire(peer.new_session().id)
    slow = peer.new_session()
    peer.press(slow, "later")
    peer.control(settle={"session": slow.id, "succeeded": True})
    failed = peer.new_session()
    peer.press(failed, "later")
    peer.control(settle={"session": failed.id, "succeeded": False})
    read_everything(peer)

    refusals(peer)

    peer.receiver.wait_for(len(peer.events()))
    assert len(peer.events()) == 18
    assert peer.ledger.findings() == []


def read_everything(peer: Peer) -> None:
    sdk = peer.client.v1
    intent = sdk.payment_intents.list().data[-1]
    sdk.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    [charge, _] = sdk.charges.list({"payment_intent": intent.id}).data
    sdk.charges.retrieve(charge.id, {"expand": ["balance_transaction"]})
    refund = sdk.refunds.create({"charge": charge.id, "amount": 100})
    sdk.refunds.retrieve(refund.id, {"expand": ["charge", "payment_intent"]})
    sdk.refunds.list({"payment_intent": intent.id})
    entry = sdk.balance_transactions.list({"type": "charge"}).data[0]
    sdk.balance_transactions.retrieve(entry.id)
    types = ["charge.refunded", "checkout.session.completed"]
    events = sdk.events.list({"types": types, "limit": 50})
    sdk.events.retrieve(events.data[0].id)
    sdk.payment_intents.create({"amount": 500, "currency": "usd", "confirm": True})
    sdk.accounts.retrieve_current()
    sdk.balance.retrieve()


def refusals(peer: Peer) -> None:
    """Error answers have a shape too."""
    with pytest.raises(stripe.AuthenticationError):
        client(peer.url, "sk_test_wrong").v1.balance.retrieve()
    with pytest.raises(stripe.IdempotencyError):
        peer.new_session("chk_1", client_reference_id="plk_8")
    for switch, error in (
        ("rate_limit", stripe.RateLimitError),
        ("error_500", stripe.APIError),
        ("commit_then_500", stripe.APIError),
    ):
        peer.control(**{switch: 1})
        with pytest.raises(error):
            peer.new_session()


def test_a_parameter_that_stripe_does_not_know_is_found(peer: Peer) -> None:
    params: Any = session_params(payment_method_types=["card"])
    peer.client.v1.checkout.sessions.create(params)

    assert peer.ledger.findings() == [
        "request POST /v1/checkout/sessions: body.payment_method_types: unknown name"
    ]


def test_an_answer_that_stripe_would_not_give_is_found(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "proofs.fakes.stripe.account", lambda currency: {"object": "account"}
    )

    peer.client.v1.accounts.retrieve_current()

    [finding] = peer.ledger.findings()
    assert finding.endswith("'id' is a required property")
