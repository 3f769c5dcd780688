"""A client that Stripe wrote pays a link of ours at the fake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.desk import Desk
from proofs.outside import STRIPE_KEY
from proofs.outsiders import stripe_cli
from proofs.servers import Servers, desks

pytestmark = pytest.mark.stack

# The CLI's own example: two pieces at 15.00 USD.
LINES = [{"description": "T-shirt", "quantity": 2, "unit_amount_minor": 1500}]
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


def trigger(desk: Desk, home: Path, *more: str) -> str:
    return stripe_cli(
        "trigger",
        "checkout.session.completed",
        *more,
        api_base=desk.outside.stripe_url,
        key=STRIPE_KEY,
        home=home,
    )


def payments(desk: Desk) -> list[tuple[str | None, str, int, str]]:
    """link, state, amount, currency of every payment that is booked."""
    return desk.shop.rows(
        "SELECT link.public_id, payment.state, payment.amount_minor, payment.currency"
        " FROM links_payment payment LEFT JOIN links_paymentlink link"
        " ON link.id = payment.link_id ORDER BY payment.id"
    )


def test_stripes_own_client_pays_a_link(desk: Desk, tmp_path: Path) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer, currency="USD", lines=LINES)
    before = payments(desk)

    said = trigger(
        desk, tmp_path, "--add", f"checkout_session:client_reference_id={link['id']}"
    )

    assert "Trigger succeeded" in said
    desk.wait_for_status(link["id"], "paid", within=SOON)
    assert payments(desk) == [*before, (link["id"], "succeeded", 3000, "USD")]
    assert desk.link(link["id"])["amount_paid"] == {
        "amount_minor": 3000,
        "currency": "USD",
    }


def test_control_without_the_reference_the_money_is_an_orphan(
    desk: Desk, tmp_path: Path
) -> None:
    customer = desk.new_customer()
    link = desk.new_link(customer, currency="USD", lines=LINES)
    before = payments(desk)

    trigger(desk, tmp_path)

    desk.shop.wait_for_rows(
        [(1,)],
        "SELECT count(*) FROM links_payment WHERE link_id IS NULL",
        within=SOON,
    )
    assert payments(desk) == [*before, (None, "succeeded", 3000, "USD")]
    assert desk.link(link["id"])["status"] == "active"
