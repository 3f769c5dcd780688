"""The embedded default: one process group on SQLite, killed and ended in the middle."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from merchant_portal.celery import EMBEDDED_THREADS
from proofs import http
from proofs.desk import Customer, Desk
from proofs.processes import ChildProcess, assert_none_left
from proofs.servers import Servers, desks
from proofs.waiting import eventually

pytestmark = pytest.mark.stack

LINKS = 20
CTRL_C_SECONDS = 5.0


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    with desks(servers, tmp_path) as open_desk:
        yield open_desk("embedded", is_embedded=True)


@pytest.fixture
def web(desk: Desk) -> ChildProcess:
    """The one process group; worker and beat are threads in it."""
    web = desk.shop.web()
    desk.shop.wait_for_web(web)
    return web


def send_all(desk: Desk, links: list[dict[str, Any]]) -> list[int]:
    """Send each link under its own Idempotency-Key; how each was answered, 0 = not."""
    statuses = []
    for link in links:
        try:
            answer = desk.shop.api_post(
                f"links/{link['id']}/send",
                {"channels": ["email", "sms"]},
                key=f"send-{link['id']}",
            )
        except http.Hung:
            statuses.append(0)
        else:
            statuses.append(answer.status)
    return statuses


def test_kill_in_the_middle_of_sending_loses_and_doubles_nothing(
    desk: Desk, web: ChildProcess
) -> None:
    people = [desk.new_customer() for _ in range(LINKS)]
    links = [desk.new_link(person) for person in people]
    sender = threading.Thread(target=send_all, args=(desk, links))
    sender.start()
    eventually(lambda: taken(desk, people) >= 3, within=30, what="the third SMS")
    web.kill()
    sender.join()
    in_the_middle = taken(desk, people)
    assert in_the_middle < LINKS
    desk.shop.let_leases_lapse()
    desk.shop.let_requests_lapse()

    web.start()
    desk.shop.wait_for_web(web)

    assert send_all(desk, links) == [202] * LINKS
    desk.shop.wait_for_rows(
        [(0,)],
        "SELECT count(*) FROM notifications_message"
        " WHERE state NOT IN ('sent', 'delivered', 'unknown')",
        within=40,
    )
    rows = desk.shop.rows("SELECT reference, channel FROM notifications_message")
    assert sorted(rows) == sorted(
        (link["id"], channel) for link in links for channel in ("email", "sms")
    )
    unknown = {
        number
        for (number,) in desk.shop.rows(
            "SELECT recipient FROM notifications_message WHERE state = 'unknown'"
        )
    }
    for person in people:
        # An SMS that was being handed over is left to a person, taken or not.
        taken_of_person = len(desk.outside.texts(person.phone))
        assert taken_of_person == 1 or (
            taken_of_person == 0 and person.phone in unknown
        )
        mails = desk.outside.mails(person.email)
        assert len({mail.message_id for mail in mails}) == 1
    # Only what was being handed over at the kill, or 50 ms before, when what was sent is
    # written down in groups, may have gone out unrecorded.
    extra = sum(len(desk.outside.mails(person.email)) for person in people) - LINKS
    assert extra + len(unknown) <= 2 * EMBEDDED_THREADS
    assert desk.findings() == []


def taken(desk: Desk, people: list[Customer]) -> int:
    return sum(len(desk.outside.texts(person.phone)) for person in people)


def test_ctrl_c_leaves_no_process_even_while_an_sms_hangs(
    desk: Desk, web: ChildProcess
) -> None:
    desk.outside.twilio.faults.set("hang", {"seconds": 30})
    desk.send(desk.new_link(desk.new_customer()))
    eventually(
        lambda: any(call.status is None for call in desk.outside.twilio.ledger.calls()),
        within=20,
        what="an SMS that hangs",
    )

    web.signal(signal.SIGINT)

    assert_none_left([web], timeout=CTRL_C_SECONDS)
