"""PostgreSQL cuts lines, or loses the answer to a COMMIT."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proofs import judge
from proofs.desk import Desk, link_body
from proofs.feeder import Feeder, Ledger
from proofs.proxy import Proxy
from proofs.scenarios import kills
from proofs.servers import Servers, desks
from proofs.shop import WSGI

pytestmark = [pytest.mark.stack, pytest.mark.full]

SEED = 8
LINKS = 24
LOAD_SECONDS = 12.0
CUT_EVERY_SECONDS = 0.5
SETTLE_SECONDS = 60.0
LINK_COUNT = "SELECT count(*) FROM links_paymentlink"
_numbers = itertools.count(1)


@pytest.fixture
def new_desk(servers: Servers, tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    with desks(servers, tmp_path) as open_desk:
        yield lambda: open_desk(f"database_{next(_numbers)}")


@pytest.fixture
def proxy(servers: Servers) -> Iterator[Proxy]:
    with Proxy(servers.postgres.port) as proxy:
        yield proxy


def serve(desk: Desk, *, app: str = WSGI, **changes: str) -> None:
    desk.shop.wait_for_web(desk.shop.web(app=app, **changes))


def through(proxy: Proxy, desk: Desk) -> str:
    """The DATABASE_URL that leads through the proxy."""
    name = desk.shop.variables["DATABASE_URL"].rpartition("/")[2]
    return f"postgres://postgres@127.0.0.1:{proxy.port}/{name}"


def log_of(desk: Desk, name: str) -> str:
    return (desk.shop.folder / f"{name}.log").read_text()


# -- lines are cut ---------------------------------------------------------------------


@contextmanager
def cutting(servers: Servers, database: str) -> Iterator[list[int]]:
    """Ends every session of the database again and again; how many, each time."""
    cut: list[int] = []
    is_over = threading.Event()

    def run() -> None:
        while not is_over.wait(CUT_EVERY_SECONDS):
            cut.append(servers.postgres.terminate_backends(database))

    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(run)
        try:
            yield cut
        finally:
            is_over.set()
            job.result()


def work_under_cuts(desk: Desk, servers: Servers, folder: Path, *, app: str) -> int:
    """A load while sessions are ended every half second; how many were."""
    desk.shop.variables["PAY_PAGE_LIMIT_PER_MINUTE"] = "0"
    serve(desk, app=app)
    for name in ("one", "two"):
        desk.shop.wait_for_worker(desk.shop.worker(name))
    desk.shop.beat()
    desk.shop.api_get("customers")  # makes the key, while nothing is cut yet
    database = desk.shop.variables["DATABASE_URL"].rpartition("/")[2]
    feeder = Feeder(desk.shop, desk.outside, Ledger(folder / "acked"), seed=SEED)
    with (
        feeder.running(LINKS, LOAD_SECONDS) as wait,
        cutting(servers, database) as cut,
    ):
        wait()
    return sum(cut)


def test_cut_sessions_leave_nothing_half_done(
    new_desk: Callable[[], Desk], servers: Servers, tmp_path: Path
) -> None:
    desk = new_desk()

    cut = work_under_cuts(desk, servers, tmp_path, app=WSGI)

    kills.hurry(desk)
    kills.settle(desk, time.monotonic() + SETTLE_SECONDS)
    evidence = judge.gather(desk.shop, desk.outside, Ledger(tmp_path / "acked"))
    assert judge.findings(evidence) == []
    assert len(evidence.money) == LINKS
    assert cut > LINKS
    assert "Internal Server Error" not in log_of(desk, "web")
    assert "api.failed" not in log_of(desk, "web")


def test_control_with_plain_errors_a_cut_session_is_a_fault_of_ours(
    new_desk: Callable[[], Desk], servers: Servers, tmp_path: Path
) -> None:
    desk = new_desk()

    work_under_cuts(
        desk, servers, tmp_path, app="tests.stack.with_plain_errors:application"
    )

    said = log_of(desk, "web")
    assert "Internal Server Error" in said or "api.failed" in said


# -- the answer to a COMMIT is lost ----------------------------------------------------


def lose_commit(desk: Desk, proxy: Proxy, *, skip: int = 0, key: str = "") -> Any:
    """Post a link while the answer to one COMMIT is lost; what the API answers."""
    body = link_body(desk.new_customer())
    proxy.lose_answers(b"COMMIT", times=1, skip=skip)
    before = proxy.lost_answers
    answer = desk.shop.api_post("links", body, key=key)
    assert proxy.lost_answers == before + 1
    if key and answer.status == 409:
        desk.shop.let_requests_lapse()
        answer = desk.shop.api_post("links", body, key=key)
    return answer


def test_a_lost_commit_of_a_keyed_request_is_found_again(
    new_desk: Callable[[], Desk], proxy: Proxy
) -> None:
    desk = new_desk()
    serve(desk, DATABASE_URL=through(proxy, desk))

    # first that of the claim, then that of the work
    answers = [
        lose_commit(desk, proxy, skip=skip, key=f"key-{skip}") for skip in (0, 1)
    ]

    assert [answer.status for answer in answers] == [201, 201]
    assert desk.shop.rows(LINK_COUNT) == [(2,)]


def test_a_lost_commit_without_a_key_is_not_done_again(
    new_desk: Callable[[], Desk], proxy: Proxy
) -> None:
    desk = new_desk()
    serve(desk, DATABASE_URL=through(proxy, desk))

    answer = lose_commit(desk, proxy)

    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert desk.shop.rows(LINK_COUNT) == [(1,)]


def test_control_repeated_blindly_a_lost_commit_makes_two(
    new_desk: Callable[[], Desk], proxy: Proxy
) -> None:
    desk = new_desk()
    serve(
        desk,
        app="tests.stack.with_blind_repeats:application",
        DATABASE_URL=through(proxy, desk),
    )

    lose_commit(desk, proxy)

    assert desk.shop.rows(LINK_COUNT) == [(2,)]
