"""The fake PayPal when it refuses and breaks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proofs import vendor_specs
from proofs.fakes import paypal_tokens
from proofs.fakes.paypal_books import totals
from proofs.fakes.paypal_objects import CAPTURES, ORDERS
from proofs.tests.paypal_peer import (
    Peer,
    issue,
    itemised,
    only_capture,
    order_body,
    running_peer,
    unit,
)
from proofs.tests.square_peer import ask

pytestmark = pytest.mark.stack


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """Nothing that a test makes it say or hear may depart from the documents."""
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as running:
        yield running
        assert running.ledger.findings() == []


# -- tokens ------------------------------------------------------------------------


def test_a_token_is_bought_with_the_clients_secret(peer: Peer) -> None:
    bought = peer.buy_token()

    assert bought.status == 200
    assert (bought.body["token_type"], bought.body["expires_in"]) == ("Bearer", 32_400)
    peer.token = bought.body["access_token"]
    assert peer.create_order().status == 201
    wrong = peer.buy_token(secret="other")
    assert (wrong.status, wrong.body["error"]) == (401, "invalid_client")
    other = peer.buy_token(grant="password")
    assert (other.status, other.body["error"]) == (400, "unsupported_grant_type")
    assert ask("POST", f"{peer.url}{paypal_tokens.PATH}", "", {}).status == 401
    calls = peer.ledger.calls(path=paypal_tokens.PATH)
    assert [call.status for call in calls] == [200, 200, 401, 400, 401]


def test_without_a_good_token_nothing_happens(peer: Peer) -> None:
    stranger = replace(peer, token="A21AAother")

    refused = stranger.create_order()

    assert (refused.status, refused.body["name"]) == (401, "AUTHENTICATION_FAILURE")
    assert ask("GET", f"{peer.url}{ORDERS}/X", "", {}).status == 401
    peer.control(expire_tokens=True)
    assert peer.create_order().status == 401
    assert peer.ledger.objects("order") == []
    peer.token = peer.buy_token().body["access_token"]
    assert peer.create_order().status == 201


def test_tokens_lapse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = "proofs.fakes.paypal_objects.clock"
    monkeypatch.setattr(clock, lambda: 1000.0)
    with running_peer(tmp_path, token_seconds=60) as peer:
        monkeypatch.setattr(clock, lambda: 1059.0)
        assert peer.create_order().status == 201

        monkeypatch.setattr(clock, lambda: 1060.0)

        assert peer.create_order("chk_2").status == 401


# -- keys and refusals -----------------------------------------------------------------


def test_the_same_key_gets_what_it_made(peer: Peer) -> None:
    first = peer.create_order("chk_1")
    again = peer.create_order("chk_1")
    other = peer.create_order("chk_1", purchase_units=[unit("26.00")])

    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert (other.status, issue(other)) == (422, "DUPLICATE_REQUEST_ID")
    assert len(peer.ledger.objects("order")) == 1
    assert [c.key for c in peer.ledger.calls(path=ORDERS)] == ["chk_1"] * 3


def test_a_key_shows_how_things_stand_now(peer: Peer) -> None:
    order = peer.new_order()
    peer.press(order, "later")
    assert only_capture(peer.capture(order).body)["status"] == "PENDING"
    peer.control(settle={"order": order["id"], "succeeded": True})

    again = peer.capture(order)

    assert again.status == 200
    assert only_capture(again.body)["status"] == "COMPLETED"
    assert len(peer.ledger.objects("capture")) == 1


def test_a_refund_is_made_once_a_key(peer: Peer) -> None:
    capture = peer.captured()
    first = peer.refund("r1", capture, "5.00")

    again = peer.refund("r1", capture, "5.00")

    assert (again.status, again.body) == (201, first.body)
    assert issue(peer.refund("r1", capture, "6.00")) == "DUPLICATE_REQUEST_ID"
    # One space of names for all calls: what made an order makes no refund.
    assert issue(peer.refund("chk_1", capture, "5.00")) == "DUPLICATE_REQUEST_ID"
    assert totals(peer.ledger)["USD"].refunded == 500


def test_a_payment_source_needs_a_key(peer: Peer) -> None:
    assert issue(peer.create_order("")) == "PAYPAL_REQUEST_ID_REQUIRED"

    first, second = (peer.new_order("", payment_source=None) for _ in range(2))

    assert first["id"] != second["id"]


def test_a_refused_request_does_not_use_up_its_key(peer: Peer) -> None:
    order = peer.new_order()
    assert peer.capture(order, "cap_1").status == 422
    peer.press(order, "pay")

    assert peer.capture(order, "cap_1").status == 201


def test_an_invoice_is_paid_once(tmp_path: Path) -> None:
    invoiced = {"purchase_units": [unit(invoice_id="INV-7")]}
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        peer.captured(1, **invoiced)
        order = peer.new_order("chk_2", **invoiced)
        peer.press(order, "pay")

        refused = peer.capture(order, "cap_2")

        assert (refused.status, issue(refused)) == (422, "DUPLICATE_INVOICE_ID")
        assert peer.ledger.findings() == []
    with running_peer(tmp_path, unique_invoices=False) as peer:
        assert peer.capture(order, "cap_2").status == 201


EUROS = {"currency_code": "EUR", "value": "25.00"}


@pytest.mark.parametrize(
    ("changes", "status", "found"),
    [
        ({"intent": "AUTHORIZE"}, 400, "NOT_SUPPORTED"),
        ({"purchase_units": [unit(), unit()]}, 400, "NOT_SUPPORTED"),
        ({"purchase_units": [unit("0.00")]}, 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ({"purchase_units": [unit("1.001")]}, 422, "DECIMAL_PRECISION"),
        ({"purchase_units": [unit("1.00", "JPY")]}, 422, "DECIMAL_PRECISION"),
        ({"purchase_units": [unit("1.00", "RUB")]}, 422, "INVALID_CURRENCY_CODE"),
        ({"purchase_units": [itemised("12.00")]}, 422, "ITEM_TOTAL_MISMATCH"),
        ({"purchase_units": [itemised("12.00", "24.00")]}, 422, "AMOUNT_MISMATCH"),
        (
            {"purchase_units": [itemised(amount=unit()["amount"])]},
            422,
            "ITEM_TOTAL_REQUIRED",
        ),
        (
            {"purchase_units": [itemised(amount={**EUROS, "breakdown": {}})]},
            422,
            "MULTI_CURRENCY_ORDER",
        ),
    ],
)
def test_refuses_what_paypal_refuses(
    peer: Peer, changes: dict[str, Any], status: int, found: str
) -> None:
    refused = peer.create_order(**changes)

    assert (refused.status, issue(refused)) == (status, found)
    assert peer.ledger.objects("order") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"purchase_units": []},
        {"purchase_units": [7]},
        {"purchase_units": None},
        {"intent": "BUY"},
        {"purchase_units": [unit(custom_id="c" * 128)]},
        {
            "purchase_units": [
                {**unit(), "amount": {"currency_code": "USD", "value": 25}}
            ]
        },
        {"purchase_units": [unit("1,00")]},
        {"payment_source": "paypal"},
    ],
)
def test_malformed_bodies_are_refused_and_found(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        assert peer.create_order(**changes).status == 400

        findings = peer.ledger.findings()

    assert findings
    assert all(line.startswith(f"request POST {ORDERS}: body") for line in findings)


# -- faults ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switch", "status", "name", "kept"),
    [
        ("rate_limit", 429, "RATE_LIMIT_REACHED", 0),
        ("error_500", 500, "INTERNAL_SERVER_ERROR", 0),
        ("commit_then_500", 500, "INTERNAL_SERVER_ERROR", 1),
    ],
)
def test_a_broken_answer_is_healed_by_the_key(
    peer: Peer, switch: str, status: int, name: str, kept: int
) -> None:
    peer.control(**{switch: {"times": 1, "retry_after": 7}})

    broken = peer.create_order()

    assert (broken.status, broken.body["name"]) == (status, name)
    assert broken.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert len(peer.ledger.objects("order")) == kept
    order = peer.create_order()
    assert order.status == (200 if kept else 201)
    assert [row["id"] for row in peer.ledger.objects("order")] == [order.body["id"]]


def test_a_kept_failure_stays_one(peer: Peer) -> None:
    capture = peer.captured()
    peer.control(commit_then_stored_500={"times": 1, "path": CAPTURES})

    answers = [peer.refund("r1", capture, "5.00").status for _ in range(2)]

    assert answers == [500, 500]
    assert totals(peer.ledger)["USD"].refunded == 500


@pytest.mark.parametrize(
    ("switch", "kept"),
    [("hang", 0), ("commit_then_hang", 1), ("commit_then_reset", 1)],
)
def test_a_lost_reply_is_found_again_by_its_key(
    peer: Peer, switch: str, kept: int
) -> None:
    order = peer.new_order()
    peer.press(order, "pay")
    peer.control(**{switch: {"times": 1, "seconds": 1}})
    hasty = replace(peer, timeout=0.5)

    with pytest.raises(OSError, match=r"timed out|closed connection"):
        hasty.capture(order)

    assert len(peer.ledger.objects("capture")) == kept
    [call] = peer.ledger.calls(method="POST", path=f"{ORDERS}/")
    assert (call.status, call.fault, call.key) == (None, switch, "cap_1")
    done = peer.capture(order)
    assert done.status == (200 if kept else 201)
    ids = [row["id"] for row in peer.ledger.objects("capture")]
    assert ids == [only_capture(done.body)["id"]]


def test_switches_spare_tokens_unless_they_are_meant(peer: Peer) -> None:
    peer.control(error_500=1)
    assert peer.buy_token().status == 200
    assert peer.create_order().status == 500

    peer.control(error_500={"times": 1, "path": paypal_tokens.PATH})

    assert peer.create_order().status == 201
    assert [peer.buy_token().status for _ in range(2)] == [500, 200]


def test_an_instrument_may_be_declined_at_will(peer: Peer) -> None:
    order = peer.new_order()
    peer.press(order, "pay")
    peer.control(instrument_declined=1)

    assert issue(peer.capture(order)) == "INSTRUMENT_DECLINED"

    assert peer.ledger.objects("capture") == []
    assert peer.capture(order).status == 201


def test_a_name_that_paypal_does_not_know_is_found(tmp_path: Path) -> None:
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as peer:
        peer.post(ORDERS, order_body(expires_at="2027-01-01T00:00:00Z"), "chk_1")

        assert peer.ledger.findings() == [
            f"request POST {ORDERS}: body.expires_at: unknown name"
        ]
