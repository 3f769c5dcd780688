"""The fake Square: the life of links and refunds, judged by the documents."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from proofs import vendor_specs
from proofs.fakes.square import LINKS, LOCATION_ID
from proofs.fakes.square_books import totals
from proofs.fakes.totals import Totals
from proofs.tests.square_peer import (
    PAID,
    Peer,
    ask,
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


# -- paying ------------------------------------------------------------------------


def test_a_paid_link_has_a_payment_and_its_fee_later(peer: Peer) -> None:
    link = peer.new_link("chk_1")
    assert peer.state(link) == ("DRAFT", 1)
    assert peer.events() == ["order.created"]

    answer = peer.press(link, "pay")

    order_id = link["order_id"]
    assert answer.status == 303
    assert answer.headers["Location"] == (
        "https://shop.example/back?from=square"
        f"&transactionId={order_id}&orderId={order_id}"
    )
    assert peer.state(link) == ("OPEN", 2)
    [payment] = peer.payments(link)
    assert payment["status"] == "COMPLETED"
    assert payment["total_money"] == {"amount": 2500, "currency": "USD"}
    assert (payment["reference_id"], payment["note"]) == ("plk_7", "plk_7")
    assert payment["buyer_email_address"] == "ada@example.com"
    assert "processing_fee" not in payment
    assert peer.events() == ["order.created", *PAID]
    assert totals(peer.ledger) == {"USD": Totals(captured=2500)}

    peer.control(charge_fees=True)

    [payment] = peer.payments(link)
    # 2.9 % of 25.00 is 0.725, half up 0.73, plus 0.30
    [fee] = payment["processing_fee"]
    assert fee["amount_money"] == {"amount": 103, "currency": "USD"}
    assert peer.events() == ["order.created", *PAID, "payment.updated"]
    assert totals(peer.ledger) == {"USD": Totals(captured=2500, fees=103)}


def test_the_fee_comes_by_itself(tmp_path: Path) -> None:
    with running_peer(tmp_path, fee_seconds=0.1, events=("payment.updated",)) as peer:
        peer.press(peer.new_link(), "pay")

        bodies = [json.loads(r.body) for r in peer.receiver.wait_for(2)]

    told = ["processing_fee" in b["data"]["object"]["payment"] for b in bodies]
    assert sorted(told) == [False, True]


def test_a_merchant_may_complete_a_paid_order(peer: Peer) -> None:
    link = peer.new_link()
    assert peer.control(complete_order={"order": link["order_id"]}).status == 400
    peer.press(link, "pay")

    peer.control(complete_order={"order": link["order_id"]})

    assert peer.state(link) == ("COMPLETED", 3)


def test_orders_may_complete_by_themselves(tmp_path: Path) -> None:
    with running_peer(tmp_path, completes_orders=True) as peer:
        link = peer.new_link()

        peer.press(link, "pay")

        assert peer.state(link) == ("COMPLETED", 2)


def test_only_the_first_press_pays(peer: Peer) -> None:
    link = peer.new_link()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: peer.press(link, "pay").status, range(4)))

    assert sorted(done) == [303, 410, 410, 410]
    assert len(peer.ledger.objects("payment")) == 1
    assert ask("GET", link["url"], "", {}).status == 410


def test_a_declined_card_is_a_failed_tender_and_the_link_stays(peer: Peer) -> None:
    link = peer.new_link()

    assert peer.press(link, "decline").status == 402

    [payment] = peer.payments(link)
    assert payment["status"] == "FAILED"
    assert payment["card_details"]["errors"][0]["code"] == "GENERIC_DECLINE"
    assert peer.state(link) == ("DRAFT", 2)
    assert totals(peer.ledger) == {}
    peer.press(link, "pay")
    assert [p["status"] for p in peer.payments(link)] == ["FAILED", "COMPLETED"]
    assert totals(peer.ledger) == {"USD": Totals(captured=2500)}


@pytest.mark.parametrize(
    ("succeeded", "status", "sums"),
    [(True, "COMPLETED", {"USD": Totals(captured=2500)}), (False, "FAILED", {})],
)
def test_a_bank_transfer_settles_later(
    peer: Peer, succeeded: bool, status: str, sums: dict[str, Totals]
) -> None:
    link = peer.new_link()
    assert peer.press(link, "later").status == 303
    assert [p["status"] for p in peer.payments(link)] == ["PENDING"]
    assert peer.press(link, "pay").status == 410

    peer.control(settle={"link": link["id"], "succeeded": succeeded})

    assert [p["status"] for p in peer.payments(link)] == [status]
    assert totals(peer.ledger) == sums
    assert peer.events()[-2:] == ["payment.updated", "order.updated"]
    again = {"link": link["id"], "succeeded": True}
    assert peer.control(settle=again).status == 400
    assert peer.press(link, "pay").status == (410 if succeeded else 303)


def test_going_back_changes_nothing(peer: Peer) -> None:
    link = peer.new_link()

    assert peer.press(link, "cancel").status == 200

    assert peer.state(link) == ("DRAFT", 1)
    assert peer.events() == ["order.created"]


def test_the_page_shows_what_is_bought_without_its_markup(peer: Peer) -> None:
    order = order_body()
    order["line_items"][0]["name"] = "<b>Hedge</b>"
    link = peer.new_link(order=order)

    page = ask("GET", link["url"], "", {})

    assert page.status == 200
    assert "&lt;b&gt;Hedge&lt;/b&gt;: 2500" in page.text
    for outcome in ("pay", "decline", "later", "cancel"):
        assert f'name="outcome" value="{outcome}"' in page.text


# -- deleting ------------------------------------------------------------------------


def test_a_deleted_link_takes_no_money(peer: Peer) -> None:
    link = peer.new_link()
    path = f"{LINKS}/{link['id']}"
    assert peer.get(path).body["payment_link"] == link

    deleted = peer.delete(path)

    assert deleted.body == {"id": link["id"], "cancelled_order_id": link["order_id"]}
    assert peer.state(link) == ("CANCELED", 2)
    assert peer.press(link, "pay").status == 410
    assert (peer.get(path).status, peer.delete(path).status) == (404, 404)
    assert peer.get(LINKS).body == {}
    assert peer.events() == ["order.created", "order.updated"]


@pytest.mark.parametrize("outcome", ["pay", "later"])
def test_a_link_with_money_on_its_way_cannot_be_deleted(
    peer: Peer, outcome: str
) -> None:
    link = peer.new_link()
    peer.press(link, outcome)

    refused = peer.delete(f"{LINKS}/{link['id']}")

    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert peer.state(link) == ("OPEN", 2)
    assert peer.get(f"{LINKS}/{link['id']}").status == 200


# -- refunds -------------------------------------------------------------------------


def test_a_refund_is_pending_until_it_is_settled(peer: Peer) -> None:
    payment = peer.paid_payment()

    refund = peer.refund("r1", payment, 1000, reason="Rain").body["refund"]

    assert (refund["status"], refund["reason"]) == ("PENDING", "Rain")
    assert peer.events()[-2:] == ["refund.created", "payment.updated"]
    assert totals(peer.ledger) == {"USD": Totals(captured=2500)}
    assert peer.refund("r1", payment, 1000, reason="Rain").body["refund"] == refund
    assert peer.refund("r1", payment, 900).code == "IDEMPOTENCY_KEY_REUSED"

    peer.control(settle_refund={"refund": refund["id"], "status": "COMPLETED"})

    settled = peer.get(f"/v2/refunds/{refund['id']}").body["refund"]
    assert settled["status"] == "COMPLETED"
    now = peer.get(f"/v2/payments/{payment['id']}").body["payment"]
    assert now["refunded_money"] == {"amount": 1000, "currency": "USD"}
    assert now["refund_ids"] == [refund["id"]]
    assert peer.events()[-2:] == ["refund.updated", "payment.updated"]
    assert totals(peer.ledger) == {"USD": Totals(captured=2500, refunded=1000)}


@pytest.mark.parametrize("status", ["REJECTED", "FAILED"])
def test_a_refund_that_fails_may_be_made_again(peer: Peer, status: str) -> None:
    payment = peer.paid_payment()
    refund = peer.refund("r1", payment, 2500).body["refund"]
    refused = peer.refund("r2", payment, 1)
    assert (refused.status, refused.code) == (400, "REFUND_AMOUNT_INVALID")

    peer.control(settle_refund={"refund": refund["id"], "status": status})

    assert totals(peer.ledger) == {"USD": Totals(captured=2500)}
    assert peer.refund("r2", payment, 2500).status == 200
    failed = peer.get("/v2/refunds", status=status).body["refunds"]
    assert [row["id"] for row in failed] == [refund["id"]]


def test_refunds_at_once_still_answer_pending(peer: Peer) -> None:
    peer.control(refunds_at_once=True)

    refund = peer.refund("r1", peer.paid_payment(), 2500).body["refund"]

    assert refund["status"] == "PENDING"
    assert totals(peer.ledger) == {"USD": Totals(captured=2500, refunded=2500)}


def test_many_refunds_at_once_never_give_back_too_much(peer: Peer) -> None:
    payment = peer.paid_payment()
    peer.control(refunds_at_once=True)

    with ThreadPoolExecutor(6) as pool:
        calls = [
            pool.submit(peer.refund, f"r{number}", payment, 1000) for number in range(6)
        ]
        done = sorted(call.result().status for call in calls)

    assert done == [200, 200, 400, 400, 400, 400]
    assert totals(peer.ledger) == {"USD": Totals(captured=2500, refunded=2000)}


def test_only_completed_payments_are_refunded(peer: Peer) -> None:
    link = peer.new_link()
    peer.press(link, "later")
    [payment] = peer.payments(link)

    refused = peer.refund("r1", payment, 100)

    assert refused.code == "REFUND_ERROR_PAYMENT_NEEDS_COMPLETION"
    assert refused.body["errors"][0]["category"] == "REFUND_ERROR"
    assert peer.refund("r2", {**payment, "id": "none"}, 100).status == 404
    assert peer.refund("k" * 46, payment, 100).code == "VALUE_TOO_LONG"
    assert peer.ledger.objects("refund") == []


# -- reading ---------------------------------------------------------------------------


def test_lists_page_by_cursor_without_gap_or_repeat(peer: Peer) -> None:
    made = {peer.paid_payment()["id"] for _ in range(5)}
    query = {"limit": 2, "sort_field": "UPDATED_AT", "sort_order": "ASC"}

    pages = [peer.get("/v2/payments", **query).body]
    while "cursor" in pages[-1]:
        query["cursor"] = pages[-1]["cursor"]
        pages.append(peer.get("/v2/payments", **query).body)

    assert [len(page["payments"]) for page in pages] == [2, 2, 1]
    rows = [row for page in pages for row in page["payments"]]
    assert {row["id"] for row in rows} == made
    moments = [row["updated_at"] for row in rows]
    assert moments == sorted(moments)
    query["sort_order"] = "DESC"
    assert peer.get("/v2/payments", **query).code == "INVALID_CURSOR"


def test_lists_keep_to_their_time_range(peer: Peer) -> None:
    payment = peer.paid_payment()
    at = payment["updated_at"]

    def ids(**query: str) -> list[str]:
        found = peer.get("/v2/payments", **query).body
        return [row["id"] for row in found.get("payments", ())]

    assert ids(updated_at_begin_time=at, updated_at_end_time=at) == [payment["id"]]
    assert ids(begin_time="2020-01-01T00:00:00Z") == [payment["id"]]
    assert ids(begin_time="2999-01-01T00:00:00Z") == []
    assert peer.get("/v2/payments", begin_time="soon").code == "INVALID_TIME"


def test_orders_are_searched_by_state_and_time(peer: Peer) -> None:
    paid, fresh = peer.new_link(), peer.new_link()
    peer.press(paid, "pay")

    def search(**query: Any) -> dict[str, Any]:
        body = {"location_ids": [LOCATION_ID], "query": query}
        return peer.post("/v2/orders/search", body).body

    found = search(filter={"state_filter": {"states": ["OPEN"]}})
    assert [row["id"] for row in found["orders"]] == [paid["order_id"]]
    since = {"date_time_filter": {"updated_at": {"start_at": "2020-01-01T00:00:00Z"}}}
    assert "errors" in search(filter=since)
    found = search(filter=since, sort={"sort_field": "UPDATED_AT"})
    both = [fresh["order_id"], paid["order_id"]]
    assert sorted(row["id"] for row in found["orders"]) == sorted(both)
    batch = peer.post("/v2/orders/batch-retrieve", {"order_ids": both}).body
    assert [row["id"] for row in batch["orders"]] == both
    assert peer.get("/v2/orders/none").code == "NOT_FOUND"
