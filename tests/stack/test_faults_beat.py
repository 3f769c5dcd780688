"""No beat at all."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.desk import Desk
from proofs.servers import Servers, desks

from .told_once import assert_each_told_once, copies, send_to

pytestmark = pytest.mark.stack

PEOPLE = 12
SILENCE_SECONDS = 7.0
# More than one round of the sweep of messages.


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    with desks(servers, tmp_path) as open_desk:
        desk = open_desk(f"beat_{tmp_path.name.lower().replace('-', '_')}"[:60])
        yield desk
        assert desk.outside.findings() == []


def test_without_beat_each_commit_wakes_a_worker(desk: Desk) -> None:
    desk.shop.wait_for_web(desk.shop.web())
    desk.shop.wait_for_worker(desk.shop.worker("one"))

    people = send_to(desk, PEOPLE)

    assert_each_told_once(desk, people)


def test_control_without_beat_and_wakeups_nothing_leaves(desk: Desk) -> None:
    desk.shop.wait_for_web(desk.shop.web(app="tests.stack.without_wakeups:application"))
    desk.shop.wait_for_worker(desk.shop.worker("one"))

    people = send_to(desk, 2)
    time.sleep(SILENCE_SECONDS)
    before = [copies(desk, customer) for customer in people]
    desk.shop.beat()

    assert before == [(0, 0)] * len(people)
    assert_each_told_once(desk, people)
