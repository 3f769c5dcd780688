"""The fake PayPal: the life of orders and captures, judged by the documents."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proofs import vendor_specs
from proofs.fakes.paypal import WEBHOOK_ID, WEBHOOKS
from proofs.fakes.paypal_books import totals
from proofs.fakes.paypal_objects import CAPTURES, EVENTS, ORDERS, REFUNDS
from proofs.fakes.totals import Totals
from proofs.tests.paypal_peer import (
    PAID,
    Peer,
    issue,
    itemised,
    only_capture,
    rels,
    running_peer,
    unit,
)

pytestmark = pytest.mark.stack


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """Nothing that a test makes it say or hear may depart from the documents."""
    with running_peer(tmp_path, specs=vendor_specs.specs_directory()) as running:
        yield running
        assert running.ledger.findings() == []


# -- paying ------------------------------------------------------------------------


def test_an_order_is_approved_and_captured(peer: Peer) -> None:
    order = peer.new_order(purchase_units=[unit(invoice_id="INV-7")])
    assert order["status"] == "PAYER_ACTION_REQUIRED"
    assert rels(order)["payer-action"] == f"{peer.url}/pay/{order['id']}"
    assert peer.events() == []

    answer = peer.press(order, "pay")

    payer = peer.order(order)["payer"]["payer_id"]
    assert answer.status == 303
    assert answer.headers["Location"] == (
        f"https://shop.example/back?from=paypal&token={order['id']}&PayerID={payer}"
    )
    assert peer.order(order)["status"] == "APPROVED"
    assert peer.events() == PAID[:1]
    assert totals(peer.ledger) == {}

    done = peer.capture(order)

    assert (done.status, done.body["status"]) == (201, "COMPLETED")
    assert peer.order(order) == done.body
    capture = peer.get(f"{CAPTURES}/{only_capture(done.body)['id']}").body
    assert capture["status"] == "COMPLETED"
    assert (capture["custom_id"], capture["invoice_id"]) == ("plk_7", "INV-7")
    assert capture["supplementary_data"]["related_ids"] == {"order_id": order["id"]}
    # 3.49 % of 25.00 is 0.8725, half up 0.87, plus 0.49
    values = {k: v["value"] for k, v in capture["seller_receivable_breakdown"].items()}
    assert values == {
        "gross_amount": "25.00",
        "paypal_fee": "1.36",
        "net_amount": "23.64",
    }
    assert peer.events() == PAID
    assert totals(peer.ledger) == {"USD": Totals(captured=2500, fees=136)}


def test_an_order_without_a_payment_source_asks_for_approval(peer: Peer) -> None:
    context = {"return_url": "https://shop.example/back"}
    order = peer.new_order(payment_source=None, application_context=context)

    assert order["status"] == "CREATED"
    assert rels(order)["approve"] == f"{peer.url}/pay/{order['id']}"
    place = peer.press(order, "pay").headers["Location"]
    assert place.startswith(f"https://shop.example/back?token={order['id']}&PayerID=")


def test_answers_are_short_unless_asked_otherwise(peer: Peer) -> None:
    peer.prefer = "return=minimal"
    order = peer.new_order()
    assert set(order) == {"id", "status", "links"}
    peer.press(order, "pay")

    assert set(peer.capture(order).body) == {"id", "status", "links"}

    capture = only_capture(peer.order(order))
    assert set(peer.refund("r1", capture).body) == {"id", "status", "links"}


@pytest.mark.parametrize(
    ("currency", "value", "minor", "fee"),
    [("JPY", "2500", 2500, 127), ("HUF", "10", 10, 10), ("EUR", "0.5", 50, 50)],
)
def test_amounts_have_the_decimals_of_their_currency(
    peer: Peer, currency: str, value: str, minor: int, fee: int
) -> None:
    capture = peer.captured(purchase_units=[unit(value, currency)])

    written = "0.50" if currency == "EUR" else value
    assert capture["amount"] == {"currency_code": currency, "value": written}
    assert totals(peer.ledger) == {currency: Totals(captured=minor, fees=fee)}


def test_nothing_is_captured_before_the_payer_agrees(peer: Peer) -> None:
    order = peer.new_order()

    refused = peer.capture(order)

    assert (refused.status, issue(refused)) == (422, "ORDER_NOT_APPROVED")
    peer.press(order, "pay")
    assert peer.capture(order).status == 201


def test_an_order_is_captured_once_however_many_ask(peer: Peer) -> None:
    order = peer.new_order()
    peer.press(order, "pay")

    with ThreadPoolExecutor(4) as pool:
        keys = [f"cap_{number}" for number in range(4)]
        done = list(pool.map(lambda key: peer.capture(order, key), keys))

    assert sorted(reply.status for reply in done) == [201, 422, 422, 422]
    late = {issue(reply) for reply in done if reply.status == 422}
    assert late == {"ORDER_ALREADY_CAPTURED"}
    assert totals(peer.ledger) == {"USD": Totals(captured=2500, fees=136)}
    assert peer.press(order, "pay").status == 410
    assert peer.page(order).status == 410


def test_a_declined_instrument_sends_the_payer_back(peer: Peer) -> None:
    order = peer.new_order()
    assert peer.press(order, "decline").status == 303

    refused = peer.capture(order)

    assert (refused.status, issue(refused)) == (422, "INSTRUMENT_DECLINED")
    assert rels(refused.body)["redirect"] == f"{peer.url}/pay/{order['id']}"
    assert peer.order(order)["status"] == "APPROVED"
    assert totals(peer.ledger) == {}
    assert peer.press(order, "pay").status == 303
    assert peer.capture(order).status == 201
    assert peer.events() == ["CHECKOUT.ORDER.APPROVED", *PAID]


def test_who_approves_twice_is_told_of_once(peer: Peer) -> None:
    order = peer.new_order()

    with ThreadPoolExecutor(4) as pool:
        done = {
            r.status for r in pool.map(lambda _: peer.press(order, "pay"), range(4))
        }

    assert done == {303}
    assert peer.events() == ["CHECKOUT.ORDER.APPROVED"]


@pytest.mark.parametrize(
    ("succeeded", "status", "event", "sums"),
    [
        (True, "COMPLETED", "COMPLETED", {"USD": Totals(captured=2500, fees=136)}),
        (False, "DECLINED", "DENIED", {}),
    ],
)
def test_a_pending_capture_is_settled_later(
    peer: Peer, succeeded: bool, status: str, event: str, sums: dict[str, Totals]
) -> None:
    order = peer.new_order()
    peer.control(pending_reason="PENDING_REVIEW")
    peer.press(order, "later")

    done = peer.capture(order).body

    capture = only_capture(done)
    assert (done["status"], capture["status"]) == ("COMPLETED", "PENDING")
    assert capture["status_details"] == {"reason": "PENDING_REVIEW"}
    assert "seller_receivable_breakdown" not in capture
    assert peer.events()[1] == "PAYMENT.CAPTURE.PENDING"
    assert issue(peer.refund("r1", capture)) == "PENDING_CAPTURE"
    assert totals(peer.ledger) == {}

    settle = {"order": order["id"], "succeeded": succeeded}
    assert peer.control(settle=settle).status == 200

    assert peer.status(capture) == status
    assert peer.events()[-1] == f"PAYMENT.CAPTURE.{event}"
    assert totals(peer.ledger) == sums
    assert peer.control(settle=settle).status == 400
    if not succeeded:
        assert issue(peer.refund("r2", capture)) == "REFUND_NOT_ALLOWED"


def test_going_back_changes_nothing(peer: Peer) -> None:
    order = peer.new_order()

    answer = peer.press(order, "cancel")

    place = f"https://shop.example/stay?token={order['id']}"
    assert (answer.status, answer.headers["Location"]) == (303, place)
    assert peer.order(order) == order
    assert peer.events() == []


def test_the_page_shows_what_is_bought_without_its_markup(peer: Peer) -> None:
    page = peer.page(peer.new_order(purchase_units=[itemised()]))

    assert page.status == 200
    assert "25.00 USD" in page.text
    assert "&lt;b&gt;Hedge&lt;/b&gt;: 12.50 x 2" in page.text
    for outcome in ("pay", "decline", "later", "cancel"):
        assert f'name="outcome" value="{outcome}"' in page.text


@pytest.mark.parametrize("approved", [False, True])
def test_an_expired_order_is_gone(peer: Peer, approved: bool) -> None:
    order = peer.new_order()
    if approved:
        peer.press(order, "pay")

    peer.control(expire_order={"order": order["id"]})

    gone = peer.get(f"{ORDERS}/{order['id']}")
    assert (gone.status, gone.body["name"]) == (404, "RESOURCE_NOT_FOUND")
    assert peer.capture(order).status == 404
    page = peer.page(order)
    assert page.status == 410
    assert "expired" in page.text
    assert peer.press(order, "pay").status == 410


def test_a_captured_order_does_not_expire(peer: Peer) -> None:
    order = peer.new_order()
    peer.press(order, "pay")
    peer.capture(order)

    assert peer.control(expire_order={"order": order["id"]}).status == 400

    assert peer.order(order)["status"] == "COMPLETED"


# -- reading ---------------------------------------------------------------------------


def test_the_webhook_is_registered(tmp_path: Path) -> None:
    specs = vendor_specs.specs_directory()
    with running_peer(
        tmp_path, specs=specs, events=("PAYMENT.CAPTURE.COMPLETED",)
    ) as peer:
        [hook] = peer.get(WEBHOOKS).body["webhooks"]

        assert hook["id"] == WEBHOOK_ID
        assert hook["url"].endswith("/hook/")
        assert hook["event_types"] == [{"name": "PAYMENT.CAPTURE.COMPLETED"}]
        assert peer.get(f"{WEBHOOKS}/{WEBHOOK_ID}").body == hook
        assert peer.get(f"{WEBHOOKS}/none").status == 404
        peer.control(webhook_url="")
        assert peer.get(WEBHOOKS).body == {"webhooks": []}
        assert peer.ledger.findings() == []


def test_events_are_listed_newest_first_page_by_page(peer: Peer) -> None:
    peer.captured()
    told = [event["event_type"] for event in peer.ledger.objects("event")]

    names: list[str] = []
    path = f"{EVENTS}?page_size=2"
    while path:
        page = peer.get(path).body
        names += [event["event_type"] for event in page["events"]]
        following = [row["href"] for row in page["links"] if row["rel"] == "next"]
        path = following[0].removeprefix(peer.url) if following else ""

    assert sorted(names) == sorted(told)
    early = peer.get(EVENTS, end_time="2026-01-01T00:00:00Z").body
    assert early["events"] == []
    assert peer.get(EVENTS, start_time="yesterday").status == 400


def test_what_is_unknown_is_not_found(peer: Peer) -> None:
    for path in (f"{ORDERS}/NONE", f"{CAPTURES}/NONE", f"{REFUNDS}/NONE"):
        found = peer.get(path)
        assert (found.status, issue(found)) == (404, "INVALID_RESOURCE_ID")
    assert peer.capture({"id": "NONE"}).status == 404
    assert peer.refund("r1", {"id": "NONE"}).status == 404
    assert peer.page({"id": "NONE"}).status == 404
