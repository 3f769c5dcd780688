"""Two beats, none, and beats that die amid their work."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proofs.desk import Customer, Desk
from proofs.servers import Servers, desks
from proofs.shop import APP
from proofs.waiting import eventually

from .told_once import assert_each_told_once, copies, send_to, wait_until_all_final

pytestmark = [pytest.mark.stack, pytest.mark.full]

PEOPLE = 12
DAYS = 4
# The first reminder comes three days after sending; noon is outside quiet hours.
SILENCE_SECONDS = 7.0
# More than one round of the sweep of messages.
QUEUED = "SELECT count(*) FROM notifications_message WHERE kind = 'reminder'"
PLANNED = (
    "SELECT count(*) FROM links_reminderdue"
    " WHERE state = 'planned' AND due_at < now() + interval '4 days'"
)


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    with desks(servers, tmp_path) as open_desk:
        desk = open_desk(f"beat_{tmp_path.name.lower().replace('-', '_')}"[:60])
        yield desk
        assert desk.findings() == []


def at_noon_in_four_days() -> str:
    """The CLOCK_OFFSET that makes it so."""
    now = datetime.now(UTC)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    return str(int((noon + timedelta(days=DAYS) - now).total_seconds()))


def invite(desk: Desk) -> list[Customer]:
    """People with a link whose first reminder will be due in four days."""
    web = desk.shop.web()
    desk.shop.wait_for_web(web)
    worker = desk.shop.worker("today")
    desk.shop.wait_for_worker(worker)
    people = send_to(desk, PEOPLE)
    wait_until_all_final(desk)
    for process in (worker, web):
        process.kill()
        desk.shop.processes.remove(process)
    return people


def remind(desk: Desk, *, app: str = APP) -> None:
    """Four days later, two workers and two beats; both beats die amid their work."""
    offset = at_noon_in_four_days()
    for name in ("one", "two"):
        desk.shop.wait_for_worker(desk.shop.worker(name, app=app, CLOCK_OFFSET=offset))
    beats = [desk.shop.beat(name) for name in ("beat", "other-beat")]
    eventually(lambda: desk.shop.rows(QUEUED) != [(0,)], within=60.0, what="reminders")
    for beat in beats:
        beat.kill()
    beats[0].start()
    desk.shop.wait_for_rows([(0,)], PLANNED, within=60.0)
    wait_until_all_final(desk)


def reminders(desk: Desk, people: list[Customer]) -> list[int]:
    """How many mails each got beside the invitation."""
    return [copies(desk, customer)[0] - 1 for customer in people]


def test_two_beats_that_die_amid_their_work_remind_once(desk: Desk) -> None:
    people = invite(desk)

    remind(desk)

    assert reminders(desk, people) == [1] * PEOPLE
    assert [copies(desk, customer)[1] for customer in people] == [2] * PEOPLE


def test_control_without_guards_two_beats_remind_twice(desk: Desk) -> None:
    people = invite(desk)

    remind(desk, app="tests.stack.without_planning_guards")

    assert max(reminders(desk, people)) > 1


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
