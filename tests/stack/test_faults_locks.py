"""PostgreSQL has no lock and no connection to give, or undoes what was done."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from proofs import http
from proofs.desk import Desk, link_body
from proofs.servers import Servers, desks
from proofs.shop import WSGI
from proofs.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.full]

WAIT_SECONDS = 40.0
# Of the settings: no lock is waited for longer, and no try begins after it.
LOCK_SECONDS = 10.0
EMAIL = {"channels": ["email"]}
LINK_COUNT = "SELECT count(*) FROM links_paymentlink"
_numbers = itertools.count(1)


@pytest.fixture
def new_desk(servers: Servers, tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    with desks(servers, tmp_path) as open_desk:
        yield lambda: open_desk(f"locks_{next(_numbers)}")


def serve(desk: Desk, *, app: str = WSGI) -> None:
    desk.shop.wait_for_web(desk.shop.web(app=app))


@contextmanager
def rival(desk: Desk) -> Iterator[psycopg.Connection[Any]]:
    """Another session, in a transaction that ends with the block."""
    with psycopg.connect(desk.shop.variables["DATABASE_URL"]) as session:
        yield session
        session.rollback()


def deadlock(desk: Desk) -> http.Answer:
    """Send a link while a rival takes the same locks the other way round."""
    link = desk.new_link(desk.new_customer())
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> %s"
    with ThreadPoolExecutor(1) as pool, rival(desk) as session:
        session.execute("LOCK TABLE notifications_message")
        path = f"links/{link['id']}/send"
        sent = pool.submit(desk.shop.api_post, path, EMAIL)
        eventually(
            lambda: desk.shop.rows(waits, session.info.backend_pid) == [(1,)],
            within=WAIT_SECONDS,
            what="the shop waits for the rival",
        )
        session.execute("SELECT id FROM links_paymentlink FOR UPDATE")
        session.rollback()
        return sent.result()


def test_a_deadlock_is_repeated(new_desk: Callable[[], Desk]) -> None:
    desk = new_desk()
    serve(desk)

    assert deadlock(desk).status == 202

    assert '"sqlstate": "40P01"' in (desk.shop.folder / "web.log").read_text()
    assert desk.shop.rows("SELECT count(*) FROM notifications_message") == [(1,)]


def test_control_without_repeats_a_deadlock_is_the_callers(
    new_desk: Callable[[], Desk],
) -> None:
    desk = new_desk()
    serve(desk, app="tests.stack.without_repeats:application")

    assert deadlock(desk).status == 503


def fail_to_serialize(desk: Desk, times: int) -> None:
    """The next inserts of a link end with 40001; a sequence counts, for it never rolls back."""
    desk.shop.rows("DROP SEQUENCE IF EXISTS conflicts CASCADE")
    desk.shop.rows("CREATE SEQUENCE conflicts")
    desk.shop.rows(
        "CREATE OR REPLACE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF nextval('conflicts') <= {times} THEN"
        " RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$"
    )
    desk.shop.rows(
        "CREATE OR REPLACE TRIGGER conflict BEFORE INSERT ON links_paymentlink"
        " FOR EACH ROW EXECUTE FUNCTION conflict()"
    )


def test_serialization_failures_are_repeated_twice_and_no_more(
    new_desk: Callable[[], Desk],
) -> None:
    desk = new_desk()
    serve(desk)
    body = link_body(desk.new_customer())

    fail_to_serialize(desk, 2)
    assert desk.shop.api_post("links", body).status == 201
    fail_to_serialize(desk, 3)
    refused = desk.shop.api_post("links", body)

    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert desk.shop.rows(LINK_COUNT) == [(1,)]
    assert desk.shop.rows("SELECT last_value FROM conflicts") == [(3,)]


@contextmanager
def link_that_is_locked(desk: Desk) -> Iterator[str]:
    link = desk.new_link(desk.new_customer())
    with rival(desk) as session:
        session.execute("SELECT id FROM links_paymentlink FOR UPDATE")
        yield link["id"]


def test_a_lock_is_not_waited_for_for_ever(new_desk: Callable[[], Desk]) -> None:
    desk = new_desk()
    serve(desk)

    with link_that_is_locked(desk) as link:
        started = time.monotonic()
        answer = desk.shop.api_post(f"links/{link}/send", EMAIL)
        seconds = time.monotonic() - started

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert LOCK_SECONDS <= seconds < LOCK_SECONDS + 4.0
    assert desk.shop.rows("SELECT count(*) FROM notifications_message") == [(0,)]


def test_control_without_its_timeout_a_lock_is_waited_for(
    new_desk: Callable[[], Desk],
) -> None:
    """Longer than a client waits, who has 15 seconds."""
    desk = new_desk()
    serve(desk, app="tests.stack.with_patient_locks:application")

    with link_that_is_locked(desk) as link, pytest.raises(http.Hung):
        desk.shop.api_post(f"links/{link}/send", EMAIL)


def test_every_session_has_its_timeouts(new_desk: Callable[[], Desk]) -> None:
    said = new_desk().shop.manage(
        "shell",
        "-c",
        "from django.db import connection\n"
        "with connection.cursor() as cursor:\n"
        '    cursor.execute("SELECT name, setting FROM pg_settings'
        " WHERE name LIKE '%_timeout' AND source = 'client'\")\n"
        "    print(dict(cursor.fetchall()))\n",
    )

    assert "'idle_in_transaction_session_timeout': '60000'" in said
    assert "'lock_timeout': '10000'" in said
    assert "'statement_timeout': '30000'" in said


def take_all_connections(
    servers: Servers, taken: list[psycopg.Connection[Any]]
) -> None:
    while True:
        try:
            taken.append(psycopg.connect(servers.postgres.url()))
        except psycopg.OperationalError:
            return


def ask_without_connections(desk: Desk, servers: Servers) -> list[int]:
    """The statuses of making a link and of a pay page while there is none to be had."""
    body = link_body(desk.new_customer())
    database = desk.shop.variables["DATABASE_URL"].rpartition("/")[2]
    taken: list[psycopg.Connection[Any]] = []

    try:
        servers.postgres.terminate_backends(database)
        take_all_connections(servers, taken)
        answers = [
            desk.shop.api_post("links", body),
            http.get(f"{desk.shop.url}/p/{'0' * 22}/"),
        ]
    finally:
        for session in taken:
            session.close()
    assert desk.shop.api_post("links", body).status == 201
    return [answer.status for answer in answers]


def test_without_a_free_connection_everybody_is_told_to_come_again(
    new_desk: Callable[[], Desk], servers: Servers
) -> None:
    desk = new_desk()
    serve(desk)

    assert ask_without_connections(desk, servers) == [503, 503]
    assert desk.shop.rows(LINK_COUNT) == [(1,)]


def test_control_with_plain_errors_no_connection_is_a_fault_of_ours(
    new_desk: Callable[[], Desk], servers: Servers
) -> None:
    desk = new_desk()
    serve(desk, app="tests.stack.with_plain_errors:application")

    assert ask_without_connections(desk, servers) == [500, 500]
