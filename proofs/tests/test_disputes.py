"""Disputes at the fakes: what they refuse, and how their lists are read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from proofs.fakes.ledger import Json
from proofs.fakes.paypal_disputes import PATH
from proofs.tests import paypal_peer, square_peer, stripe_peer


@pytest.fixture
def at_stripe(tmp_path: Path) -> Iterator[stripe_peer.Peer]:
    with stripe_peer.running_peer(tmp_path) as peer:
        yield peer


@pytest.fixture
def at_paypal(tmp_path: Path) -> Iterator[paypal_peer.Peer]:
    with paypal_peer.running_peer(tmp_path) as peer:
        yield peer


@pytest.fixture
def at_square(tmp_path: Path) -> Iterator[square_peer.Peer]:
    with square_peer.running_peer(tmp_path) as peer:
        yield peer


def intent(peer: stripe_peer.Peer) -> str:
    session = peer.new_session()
    peer.press(session, "pay")
    return str(peer.ledger.objects("payment_intent")[-1]["id"])


def test_stripe_takes_the_money_and_gives_it_back(at_stripe: stripe_peer.Peer) -> None:
    payment = intent(at_stripe)
    at_stripe.control(open_dispute={"payment": payment, "amount": 500})
    (dispute,) = at_stripe.client.v1.disputes.list({"payment_intent": payment}).data
    lost = {"dispute": dispute.id, "won": False}
    won = {"dispute": dispute.id, "won": True}

    assert at_stripe.control(close_dispute=lost).status == 200
    assert at_stripe.control(close_dispute=lost).status == 400
    assert at_stripe.control(close_dispute=won).status == 200  # on appeal
    assert at_stripe.control(close_dispute=won).status == 400

    read = at_stripe.client.v1.disputes.retrieve(dispute.id)
    moved = [entry.amount for entry in read.balance_transactions]
    assert (read.status, moved) == ("won", [-500, 500])
    assert [kind for kind in at_stripe.events() if "dispute" in kind] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_stripe_gives_nothing_back_of_what_is_disputed(
    at_stripe: stripe_peer.Peer,
) -> None:
    payment = intent(at_stripe)
    refunds = at_stripe.client.v1.refunds
    at_stripe.control(open_dispute={"payment": payment, "amount": 500})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        refunds.create({"payment_intent": payment, "amount": 100})
    at_stripe.control(answer_dispute={"dispute": name(at_stripe)})
    at_stripe.control(close_dispute={"dispute": name(at_stripe), "won": True})

    assert refused.value.code == "charge_disputed"
    assert refunds.create({"payment_intent": payment, "amount": 100}).amount == 100
    again = at_stripe.control(open_dispute={"payment": payment})
    assert again.status == 400


def name(peer: stripe_peer.Peer) -> str:
    return str(peer.ledger.objects("dispute")[-1]["id"])


@pytest.mark.parametrize("amount", [0, -1, 2501])
def test_no_more_is_disputed_than_was_paid(
    at_stripe: stripe_peer.Peer, amount: int
) -> None:
    wanted = {"payment": intent(at_stripe), "amount": amount}

    assert at_stripe.control(open_dispute=wanted).status == 400
    assert at_stripe.ledger.objects("dispute") == []


def disputed_capture(peer: paypal_peer.Peer, number: int) -> str:
    capture = peer.captured(number)
    made = peer.control(open_dispute={"payment": capture["id"]})
    assert made.status == 200, made.text
    return str(peer.ledger.objects("dispute")[-1]["dispute_id"])


def listed(peer: paypal_peer.Peer, **query: object) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    answer: Json = peer.get(PATH, **query).body
    while True:
        found += [row["dispute_id"] for row in answer.get("items", ())]
        links = {link["rel"]: link["href"] for link in answer["links"]}
        if "next" not in links:
            return found
        answer = peer.get(links["next"].removeprefix(peer.url)).body


def test_paypal_lists_page_by_page_and_by_change(at_paypal: paypal_peer.Peer) -> None:
    names = [disputed_capture(at_paypal, number) for number in range(3)]
    at_paypal.control(answer_dispute={"dispute": names[0]})
    answered = at_paypal.ledger.get("dispute", names[0]) or {}
    since = answered["update_time"]

    assert sorted(listed(at_paypal, page_size=1)) == sorted(names)
    assert listed(at_paypal, update_time_after=since) == [names[0]]
    assert listed(at_paypal, dispute_state="UNDER_PAYPAL_REVIEW") == [names[0]]
    assert listed(at_paypal, dispute_state="RESOLVED") == []


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": "0"},
        {"page_size": "51"},
        {"page_size": "²"},
        {"update_time_after": "yesterday"},
        {"update_time_after": "2020-01-01T00:00:00.000Z"},
        {"next_page_token": "x"},
        {"limit": "1"},
        {"start_time": "2026-11-01T00:00:00Z", "disputed_transaction_id": "C"},
    ],
)
def test_paypal_refuses_a_question_that_it_does_not_know(
    at_paypal: paypal_peer.Peer, query: dict[str, str]
) -> None:
    assert at_paypal.get(PATH, **query).status == 400


def test_square_lists_them_all_page_by_page(
    at_square: square_peer.Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proofs.fakes.square_disputes.LISTED", 1)
    for _time in range(2):
        at_square.control(open_dispute={"payment": at_square.paid_payment()["id"]})
    first, second = (row["id"] for row in at_square.ledger.objects("dispute"))
    at_square.control(close_dispute={"dispute": first, "won": False})

    page = at_square.get("/v2/disputes").body
    rest = at_square.get("/v2/disputes", cursor=page["cursor"]).body

    assert [row["id"] for row in page["disputes"] + rest["disputes"]] == [
        second,
        first,
    ]
    assert "cursor" not in rest
    lost = at_square.get("/v2/disputes", states="LOST").body["disputes"]
    assert [(row["id"], row["version"]) for row in lost] == [(first, 2)]
    assert at_square.get("/v2/disputes", location_id="OTHER").body == {}
    assert at_square.get("/v2/disputes", states="NONE").status == 400
    closed = at_square.control(close_dispute={"dispute": first, "won": True})
    assert closed.status == 400
