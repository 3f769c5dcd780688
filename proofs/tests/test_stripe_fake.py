import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from proofs.tests.stripe_peer import (
    KEY,
    SECRET,
    Peer,
    client,
    get,
    post,
    running_peer,
    session_params,
)

EXPANDED = ["payment_intent.latest_charge.balance_transaction"]


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with running_peer(tmp_path) as running:
        yield running


def test_a_paid_session_has_intent_charge_and_fee(peer: Peer) -> None:
    session = peer.new_session()
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_total, session.currency) == (2500, "eur")
    assert session.payment_intent is None

    answer = peer.press(session, "pay")

    assert answer.status == 303
    assert answer.location == f"https://shop.example/back?cs={session.id}"
    paid = peer.client.v1.checkout.sessions.retrieve(session.id, {"expand": EXPANDED})
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert isinstance(paid.payment_intent, stripe.PaymentIntent)
    assert paid.payment_intent.amount_received == 2500
    assert paid.payment_intent.metadata.to_dict() == {"link": "plk_7"}
    charge = paid.payment_intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    entry = charge.balance_transaction
    assert isinstance(entry, stripe.BalanceTransaction)
    # 2.9 % of 25.00 is 0.725, half up 0.73, plus 0.30
    assert (entry.amount, entry.fee, entry.net) == (2500, 103, 2397)


def test_the_webhook_is_signed_over_the_raw_body(peer: Peer) -> None:
    session = peer.new_session()
    peer.press(session, "pay")

    bodies = {}
    for request in peer.receiver.wait_for(3):
        signature = request.headers["stripe-signature"]
        event = stripe.Webhook.construct_event(request.body, signature, SECRET)
        bodies[event.type] = event.data.object
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(request.body, signature, "whsec_other")

    assert set(bodies) == {
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    assert bodies["checkout.session.completed"]["id"] == session.id


def test_the_webhook_is_repeated_until_it_is_taken(tmp_path: Path) -> None:
    only = ("checkout.session.completed",)
    with running_peer(tmp_path, statuses=(500, 503), events=only) as peer:
        peer.press(peer.new_session(), "pay")

        requests = peer.receiver.wait_for(3)

        assert len({request.body for request in requests}) == 1
        wait_until_settled(peer)
        [delivery] = peer.ledger.deliveries()
        assert (delivery.tries, delivery.state) == (3, "delivered")


def wait_until_settled(peer: Peer) -> None:
    deadline = time.monotonic() + 10
    while any(d.state == "pending" for d in peer.ledger.deliveries()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_webhooks_can_be_lost_doubled_and_late(tmp_path: Path) -> None:
    with running_peer(tmp_path, events=("checkout.session.completed",)) as peer:
        peer.control(webhook="off")
        peer.press(peer.new_session(), "pay")
        assert peer.ledger.deliveries() == []
        lost = peer.client.v1.events.list({"delivery_success": False, "limit": 100})
        assert "checkout.session.completed" in [event.type for event in lost.data]

        peer.control(webhook="twice", webhook_delay=30)
        peer.press(peer.new_session(), "pay")
        doubled = peer.ledger.deliveries()
        assert [d.event for d in doubled] == [doubled[0].event] * 2
        assert all(25 < d.due_at - time.time() < 31 for d in doubled)
        assert peer.receiver.received == []


def test_only_the_first_press_pays(peer: Peer) -> None:
    session = peer.new_session()
    peer.press(session, "pay")

    assert peer.press(session, "pay").status == 410

    assert len(peer.ledger.objects("charge")) == 1
    assert session.url is not None
    assert get(session.url).status == 410


def test_a_declined_card_leaves_the_session_open(peer: Peer) -> None:
    session = peer.new_session()

    assert peer.press(session, "decline").status == 402

    again = peer.client.v1.checkout.sessions.retrieve(session.id)
    assert (again.status, again.payment_intent) == ("open", None)
    [intent] = peer.ledger.objects("payment_intent")
    assert intent["last_payment_error"]["code"] == "card_declined"
    assert peer.events() == ["charge.failed", "payment_intent.payment_failed"]
    peer.press(session, "pay")
    [intent] = peer.ledger.objects("payment_intent")
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 2500)
    assert peer.ledger.objects("balance_transaction")[0]["net"] == 2397


def test_going_back_changes_nothing(peer: Peer) -> None:
    session = peer.new_session()

    answer = peer.press(session, "cancel")

    assert (answer.status, answer.location) == (303, "https://shop.example/stop")
    assert peer.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert peer.events() == []


def test_the_page_shows_what_is_bought_without_its_markup(peer: Peer) -> None:
    params = session_params()
    params["line_items"][0]["price_data"]["product_data"]["name"] = "<b>Hedge</b>"
    session = peer.client.v1.checkout.sessions.create(params)  # type: ignore[arg-type]

    assert session.url is not None
    page = get(session.url)

    assert page.status == 200
    assert "&lt;b&gt;Hedge&lt;/b&gt;: 2500" in page.text
    for outcome in ("pay", "decline", "later", "cancel"):
        assert f'name="outcome" value="{outcome}"' in page.text


@pytest.mark.parametrize(
    ("succeeded", "status", "event"),
    [
        (True, "paid", "checkout.session.async_payment_succeeded"),
        (False, "unpaid", "checkout.session.async_payment_failed"),
    ],
)
def test_a_slow_method_settles_later(
    peer: Peer, succeeded: bool, status: str, event: str
) -> None:
    session = peer.new_session()
    peer.press(session, "later")
    waiting = peer.client.v1.checkout.sessions.retrieve(session.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert peer.ledger.objects("balance_transaction") == []

    peer.control(settle={"session": session.id, "succeeded": succeeded})

    settled = peer.client.v1.checkout.sessions.retrieve(session.id)
    assert settled.payment_status == status
    assert peer.events()[-1] == event
    assert len(peer.ledger.objects("balance_transaction")) == int(succeeded)


def test_an_expired_session_takes_no_money(peer: Peer) -> None:
    session = peer.new_session()

    assert peer.client.v1.checkout.sessions.expire(session.id).status == "expired"

    assert peer.press(session, "pay").status == 410
    assert peer.events() == ["checkout.session.expired"]
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions"):
        peer.client.v1.checkout.sessions.expire(session.id)


def test_a_session_expires_by_its_own_time(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = peer.new_session(expires_at=int(time.time()) + 1800)
    later = int(time.time()) + 1801

    monkeypatch.setattr("proofs.fakes.stripe_objects.now", lambda: later)

    listed = peer.client.v1.checkout.sessions.list({"status": "expired"})
    assert [row.id for row in listed.data] == [session.id]
    assert peer.events() == ["checkout.session.expired"]


def test_a_refund_moves_money_back_once(peer: Peer) -> None:
    session = peer.new_session()
    peer.press(session, "pay")
    [intent] = peer.ledger.objects("payment_intent")
    refunds = peer.client.v1.refunds

    part = refunds.create({"payment_intent": intent["id"], "amount": 1000})
    rest = refunds.create({"payment_intent": intent["id"], "reason": "duplicate"})

    assert (part.amount, rest.amount, rest.status) == (1000, 1500, "succeeded")
    [charge] = peer.client.v1.charges.list({"payment_intent": intent["id"]}).data
    assert (charge.amount_refunded, charge.refunded) == (2500, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refunds.create({"payment_intent": intent["id"]})
    assert refused.value.code == "charge_already_refunded"
    assert [r.id for r in refunds.list({"charge": charge.id}).data] == [
        rest.id,
        part.id,
    ]
    balance = peer.client.v1.balance.retrieve()
    amounts = {entry.currency: entry.amount for entry in balance.pending}
    assert amounts == {"usd": 0, "eur": -103}
    assert peer.events()[-2:] == ["refund.created", "charge.refunded"]


@pytest.mark.parametrize(
    ("status", "left", "events"),
    [
        ("succeeded", 1500, ["refund.updated"]),
        ("failed", 2500, ["refund.updated", "refund.failed"]),
        ("canceled", 2500, ["refund.updated"]),
    ],
)
def test_a_pending_refund_ends(
    peer: Peer, status: str, left: int, events: list[str]
) -> None:
    peer.press(peer.new_session(), "pay")
    [intent] = peer.ledger.objects("payment_intent")
    peer.control(refunds_pending=True)
    refund = peer.client.v1.refunds.create(
        {"payment_intent": intent["id"], "amount": 1000}
    )
    assert (refund.status, refund.balance_transaction) == ("pending", None)
    before = len(peer.events())

    ended = {"refund": refund.id, "status": status}
    assert peer.control(settle_refund=ended).status == 200
    assert peer.control(settle_refund=ended).status == 400

    assert peer.events()[before:] == events
    charge = peer.client.v1.charges.retrieve(
        intent["latest_charge"], {"expand": ["refunds"]}
    )
    assert charge.amount - charge.amount_refunded == left
    assert charge.refunds is not None
    assert [row.status for row in charge.refunds.data] == [status]
    booked = peer.ledger.objects("balance_transaction")
    assert len(booked) == (2 if status == "succeeded" else 1)


def test_lists_page_newest_first_by_cursor(peer: Peer) -> None:
    made = [peer.new_session().id for _ in range(5)]

    listing = peer.client.v1.checkout.sessions.list({"limit": 2})

    assert [row.id for row in listing.data] == made[:2:-1]
    assert listing.has_more
    assert [row.id for row in listing.auto_paging_iter()] == made[::-1]
    none = peer.client.v1.checkout.sessions.list(
        {"created": {"gte": int(time.time()) + 60}}
    )
    assert none.data == []


def test_the_account_answers_and_a_wrong_key_does_not(peer: Peer) -> None:
    assert peer.client.v1.accounts.retrieve_current().charges_enabled

    with pytest.raises(stripe.AuthenticationError):
        client(peer.url, "sk_test_wrong").v1.accounts.retrieve_current()


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"line_items": []}, "line_items"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
        ({"metadata": {"k": "v" * 501}}, "metadata"),
        ({"client_reference_id": "r" * 201}, "client_reference_id"),
        ({"expires_at": 1}, "expires_at"),
        ({"discounts": [{"coupon": "half"}]}, "discounts"),
    ],
)
def test_refuses_what_stripe_refuses(
    peer: Peer, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        peer.new_session(**changes)

    assert refused.value.param == param
    assert peer.ledger.objects("checkout.session") == []


def test_refuses_less_than_the_minimum(peer: Peer) -> None:
    line = session_params()["line_items"][0]
    line["price_data"]["unit_amount"] = 24

    with pytest.raises(stripe.InvalidRequestError) as refused:
        peer.new_session(line_items=[line])

    assert refused.value.code == "amount_too_small"


@pytest.mark.parametrize("form", ["a[", "mode=payment&mode=setup", "a=1&a[b]=2", "]=1"])
def test_malformed_forms_are_refused(peer: Peer, form: str) -> None:
    headers = {"Authorization": "Bearer sk_test_fake"}

    answer = post(f"{peer.url}/v1/checkout/sessions", form, headers)

    assert answer.status == 400
    assert "invalid_request_error" in answer.text


def test_unknown_ids_and_paths_are_404(peer: Peer) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        peer.client.v1.checkout.sessions.retrieve("cs_test_none")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    assert get(f"{peer.url}/pay/cs_test_none").status == 404
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        peer.client.v1.coupons.list()


def test_money_may_come_without_a_session(peer: Peer) -> None:
    intent = peer.client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "confirm": True, "metadata": {"till": "3"}}
    )

    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert peer.events() == ["charge.succeeded", "payment_intent.succeeded"]
    assert (
        peer.client.v1.checkout.sessions.list({"payment_intent": intent.id}).data == []
    )


def test_completes_a_session_the_way_the_vendors_command_line_does(peer: Peer) -> None:
    # What `stripe trigger checkout.session.completed` of version 1.52 sends.
    def send(path: str, body: str) -> Any:
        headers = {
            "Authorization": f"Bearer {KEY}",
            "User-Agent": "Stripe/v1 stripe-cli",
        }
        return json.loads(post(f"{peer.url}/v1/{path}", body, headers).text)

    product = send("products", "name=myproduct&description=%28created+by+CLI%29")
    price = send("prices", f"product={product['id']}&unit_amount=1500&currency=usd")
    session = send(
        "checkout/sessions",
        "success_url=https%3A%2F%2Fhttpbin.org%2Fpost&mode=payment"
        f"&line_items[0][quantity]=2&line_items[0][price]={price['id']}"
        "&client_reference_id=plk_1",
    )
    method = send("payment_methods", "type=card&card[token]=tok_visa")
    confirm = f"payment_pages/{session['id']}/confirm"
    wrong = send(confirm, f"payment_method={method['id']}&expected_amount=1")
    assert wrong["error"]["param"] == "expected_amount"

    send(confirm, f"payment_method={method['id']}&expected_amount=3000")

    paid = peer.client.v1.checkout.sessions.retrieve(session["id"])
    assert (paid.payment_status, paid.amount_total) == ("paid", 3000)
    assert paid.client_reference_id == "plk_1"


def test_refuses_a_text_that_stripe_could_not_show(peer: Peer) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        peer.client.v1.products.create({"name": "x" * 5001})

    assert refused.value.param == "name"
    assert peer.client.v1.products.create({"name": "x" * 5000}).name == "x" * 5000
