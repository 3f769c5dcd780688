"""The fake Square when it refuses, breaks, signs and restarts."""

import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofs import vendor_specs
from proofs.fakes.receiver import ReceiverServer
from proofs.fakes.square import LINKS, LOCATION_ID
from proofs.fakes.square_books import totals
from proofs.fakes.totals import Totals
from proofs.tests.square_peer import (
    PAID,
    SECRET,
    Peer,
    ask,
    link_body,
    order_body,
    running_peer,
)

pytestmark = pytest.mark.stack


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """Nothing that a test makes it say or hear may depart from the documents."""
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as running:
        yield running
        assert running.ledger.findings() == []


# -- keys, credentials, refusals -------------------------------------------------------


def test_the_same_key_gives_the_same_answer(peer: Peer) -> None:
    first = peer.create_link("chk_1")
    again = peer.create_link("chk_1")
    other = peer.create_link("chk_1", payment_note="plk_8")

    assert again.body == first.body
    assert (other.status, other.code) == (400, "IDEMPOTENCY_KEY_REUSED")
    assert len(peer.ledger.objects("order")) == 1
    assert [c.key for c in peer.ledger.calls(path=LINKS)] == ["chk_1"] * 3


def test_without_a_key_each_request_stands_alone(peer: Peer) -> None:
    assert peer.new_link()["id"] != peer.new_link()["id"]


def test_a_refused_request_does_not_use_up_its_key(peer: Peer) -> None:
    refused = peer.create_link("chk_1", order=order_body(currency="EUR"))
    assert (refused.status, refused.code) == (400, "INVALID_VALUE")
    [error] = refused.body["errors"]
    assert error["category"] == "INVALID_REQUEST_ERROR"
    assert error["field"] == "order.line_items[0].base_price_money.currency"
    assert peer.ledger.objects("order") == []

    assert peer.create_link("chk_1").status == 200


def test_the_location_has_its_own_currency(tmp_path: Path) -> None:
    with running_peer(tmp_path, currency="JPY", country="JP") as peer:
        [place] = peer.get("/v2/locations").body["locations"]
        assert (place["currency"], place["status"]) == ("JPY", "ACTIVE")

        assert peer.create_link(order=order_body(currency="USD")).status == 400
        assert peer.create_link(order=order_body(currency="JPY")).status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"order": order_body(amount=0)}, "VALUE_TOO_LOW"),
        ({"order": order_body(location_id="LOTHER")}, "INVALID_VALUE"),
        (
            {"order": order_body(metadata={f"k{i}": "v" for i in range(11)})},
            "TOO_MANY_MAP_ENTRIES",
        ),
        ({"checkout_options": {"redirect_url": "javascript:1"}}, "INVALID_VALUE"),
        (
            {"pre_populated_data": {"buyer_email": "nobody"}},
            "INVALID_EMAIL_ADDRESS",
        ),
        ({"checkout_options": {"allow_tipping": True}}, "NOT_IMPLEMENTED"),
    ],
)
def test_refuses_what_square_refuses(
    peer: Peer, changes: dict[str, Any], code: str
) -> None:
    refused = peer.create_link(**changes)

    assert (refused.status, refused.code) == (400, code)
    assert peer.ledger.objects("order") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"order": []},
        {"order": None},
        {"order": order_body(line_items=[7])},
        {"order": order_body(reference_id="r" * 41)},
        {"checkout_options": "x"},
        {"pre_populated_data": {"buyer_email": 7}},
    ],
)
def test_malformed_bodies_are_refused_and_found(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        assert peer.create_link(**changes).status == 400

        findings = peer.ledger.findings()

    assert findings
    assert all(line.startswith(f"request POST {LINKS}: body.") for line in findings)


def test_a_wrong_token_is_refused(peer: Peer) -> None:
    stranger = replace(peer, token="square-other")

    refused = stranger.create_link()

    assert refused.status == 401
    [error] = refused.body["errors"]
    assert error["category"] == "AUTHENTICATION_ERROR"
    assert error["code"] == "UNAUTHORIZED"
    assert ask("GET", f"{peer.url}/v2/locations", "", {}).status == 401
    assert peer.ledger.objects("order") == []


def test_the_seller_is_there(peer: Peer) -> None:
    place = peer.get(f"/v2/locations/{LOCATION_ID}").body["location"]
    assert "CREDIT_CARD_PROCESSING" in place["capabilities"]
    merchant = peer.get("/v2/merchants/me").body["merchant"]
    assert merchant["main_location_id"] == LOCATION_ID
    assert peer.get("/v2/merchants").body["merchant"] == [merchant]
    assert peer.get("/v2/locations/LNONE").status == 404


# -- webhooks --------------------------------------------------------------------------


def signature(url: str, body: bytes) -> str:
    digest = hmac.digest(SECRET.encode(), url.encode() + body, "sha256")
    return base64.b64encode(digest).decode()


def test_webhooks_are_signed_over_address_and_raw_body(peer: Peer) -> None:
    link = peer.new_link()
    peer.press(link, "pay")

    requests = peer.receiver.wait_for(4)

    url = peer.ledger.deliveries()[0].url
    assert url.endswith("/hook/")
    for request in requests:
        given = request.headers["x-square-hmacsha256-signature"]
        assert given == signature(url, request.body)
        assert given != signature(url.rstrip("/"), request.body)
    events = [json.loads(request.body) for request in requests]
    assert sorted(e["type"] for e in events) == sorted(["order.created", *PAID])
    assert len({e["event_id"] for e in events}) == 4
    [told] = [e for e in events if e["type"] == "order.updated"]
    assert told["data"]["object"]["order_updated"]["order_id"] == link["order_id"]


def test_signatures_may_be_over_the_address_before_a_proxy(tmp_path: Path) -> None:
    public = "https://shop.example/hook/"
    with running_peer(tmp_path, notification_url=public) as peer:
        peer.new_link()

        [request] = peer.receiver.wait_for(1)

    given = request.headers["x-square-hmacsha256-signature"]
    assert given == signature(public, request.body)


def test_webhooks_can_be_lost_and_doubled(tmp_path: Path) -> None:
    with running_peer(tmp_path) as peer:
        peer.control(webhook="off")
        peer.new_link()
        assert peer.ledger.deliveries() == []

        peer.control(webhook="twice")
        peer.new_link()

        first, second = peer.receiver.wait_for(2)
        assert first.body == second.body


def test_the_restarted_fake_keeps_its_books_and_sends_what_waits(
    tmp_path: Path,
) -> None:
    with ReceiverServer() as receiving:
        url = f"{receiving.url}/hook/"
        with running_peer(tmp_path, webhook_url=url, events=("order.updated",)) as peer:
            peer.control(webhook_delay=1)
            link = peer.new_link("chk_1")
            peer.press(link, "pay")
            [waiting] = peer.ledger.deliveries()
            assert (waiting.state, receiving.receiver.received) == ("pending", [])

        with running_peer(tmp_path, webhook_url=url, fee_seconds=0.1) as peer:
            assert peer.new_link("chk_1") == link
            assert peer.state(link) == ("OPEN", 2)
            requests = receiving.receiver.wait_for(2)
            sums = totals(peer.ledger)

    # The waiting one, and the fee that was not known yet.
    assert waiting.body.encode() in [request.body for request in requests]
    types = [json.loads(request.body)["type"] for request in requests]
    assert sorted(types) == ["order.updated", "payment.updated"]
    assert sums == {"USD": Totals(captured=2500, fees=103)}


def test_webhooks_are_repeated_until_they_are_taken(tmp_path: Path) -> None:
    with running_peer(tmp_path, statuses=(500, 503)) as peer:
        peer.new_link()

        requests = peer.receiver.wait_for(3)

        assert len({request.body for request in requests}) == 1
        peer.wait_until_delivered()
        [delivery] = peer.ledger.deliveries()
        assert (delivery.tries, delivery.state) == (3, "delivered")


# -- faults ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "status", "code", "kept"),
    [
        ("rate_limit", 429, "RATE_LIMITED", 0),
        ("error_500", 500, "INTERNAL_SERVER_ERROR", 0),
        ("commit_then_500", 500, "INTERNAL_SERVER_ERROR", 1),
    ],
)
def test_a_broken_answer_is_healed_by_the_key(
    peer: Peer, switch: str, status: int, code: str, kept: int
) -> None:
    peer.control(**{switch: {"times": 1, "retry_after": 7}})

    broken = peer.create_link("chk_1")

    assert (broken.status, broken.code) == (status, code)
    assert broken.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert len(peer.ledger.objects("order")) == kept
    link = peer.new_link("chk_1")
    assert [row["id"] for row in peer.ledger.objects("payment_link")] == [link["id"]]


@pytest.mark.parametrize(
    ("switch", "kept"),
    [("hang", 0), ("commit_then_hang", 1), ("commit_then_reset", 1)],
)
def test_a_lost_reply_is_found_again_by_its_key(
    peer: Peer, switch: str, kept: int
) -> None:
    peer.control(**{switch: {"times": 1, "seconds": 1}})
    hasty = replace(peer, timeout=0.5)

    with pytest.raises(OSError, match=r"timed out|closed connection"):
        hasty.create_link("chk_1")

    assert len(peer.ledger.objects("order")) == kept
    [call] = peer.ledger.calls(method="POST", path=LINKS)
    assert (call.status, call.fault, call.key) == (None, switch, "chk_1")
    link = peer.new_link("chk_1")
    assert [row["id"] for row in peer.ledger.objects("payment_link")] == [link["id"]]


def test_a_name_that_square_does_not_know_is_found(tmp_path: Path) -> None:
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        peer.post(LINKS, link_body() | {"expires_at": "2027-01-01T00:00:00Z"})

        assert peer.ledger.findings() == [
            f"request POST {LINKS}: body.expires_at: unknown name"
        ]


def test_an_answer_that_square_would_not_give_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "proofs.fakes.square_objects.merchant", lambda location: {"id": "M"}
    )
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        peer.get("/v2/merchants/me")

        [finding] = peer.ledger.findings()

    assert finding.endswith("'country' is a required property")
