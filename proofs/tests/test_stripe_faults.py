from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import stripe

from proofs.tests.stripe_peer import Peer, client, post, running_peer


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with running_peer(tmp_path) as running:
        yield running


def sessions(peer: Peer) -> list[str]:
    return [row["id"] for row in peer.ledger.objects("checkout.session")]


def test_the_same_key_gives_the_same_answer(peer: Peer) -> None:
    first = peer.new_session("chk_1")
    again = peer.new_session("chk_1")

    assert again.id == first.id
    assert sessions(peer) == [first.id]
    assert first.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_with_other_parameters_is_refused(peer: Peer) -> None:
    first = peer.new_session("chk_1")

    with pytest.raises(stripe.IdempotencyError) as refused:
        peer.new_session("chk_1", client_reference_id="plk_8")

    assert refused.value.http_status == 400
    assert sessions(peer) == [first.id]


def test_a_refused_request_does_not_use_up_its_key(peer: Peer) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        peer.new_session("chk_1", success_url="nowhere")

    assert peer.new_session("chk_1").status == "open"


def test_a_key_is_at_most_255_long(peer: Peer) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        peer.new_session("k" * 256)


@pytest.mark.parametrize("switch", ["commit_then_hang", "commit_then_reset"])
def test_a_lost_reply_is_found_again_by_its_key(peer: Peer, switch: str) -> None:
    peer.control(**{switch: {"times": 1, "seconds": 1}})
    hasty = replace(peer, client=client(peer.url, timeout=0.5))

    with pytest.raises(stripe.APIConnectionError):
        hasty.new_session("chk_1")

    [committed] = sessions(peer)
    [call] = peer.ledger.calls(method="POST", path="/v1/")
    assert (call.status, call.fault, call.key) == (None, switch, "chk_1")
    assert peer.new_session("chk_1").id == committed


def test_a_500_after_the_commit_is_healed_by_the_key(peer: Peer) -> None:
    peer.control(commit_then_500=1)

    with pytest.raises(stripe.APIError) as broken:
        peer.new_session("chk_1")

    assert broken.value.http_status == 500
    assert [peer.new_session("chk_1").id] == sessions(peer)


def test_a_stored_500_is_replayed_to_its_key(peer: Peer) -> None:
    peer.control(commit_then_stored_500=1)

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            peer.new_session("chk_1")

    [committed] = sessions(peer)
    assert peer.client.v1.checkout.sessions.list().data[0].id == committed


def test_rate_limited_calls_take_nothing(peer: Peer) -> None:
    peer.control(rate_limit={"times": 1, "retry_after": 7})

    with pytest.raises(stripe.RateLimitError) as refused:
        peer.new_session("chk_1")

    assert refused.value.headers is not None
    assert refused.value.headers["Retry-After"] == "7"
    assert sessions(peer) == []
    assert peer.new_session("chk_1").id == sessions(peer)[0]


def test_a_fault_strikes_only_the_path_it_names(peer: Peer) -> None:
    peer.control(error_500={"path": "/v1/refunds"})

    assert peer.new_session().status == "open"
    with pytest.raises(stripe.APIError):
        peer.client.v1.refunds.list()
    peer.control(error_500=False)
    assert peer.client.v1.refunds.list().data == []


@pytest.mark.parametrize(
    "body",
    ["[]", "{", '{"nonsense": 1}', '{"webhook": "maybe"}', '{"rate_limit": "x"}'],
)
def test_a_control_that_is_not_understood_is_refused(peer: Peer, body: str) -> None:
    assert post(f"{peer.url}/_control", body).status == 400
    assert peer.new_session().status == "open"


def test_the_ledger_survives_a_restart(tmp_path: Path) -> None:
    with running_peer(tmp_path) as before:
        session = before.new_session("chk_1")
        before.press(session, "pay")

    with running_peer(tmp_path) as after:
        assert after.new_session("chk_1").id == session.id
        found = after.client.v1.checkout.sessions.retrieve(session.id)
        assert found.payment_status == "paid"
        paths = [call.path for call in after.ledger.calls(method="POST")]
        assert f"/pay/{session.id}" in paths
