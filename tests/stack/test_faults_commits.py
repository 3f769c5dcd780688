"""COMMITs of money are lost, and PostgreSQL dies in one: each effect comes once."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proofs.desk import AMOUNT_MINOR, Desk, link_body
from proofs.proxy import Proxy
from proofs.servers import Servers, desks
from proofs.shop import APP
from proofs.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.full]

WAIT_SECONDS = 40.0
ROUNDS = 3
ASKED, CLIENTS = 24, 4
LOST = 6
LINK_COUNT = "SELECT count(*) FROM links_paymentlink"
UNDER_WAY = "SELECT event_id FROM links_webhookevent WHERE state = 'received'"
PAID_TODAY = "SELECT count, amount_minor FROM links_dailytotal WHERE measure = 'paid'"
RECEIPTS = (
    "SELECT channel, count(*) FROM notifications_message"
    " WHERE kind = 'receipt' GROUP BY channel"
)
_numbers = itertools.count(1)


@pytest.fixture
def new_desk(servers: Servers, tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    with desks(servers, tmp_path) as open_desk:
        yield lambda: open_desk(f"commits_{next(_numbers)}")


@pytest.fixture
def proxy(servers: Servers) -> Iterator[Proxy]:
    with Proxy(servers.postgres.port) as proxy:
        yield proxy


def serve(desk: Desk) -> None:
    desk.shop.wait_for_web(desk.shop.web())


def through(proxy: Proxy, desk: Desk) -> str:
    """The DATABASE_URL that leads through the proxy."""
    name = desk.shop.variables["DATABASE_URL"].rpartition("/")[2]
    return f"postgres://postgres@127.0.0.1:{proxy.port}/{name}"


def book_over_lost_commits(desk: Desk, proxy: Proxy, *, app: str = APP) -> str:
    """Pay a link while six answers to a worker's COMMITs are lost; the link, once paid."""
    serve(desk)
    link = desk.new_link(desk.new_customer())
    worker = desk.shop.worker("one", app=app, DATABASE_URL=through(proxy, desk))
    desk.shop.wait_for_worker(worker)
    proxy.lose_answers(b"COMMIT", times=LOST)

    desk.pay(link["url"])

    desk.shop.beat()
    eventually(lambda: proxy.lost_answers == LOST, within=WAIT_SECONDS, what="all lost")

    def is_over() -> bool:
        desk.shop.let_leases_lapse()
        return not desk.shop.rows(UNDER_WAY)

    eventually(is_over, within=WAIT_SECONDS, every=1.0, what="all events worked on")
    desk.wait_for_status(link["id"], "paid", within=WAIT_SECONDS)
    return str(link["id"])


def test_money_whose_commits_are_lost_is_booked_once(
    new_desk: Callable[[], Desk], proxy: Proxy
) -> None:
    desk = new_desk()

    link = book_over_lost_commits(desk, proxy)

    [payment] = desk.payments(link)
    assert payment["amount"]["amount_minor"] == AMOUNT_MINOR
    assert desk.timeline(link).count("payment.succeeded") == 1
    assert desk.shop.rows(PAID_TODAY) == [(1, AMOUNT_MINOR)]
    assert desk.shop.rows(RECEIPTS) == [("email", 1)]


def test_control_booked_without_looking_back_it_counts_twice(
    new_desk: Callable[[], Desk], proxy: Proxy
) -> None:
    desk = new_desk()

    link = book_over_lost_commits(desk, proxy, app="tests.stack.with_forgetful_books")

    assert desk.timeline(link).count("payment.succeeded") > 1
    [(count, _amount_minor)] = desk.shop.rows(PAID_TODAY)
    assert count > 1


def insist_while_it_dies(desk: Desk, servers: Servers) -> int:
    """Ask for links until each is made, while PostgreSQL is aborted three times.

    How many there are then.
    """
    serve(desk)
    body = link_body(desk.new_customer())
    keys = [f"dies-{number}" for number in range(ASKED)]

    def insist(key: str) -> None:
        """409 lasts as long as the lease of a dead claim."""
        while True:
            answer = desk.shop.api_post("links", body, key=key)
            if answer.status == 201:
                return
            assert answer.status in (409, 503), answer.text
            time.sleep(0.2)

    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = [pool.submit(insist, key) for key in keys]
        for _ in range(ROUNDS):
            done = sum(job.done() for job in jobs)
            eventually(
                lambda done=done: sum(job.done() for job in jobs) > done,  # type: ignore[misc]
                within=WAIT_SECONDS,
                what="another link",
            )
            servers.postgres.abort()
            servers.postgres.start()
            desk.shop.let_requests_lapse()
        while not all(job.done() for job in jobs):
            time.sleep(0.5)
            desk.shop.let_requests_lapse()
        for job in jobs:
            job.result()
    [(count,)] = desk.shop.rows(LINK_COUNT)
    return int(count)


def test_a_server_that_dies_in_a_commit_has_done_it_once_or_not(
    new_desk: Callable[[], Desk], servers: Servers
) -> None:
    assert insist_while_it_dies(new_desk(), servers) == ASKED
