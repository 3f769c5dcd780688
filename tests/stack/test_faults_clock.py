"""One host's clock is wrong by minutes: leases are of the database's."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.desk import Desk
from proofs.servers import Servers, desks
from proofs.shop import APP

from .told_once import send_to

pytestmark = [pytest.mark.stack, pytest.mark.full]

WAIT_SECONDS = 60.0
_numbers = itertools.count(1)
LEASE = """
    SELECT lease_until > now() AND lease_until <= now() + interval '60 seconds'
    FROM notifications_message WHERE state = 'sending'
"""


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    with desks(servers, tmp_path) as open_desk:
        yield open_desk(f"clock_{next(_numbers)}")


def wrong_by(seconds: int) -> dict[str, str]:
    """What makes a process live at another time; how fast time goes stays as it is."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.fail("libfaketime is missing: apt-get install faketime")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": f"{seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def leave_a_claim(desk: Desk, seconds: int, app: str) -> list[tuple[bool]]:
    """A worker at the wrong time dies right after claiming; whether its lease is right."""
    desk.shop.wait_for_web(desk.shop.web())
    worker = desk.shop.worker(
        "wrong", app=app, CRASH_POINT="message.after_claim", **wrong_by(seconds)
    )
    send_to(desk, 1)
    worker.wait_for_line(r"signal 9 \(SIGKILL\)|was sent SIGKILL", timeout=WAIT_SECONDS)
    worker.kill()
    seen = desk.shop.rows(LEASE)
    assert seen
    return sorted(set(seen))


def test_a_lease_is_of_the_databases_clock(desk: Desk) -> None:
    assert leave_a_claim(desk, 600, APP) == [(True,)]


def test_control_by_its_own_clock_a_lease_is_wrong(desk: Desk) -> None:
    assert leave_a_claim(desk, 600, "tests.stack.with_own_clock") == [(False,)]
