"""A webhook too early, for nobody, late, or never: the money is booked once.

Real processes and the fake of Stripe.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from proofs import http
from proofs.desk import AMOUNT_MINOR, Desk
from proofs.servers import Servers, desks
from proofs.shop import APP
from proofs.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.full]
SECONDS = 60.0
HANG_SECONDS = 8
STACK = "tests.stack"


@pytest.fixture(scope="module")
def open_shop(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A shop without a worker; each test starts the one that it needs."""
    with desks(servers, tmp_path_factory.mktemp("webhooks")) as open_desk:
        desk = open_desk("webhooks")
        web = desk.shop.web()
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        yield desk
        assert desk.findings() == []


@pytest.fixture
def desk(open_shop: Desk, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """`request.param`: a broken worker in place of the product's."""
    app = getattr(request, "param", APP)
    worker = open_shop.shop.worker(app.rpartition(".")[2], app=app)
    open_shop.shop.wait_for_worker(worker)
    yield open_shop
    worker.kill()
    open_shop.outside.calm()


def assert_booked_once(desk: Desk, link_id: str) -> None:
    [payment] = desk.payments(link_id)
    assert payment["amount"]["amount_minor"] == AMOUNT_MINOR
    assert (payment["state"], payment["surplus"]["amount_minor"]) == ("succeeded", 0)
    assert desk.timeline(link_id).count("payment.succeeded") == 1


def wait_for_event(desk: Desk, session: str, *states: str) -> None:
    """Until a webhook that names the session has ended in one of the states."""
    query = "SELECT state FROM links_webhookevent WHERE body LIKE %s"
    eventually(
        lambda: (
            {state for (state,) in desk.shop.rows(query, f"%{session}%")} & set(states)
        ),
        within=SECONDS,
        what=f"{session} {states}",
    )


# -- too early -------------------------------------------------------------------------


@contextmanager
def paid_before_the_answer(desk: Desk) -> Iterator[dict[str, Any]]:
    """A link whose session is made and paid while the answer naming it is held back."""
    desk.outside.stripe.faults.set(
        "commit_then_hang",
        {"times": 1, "seconds": HANG_SECONDS, "path": "/v1/checkout/sessions"},
    )
    link = desk.new_link(desk.new_customer())
    click = threading.Thread(target=http.post, args=(f"{link['url']}pay/stripe/",))
    click.start()
    try:
        [session] = eventually(
            lambda: desk.outside.sessions(link["id"]), within=SECONDS, what="a session"
        )
        assert desk.outside.press(session["url"], "pay").status == 303
        yield link | {"session": session["id"]}
        assert click.is_alive(), "the answer came before the look"
    finally:
        click.join(SECONDS)


def test_a_webhook_before_the_answer_to_our_own_call_is_booked(desk: Desk) -> None:
    with paid_before_the_answer(desk) as link:
        desk.wait_for_status(link["id"], "paid", within=SECONDS)

    assert_booked_once(desk, link["id"])
    assert len(desk.outside.sessions(link["id"])) == 1


@pytest.mark.parametrize("desk", [f"{STACK}.with_session_ids_only"], indirect=True)
def test_control_known_by_its_session_only_early_money_is_an_orphan(
    desk: Desk,
) -> None:
    with paid_before_the_answer(desk) as link:
        wait_for_event(desk, link["session"], "orphan")

        assert desk.link(link["id"])["status"] == "active"
        assert desk.payments(link["id"]) == []


# -- for nobody ------------------------------------------------------------------------


def test_a_webhook_for_a_link_that_is_not_ours_is_an_orphan(desk: Desk) -> None:
    page, session = foreign_session(desk, 4700)

    assert desk.outside.press(page, "pay").status == 303

    wait_for_event(desk, session, "orphan")
    assert orphans(desk).count(4700) == 1


@pytest.mark.parametrize("desk", [f"{STACK}.without_orphans"], indirect=True)
def test_control_without_orphans_money_is_listed_nowhere(desk: Desk) -> None:
    page, session = foreign_session(desk, 4800)

    assert desk.outside.press(page, "pay").status == 303

    wait_for_event(desk, session, "done", "ignored")
    assert orphans(desk).count(4800) == 0


def orphans(desk: Desk) -> list[int]:
    rows = desk.shop.api_get("payments?limit=100")["items"]
    return [row["amount"]["amount_minor"] for row in rows if row["link"] is None]


def foreign_session(desk: Desk, amount_minor: int) -> tuple[str, str]:
    """A session that another program made with our key: its page and its id."""
    answer = http.post(
        f"{desk.outside.stripe_url}/v1/checkout/sessions",
        {
            "mode": "payment",
            "success_url": "https://other.example/thanks",
            "client_reference_id": "plk_of_another_shop",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": "eur",
            "line_items[0][price_data][unit_amount]": "4700",
            "line_items[0][price_data][product_data][name]": "Not ours",
        },
        headers={
            "Authorization": "Bearer sk_test_stack",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert answer.status == 200, answer.text
    return answer.data["url"], answer.data["id"]


# -- late, and never -------------------------------------------------------------------


def test_a_webhook_three_days_late_is_booked_on_the_expired_link(desk: Desk) -> None:
    """Until then Stripe says nothing, and gives no answer when it is asked."""
    stripe = desk.outside.stripe
    stripe.plan.mode = "off"
    link = desk.new_link(desk.new_customer())
    desk.pay(link["url"])
    stripe.faults.set("error_500", {"times": 1000})
    desk.shop.rows(
        "UPDATE links_checkout SET created_at = created_at - interval '72 hours'"
    )
    desk.shop.rows(
        "UPDATE links_paymentlink SET created_at = created_at - interval '72 hours',"
        " expires_at = now() - interval '48 hours' WHERE public_id = %s",
        link["id"],
    )
    desk.wait_for_status(link["id"], "expired", within=SECONDS)
    desk.shop.rows("UPDATE links_checkout SET next_check_at = NULL")
    stripe.faults.clear()

    deliver_now(desk, link["id"])

    desk.wait_for_status(link["id"], "paid", within=SECONDS)
    assert_booked_once(desk, link["id"])
    assert desk.payments(link["id"])[0]["is_late"] is True


def deliver_now(desk: Desk, link_id: str) -> None:
    """Let Stripe's courier bring what it had not: signed at the moment of the try."""
    [session] = desk.outside.sessions(link_id)
    ledger = desk.outside.stripe.ledger
    [event] = [
        each
        for each in ledger.objects("event")
        if each["type"] == "checkout.session.completed"
        and each["data"]["object"]["id"] == session["id"]
    ]
    ledger.add_delivery(
        event=event["id"],
        url=desk.outside.stripe.plan.url,
        content_type="application/json; charset=utf-8",
        body=json.dumps(event, indent=2),
        due_at=time.time(),
    )


def test_without_any_webhook_the_polling_books_within_a_quarter_of_an_hour(
    desk: Desk,
) -> None:
    desk.outside.stripe.plan.mode = "off"
    link = desk.new_link(desk.new_customer())
    desk.pay(link["url"])

    # The longest wait between two looks is ten minutes of business time.
    rows = desk.shop.rows(
        "SELECT extract(epoch FROM next_check_at - checkout.created_at)::float"
        " FROM links_checkout checkout"
        " JOIN links_paymentlink link ON link.id = checkout.link_id"
        " WHERE link.public_id = %s",
        link["id"],
    )
    assert 0 < rows[0][0] <= 15 * 60
    desk.shop.let_checks_come_due()

    desk.wait_for_status(link["id"], "paid", within=SECONDS)
    assert_booked_once(desk, link["id"])


def test_control_without_webhook_and_polling_the_money_is_not_seen(desk: Desk) -> None:
    desk.outside.stripe.plan.mode = "off"
    link = desk.new_link(desk.new_customer())
    desk.pay(link["url"])
    desk.shop.rows(
        "UPDATE links_checkout SET next_check_at = NULL WHERE link_id ="
        " (SELECT id FROM links_paymentlink WHERE public_id = %s)",
        link["id"],
    )
    # A second link, polled, shows that the sweep has gone by.
    witness = desk.new_link(desk.new_customer())
    desk.pay(witness["url"])
    desk.shop.let_checks_come_due()
    desk.wait_for_status(witness["id"], "paid", within=SECONDS)

    assert desk.link(link["id"])["status"] == "active"
    assert desk.payments(link["id"]) == []
