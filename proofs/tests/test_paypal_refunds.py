"""The fake PayPal's refunds, judged by the documents."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from proofs import vendor_specs
from proofs.fakes.paypal_books import totals
from proofs.fakes.paypal_objects import CAPTURES, REFUNDS
from proofs.tests.paypal_peer import (
    PAID,
    Peer,
    issue,
    only_capture,
    rels,
    running_peer,
)

pytestmark = pytest.mark.stack


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """Nothing that a test makes it say or hear may depart from the documents."""
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as running:
        yield running
        assert running.ledger.findings() == []


def test_refunds_in_parts_up_to_the_whole(peer: Peer) -> None:
    capture = peer.captured()

    first = peer.refund("r1", capture, "10.00", note_to_payer="Rain").body

    assert (first["status"], first["note_to_payer"]) == ("COMPLETED", "Rain")
    assert first["custom_id"] == "plk_7"
    assert rels(first)["up"] == f"{peer.url}{CAPTURES}/{capture['id']}"
    assert peer.status(capture) == "PARTIALLY_REFUNDED"
    assert issue(peer.refund("r2", capture, "15.01")) == "REFUND_AMOUNT_EXCEEDED"
    assert totals(peer.ledger)["USD"].refunded == 1000

    rest = peer.refund("r3", capture, custom_id="rfd_3").body

    assert (rest["amount"]["value"], rest["custom_id"]) == ("15.00", "rfd_3")
    total = rest["seller_payable_breakdown"]["total_refunded_amount"]
    assert total["value"] == "25.00"
    assert peer.get(f"{REFUNDS}/{rest['id']}").body == rest
    assert peer.status(capture) == "REFUNDED"
    assert issue(peer.refund("r4", capture)) == "CAPTURE_FULLY_REFUNDED"
    assert peer.events()[3:] == ["PAYMENT.CAPTURE.REFUNDED"] * 2
    told = peer.ledger.objects("event")[-1]["resource"]
    assert told == rest
    assert totals(peer.ledger)["USD"].refunded == 2500


def test_the_order_lists_its_captures_and_refunds(peer: Peer) -> None:
    order = peer.new_order()
    peer.press(order, "pay")
    capture = only_capture(peer.capture(order).body)
    refund = peer.refund("r1", capture, "1.00").body

    payments = peer.order(order)["purchase_units"][0]["payments"]

    assert [row["id"] for row in payments["refunds"]] == [refund["id"]]
    assert [row["status"] for row in payments["captures"]] == ["PARTIALLY_REFUNDED"]


@pytest.mark.parametrize(
    ("status", "capture_status", "refunded"),
    [
        ("COMPLETED", "PARTIALLY_REFUNDED", 1000),
        ("FAILED", "COMPLETED", 0),
        ("CANCELLED", "COMPLETED", 0),
    ],
)
def test_a_pending_refund_is_settled_later(
    peer: Peer, status: str, capture_status: str, refunded: int
) -> None:
    peer.control(refunds_at_once=False)
    capture = peer.captured()

    refund = peer.refund("r1", capture, "10.00").body

    assert (refund["status"], peer.status(capture)) == ("PENDING", "COMPLETED")
    assert issue(peer.refund("r2", capture, "15.01")) == "REFUND_AMOUNT_EXCEEDED"
    assert peer.events() == PAID

    settle = {"refund": refund["id"], "status": status}
    assert peer.control(settle_refund=settle).status == 200

    assert peer.get(f"{REFUNDS}/{refund['id']}").body["status"] == status
    assert peer.status(capture) == capture_status
    told = ["PAYMENT.CAPTURE.REFUNDED"] if refunded else []
    assert peer.events() == [*PAID, *told]
    assert totals(peer.ledger)["USD"].refunded == refunded
    assert peer.control(settle_refund=settle).status == 400


def test_many_refunds_at_once_never_give_back_too_much(peer: Peer) -> None:
    capture = peer.captured()

    with ThreadPoolExecutor(6) as pool:
        calls = [
            pool.submit(peer.refund, f"r{number}", capture, "10.00")
            for number in range(6)
        ]
        done = sorted(call.result().status for call in calls)

    assert done == [201, 201, 422, 422, 422, 422]
    assert totals(peer.ledger)["USD"].refunded == 2000


def test_a_refund_at_the_dashboard_is_told_of(peer: Peer) -> None:
    capture = peer.captured()

    part = {"capture": capture["id"], "amount": "4.00"}
    assert peer.control(dashboard_refund=part).status == 200
    assert peer.control(dashboard_refund={"capture": capture["id"]}).status == 200

    assert peer.control(dashboard_refund=part).status == 400
    amounts = [row["amount"]["value"] for row in peer.ledger.objects("refund")]
    assert amounts == ["4.00", "21.00"]
    told = peer.ledger.objects("event")[-1]["resource"]
    assert (told["custom_id"], peer.status(capture)) == ("plk_7", "REFUNDED")


@pytest.mark.parametrize(
    ("amount", "found"),
    [
        (
            {"currency_code": "EUR", "value": "1.00"},
            "REFUND_CAPTURE_CURRENCY_MISMATCH",
        ),
        ({"currency_code": "XXX", "value": "1.00"}, "INVALID_CURRENCY_CODE"),
        ({"currency_code": "JPY", "value": "1.0"}, "DECIMALS_NOT_SUPPORTED"),
        ({"currency_code": "USD", "value": "1.001"}, "DECIMAL_PRECISION"),
        ({"currency_code": "USD", "value": "0.00"}, "CANNOT_BE_ZERO_OR_NEGATIVE"),
    ],
)
def test_refunds_that_cannot_be(peer: Peer, amount: dict[str, Any], found: str) -> None:
    capture = peer.captured()

    refused = peer.refund("r1", capture, amount=amount)

    assert (refused.status, issue(refused)) == (422, found)
    assert peer.ledger.objects("refund") == []
