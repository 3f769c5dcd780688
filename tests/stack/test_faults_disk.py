"""The disk under PostgreSQL is full for a while: what was acknowledged is kept."""

import itertools
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from links.tests.stripe_tape import signed
from proofs import http
from proofs.cluster import PostgresCluster
from proofs.desk import Desk, link_body
from proofs.outside import STRIPE_SECRET
from proofs.processes import free_port
from proofs.servers import TEMPLATE, Servers, desks
from proofs.shop import environment, manage
from proofs.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.full]

DISK = "256m"
MOST_REQUESTS = 400
MORE_REQUESTS = 20
BEFORE = 3
EVENTS, EVENT_BYTES = 20, 3000
# until the control would have stored the last of them
STORED_SECONDS = 2.0
RECOVERY_SECONDS = 60.0
PLAIN_ERRORS = "tests.stack.with_plain_errors:application"
LINKS = "SELECT public_id FROM links_paymentlink"
_numbers = itertools.count(1)


def as_root(*command: str) -> None:
    words = command if os.geteuid() == 0 else ("sudo", "-n", *command)
    subprocess.run(words, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def small(servers: Servers) -> Iterator[Servers]:
    """A PostgreSQL whose data live on a small disk of their own."""
    cluster = PostgresCluster(settings={"max_wal_size": "48MB", "min_wal_size": "32MB"})
    place = cluster.directory
    owner = f"uid={place.stat().st_uid},gid={place.stat().st_gid}"
    as_root(
        *("mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700,{owner}"),
        *("tmpfs", str(place)),
    )
    try:
        with cluster:
            variables = environment(
                folder=servers.folder,
                port=free_port(),
                database_url=cluster.create_database(TEMPLATE),
                redis_url=servers.redis.url(),
            )
            manage(variables, "migrate", "--noinput", "-v0")
            yield Servers(cluster, servers.redis, servers.folder)
    finally:
        as_root("umount", str(place))
        shutil.rmtree(place)


@pytest.fixture
def desk(small: Servers, tmp_path: Path) -> Iterator[Desk]:
    with desks(small, tmp_path) as open_desk:
        yield open_desk(f"disk_{next(_numbers)}")


def fill(place: Path) -> Path:
    """A file that takes the last byte of the disk."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


def ask(desk: Desk, body: dict[str, object], count: int) -> dict[str, int]:
    """Ask for that many links, each with a key of its own; key → status."""
    keys = [f"disk-{next(_numbers)}" for _ in range(count)]
    return {key: desk.shop.api_post("links", body, key=key).status for key in keys}


def ask_until_full(desk: Desk, body: dict[str, object]) -> dict[str, int]:
    """The same until the first that is not done."""
    seen: dict[str, int] = {}
    for _ in range(MOST_REQUESTS):
        seen |= ask(desk, body, 1)
        if list(seen.values())[-1] != 201:
            return seen
    raise AssertionError("the disk never was full")


def want_new_segments(small: Servers) -> None:
    """The log of PostgreSQL needs room too; without any the server gives up."""
    try:
        with psycopg.connect(small.postgres.url(), autocommit=True) as session:
            for _ in range(8):
                session.execute("SELECT pg_switch_wal(), txid_current()")
                session.execute("CHECKPOINT")
    except psycopg.Error:
        return


@contextmanager
def full_disk(
    desk: Desk, small: Servers, body: dict[str, object]
) -> Iterator[dict[str, int]]:
    """Without room from the first refusal to the end of the block; what was asked."""
    seen = ask(desk, body, BEFORE)
    ballast = fill(small.postgres.directory)
    try:
        seen |= ask_until_full(desk, body)
        yield seen
    finally:
        ballast.unlink()
        if not small.postgres.process.is_running:
            small.postgres.start()  # as its service does
        # It may be at reading its log again, having given up by itself.
        eventually(
            small.postgres.answers, within=RECOVERY_SECONDS, what="PostgreSQL is back"
        )


def tell(desk: Desk, count: int) -> dict[str, int]:
    """Bring that many webhooks, each of its own; event → status."""
    statuses = {}
    for _ in range(count):
        event = {
            "id": f"evt_disk_{next(_numbers)}",
            "object": "event",
            "type": "customer.created",
            "livemode": False,
            "data": {
                "object": {"id": "cus_1", "description": secrets.token_hex(EVENT_BYTES)}
            },
        }
        raw = json.dumps(event).encode()
        headers = signed(raw, secret=STRIPE_SECRET)
        answer = http.post(
            f"{desk.shop.url}/webhooks/stripe/",
            body=raw,
            headers=headers | {"Content-Type": "application/json"},
        )
        statuses[str(event["id"])] = answer.status
    return statuses


def answered_and_lost(desk: Desk, told: dict[str, int]) -> set[str]:
    rows = desk.shop.rows("SELECT event_id FROM links_webhookevent")
    return {event for event, status in told.items() if status == 200} - {
        event for (event,) in rows
    }


def test_a_full_disk_loses_nothing_acknowledged(desk: Desk, small: Servers) -> None:
    desk.shop.wait_for_web(desk.shop.web())
    body = link_body(desk.new_customer())

    with full_disk(desk, small, body) as seen:
        told = tell(desk, EVENTS)
        want_new_segments(small)
        seen |= ask(desk, body, MORE_REQUESTS)

    assert set(seen.values()) == {201, 503}
    assert set(told.values()) <= {200, 503}
    assert 503 in told.values()
    desk.shop.let_requests_lapse()
    for key in seen:
        eventually(
            lambda key=key: desk.shop.api_post("links", body, key=key).status == 201,  # type: ignore[misc]
            within=RECOVERY_SECONDS,
            every=0.5,
            what=f"{key} ({seen[key]}) is answered",
        )
    assert len(desk.shop.rows(LINKS)) == len(seen)
    assert answered_and_lost(desk, told) == set()


def test_control_answered_before_the_commit_webhooks_are_lost(
    desk: Desk, small: Servers
) -> None:
    desk.shop.wait_for_web(
        desk.shop.web(app="tests.stack.answers_before_commit:application")
    )
    body = link_body(desk.new_customer())

    with full_disk(desk, small, body):
        told = tell(desk, EVENTS)
        time.sleep(STORED_SECONDS)

    assert set(told.values()) == {200}
    assert answered_and_lost(desk, told)


def test_control_with_plain_errors_a_full_disk_is_a_fault_of_ours(
    desk: Desk, small: Servers
) -> None:
    desk.shop.wait_for_web(desk.shop.web(app=PLAIN_ERRORS))
    body = link_body(desk.new_customer())

    with full_disk(desk, small, body) as seen:
        pass

    assert set(seen.values()) == {201, 500}
