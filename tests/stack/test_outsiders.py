"""A client that Stripe wrote drives the fake, and with it links of ours.

Each of its triggers calls the API as its own fixtures say; what follows goes by signed
webhooks into our rows. Every call is judged by the vendor's documents.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.desk import Desk
from proofs.outside import STRIPE_KEY
from proofs.outsiders import stripe_cli
from proofs.servers import Servers, desks

pytestmark = pytest.mark.stack

# The CLI's own example: two pieces at 15.00.
LINES = [{"description": "T-shirt", "quantity": 2, "unit_amount_minor": 1500}]
AMOUNT = "payment_intent:amount=3000"
CHARGED_BACK = "payment_intent:payment_method=pm_card_createDispute"
SOON = 40.0


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desks(servers, tmp_path_factory.mktemp("outsiders")) as open_desk:
        desk = open_desk("outsiders")
        web, worker = desk.shop.web(), desk.shop.worker("one")
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        desk.shop.wait_for_worker(worker)
        yield desk
        assert desk.findings() == []


def trigger(desk: Desk, home: Path, event: str, *more: str) -> None:
    said = stripe_cli(
        "trigger",
        event,
        *more,
        api_base=desk.outside.stripe_url,
        key=STRIPE_KEY,
        home=home,
    )
    assert "Trigger succeeded" in said


def new_link(desk: Desk, currency: str = "USD") -> str:
    link = desk.new_link(desk.new_customer(), currency=currency, lines=LINES)
    return str(link["id"])


def of_session(link: str) -> list[str]:
    return ["--add", f"checkout_session:client_reference_id={link}"]


def of_intent(link: str) -> list[str]:
    more = ["--override", AMOUNT]
    return [*more, "--add", f"payment_intent:metadata[link]={link}"]


def payments(desk: Desk) -> list[tuple[str | None, str, int, str]]:
    """link, state, amount, currency of every payment that is booked."""
    return desk.shop.rows(
        "SELECT link.public_id, payment.state, payment.amount_minor, payment.currency"
        " FROM links_payment payment LEFT JOIN links_paymentlink link"
        " ON link.id = payment.link_id ORDER BY payment.id"
    )


DISPUTES_OF = (
    "SELECT dispute.state, dispute.amount_minor, dispute.respond_by IS NOT NULL,"
    " dispute.reason FROM links_dispute dispute"
    " JOIN links_payment payment ON payment.id = dispute.payment_id"
    " JOIN links_paymentlink link ON link.id = payment.link_id"
    " WHERE link.public_id = %s ORDER BY dispute.id"
)
REFUNDS_OF = (
    "SELECT refund.state, refund.amount_minor FROM links_refund refund"
    " JOIN links_payment payment ON payment.id = refund.payment_id"
    " JOIN links_paymentlink link ON link.id = payment.link_id"
    " WHERE link.public_id = %s ORDER BY refund.id"
)


def test_stripes_own_client_pays_a_link(desk: Desk, tmp_path: Path) -> None:
    link = new_link(desk)
    before = payments(desk)

    trigger(desk, tmp_path, "checkout.session.completed", *of_session(link))

    desk.wait_for_status(link, "paid", within=SOON)
    assert payments(desk) == [*before, (link, "succeeded", 3000, "USD")]
    assert desk.link(link)["amount_paid"] == {"amount_minor": 3000, "currency": "USD"}


def test_control_without_the_reference_the_money_is_an_orphan(
    desk: Desk, tmp_path: Path
) -> None:
    link = new_link(desk)
    before = payments(desk)

    trigger(desk, tmp_path, "checkout.session.completed")

    desk.shop.wait_for_rows(
        [(1,)],
        "SELECT count(*) FROM links_payment WHERE link_id IS NULL",
        within=SOON,
    )
    assert payments(desk) == [*before, (None, "succeeded", 3000, "USD")]
    assert desk.link(link)["status"] == "active"


def test_a_debit_that_succeeds_later_pays_a_link(desk: Desk, tmp_path: Path) -> None:
    link = new_link(desk, "EUR")

    trigger(
        desk, tmp_path, "checkout.session.async_payment_succeeded", *of_session(link)
    )

    desk.wait_for_status(link, "paid", within=SOON)
    assert payments(desk)[-1] == (link, "succeeded", 3000, "EUR")


def test_a_debit_that_bounces_leaves_a_link_to_pay(desk: Desk, tmp_path: Path) -> None:
    link = new_link(desk, "EUR")

    trigger(desk, tmp_path, "checkout.session.async_payment_failed", *of_session(link))

    desk.shop.wait_for_rows(
        [("failed", 3000)],
        "SELECT payment.state, payment.amount_minor FROM links_payment payment"
        " JOIN links_paymentlink link ON link.id = payment.link_id"
        " WHERE link.public_id = %s",
        link,
        within=SOON,
    )
    assert desk.link(link)["status"] == "active"
    assert desk.link(link)["amount_paid"]["amount_minor"] == 0


def test_a_session_of_ours_that_it_expires_ends_here(
    desk: Desk, tmp_path: Path
) -> None:
    """Its own fixture expires a session of its own; --raw names ours instead."""
    link = desk.new_link(desk.new_customer(), currency="USD", lines=LINES)
    desk.open_checkout(link["url"])
    (session,) = desk.outside.sessions(link["id"])
    expire = f"/v1/checkout/sessions/{session['id']}/expire"
    step = {"name": "expired", "path": expire, "method": "post"}
    fixture = {"_meta": {"template_version": 0}, "fixtures": [step]}
    state = "SELECT state FROM links_checkout WHERE provider_session_id = %s"
    assert desk.shop.rows(state, session["id"]) == [("open",)]

    trigger(desk, tmp_path, "checkout.session.expired", "--raw", json.dumps(fixture))

    desk.shop.wait_for_rows([("expired",)], state, session["id"], within=SOON)
    assert desk.link(link["id"])["status"] == "active"


def test_what_it_gives_back_is_booked(desk: Desk, tmp_path: Path) -> None:
    link = new_link(desk)

    trigger(desk, tmp_path, "charge.refunded", *of_intent(link))

    desk.shop.wait_for_rows([("succeeded", 3000)], REFUNDS_OF, link, within=SOON)
    assert payments(desk)[-1] == (link, "succeeded", 3000, "USD")
    assert desk.link(link)["status"] == "paid"


def test_a_dispute_that_it_opens_waits_to_be_answered(
    desk: Desk, tmp_path: Path
) -> None:
    link = new_link(desk)

    trigger(
        desk,
        tmp_path,
        "charge.dispute.created",
        *of_intent(link),
        "--override",
        CHARGED_BACK,
    )

    desk.shop.wait_for_rows(
        [("needs_response", 3000, True, "fraudulent")],
        DISPUTES_OF,
        link,
        within=SOON,
    )
    assert "dispute.opened" in desk.timeline(link)


def test_an_inquiry_that_it_closes_is_won(desk: Desk, tmp_path: Path) -> None:
    """It finds the dispute by Stripe's list, and closes it."""
    link = new_link(desk)

    trigger(desk, tmp_path, "charge.dispute.closed", *of_intent(link))

    desk.shop.wait_for_rows(
        [("won", 3000, True, "fraudulent")], DISPUTES_OF, link, within=SOON
    )
    assert desk.link(link)["status"] == "paid"


def test_a_dispute_that_it_gives_up_is_lost(desk: Desk, tmp_path: Path) -> None:
    link = new_link(desk)

    trigger(
        desk,
        tmp_path,
        "charge.dispute.closed",
        *of_intent(link),
        "--override",
        CHARGED_BACK,
    )

    desk.shop.wait_for_rows(
        [("lost", 3000, True, "fraudulent")], DISPUTES_OF, link, within=SOON
    )
