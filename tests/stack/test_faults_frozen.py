"""A worker frozen for longer than its lease: another takes over, it wakes and gives up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from notifications.services.claims import FRESH_SECONDS
from proofs.desk import Customer, Desk
from proofs.servers import Servers, desks
from proofs.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.full]

FREEZING = "tests.stack.freezing"
FROZEN, ENDED = "frozen on purpose", "woke and came to its end"
SECONDS = 60.0
SETTLED = {("email", "sent"), ("sms", "delivered")}
# E-mail goes first, so the second pass of a place is that of the SMS.


@dataclass
class Told:
    """What reached one customer, and what the product says of it."""

    desk: Desk
    customer: Customer
    link: dict[str, Any]

    @property
    def mails(self) -> int:
        return len(self.desk.outside.mails(self.customer.email))

    @property
    def texts(self) -> int:
        return len(self.desk.outside.texts(self.customer.phone))

    @property
    def states(self) -> set[tuple[str, str]]:
        rows = self.desk.messages(self.link["id"])
        return {(row["channel"], row["state"]) for row in rows}

    def outcomes(self, channel: str) -> list[str]:
        """Of each try on that channel, oldest first."""
        rows = self.desk.shop.rows(
            "SELECT attempt.outcome FROM notifications_attempt attempt"
            " JOIN notifications_message message ON message.id = attempt.message_id"
            " WHERE message.reference = %s AND message.channel = %s"
            " ORDER BY attempt.fence",
            self.link["id"],
            channel,
        )
        return [outcome for (outcome,) in rows]

    def wait_for(self, *states: tuple[str, str]) -> None:
        eventually(lambda: self.states == set(states), within=SECONDS, what=f"{states}")


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desks(servers, tmp_path_factory.mktemp("frozen")) as open_desk:
        desk = open_desk("frozen")
        web = desk.shop.web()
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        yield desk
        assert desk.findings() == []


@pytest.fixture
def silent(desk: Desk) -> Iterator[Desk]:
    """Twilio reports nothing, so that only our own workers tell of an SMS."""
    desk.outside.twilio.plan.mode = "off"
    yield desk
    desk.outside.twilio.plan.mode = "on"


@contextmanager
def taken_over(desk: Desk, place: str, *, without: str = "") -> Iterator[Told]:
    """A link whose sender froze at `place`; in the block another worker has its work.

    The frozen one wakes at the end of the block and comes to its end.
    """
    frozen = desk.shop.worker("frozen", app=FREEZING, FREEZE_AT=place, WITHOUT=without)
    try:
        customer = desk.new_customer()
        told = Told(desk, customer, desk.new_link(customer, reminders=False))
        desk.send(told.link)
        frozen.wait_for_line(FROZEN, timeout=SECONDS)
        frozen.pause()
        too_late = time.monotonic() + FRESH_SECONDS
        desk.shop.let_leases_lapse()
        healthy = desk.shop.worker("healthy")
        try:
            yield told
            eventually(
                lambda: time.monotonic() > too_late, within=SECONDS, what="an old claim"
            )
        finally:
            healthy.kill()
        frozen.resume()
        frozen.wait_for_line(ENDED, timeout=SECONDS)
    finally:
        frozen.kill()


def test_frozen_after_its_claim_it_sends_nothing_any_more(desk: Desk) -> None:
    with taken_over(desk, "message.after_claim") as told:
        told.wait_for(*SETTLED)

    assert (told.mails, told.texts) == (1, 1)
    assert told.states == SETTLED


def test_frozen_before_the_socket_the_mail_goes_once(desk: Desk) -> None:
    with taken_over(desk, "socket") as told:
        told.wait_for(*SETTLED)

    assert (told.mails, told.texts) == (1, 1)
    assert told.states == SETTLED


def test_frozen_before_the_socket_the_sms_is_left_to_a_person(desk: Desk) -> None:
    with taken_over(desk, "socket:2") as told:
        told.wait_for(("email", "sent"), ("sms", "unknown"))

    assert (told.mails, told.texts) == (1, 0)
    assert told.states == {("email", "sent"), ("sms", "unknown")}


def test_frozen_after_the_answer_its_news_of_the_mail_comes_too_late(
    desk: Desk,
) -> None:
    with taken_over(desk, "message.after_send") as told:
        told.wait_for(*SETTLED)

    # The one copy more that a lost answer allows, under the same Message-ID.
    mails = desk.outside.mails(told.customer.email)
    assert len(mails) == 2
    assert len({mail.message_id for mail in mails}) == 1
    assert told.outcomes("email") == ["late sent", "sent"]
    assert told.texts == 1


def test_frozen_after_the_answer_the_sms_is_not_repeated(silent: Desk) -> None:
    with taken_over(silent, "message.after_send:2") as told:
        told.wait_for(("email", "sent"), ("sms", "unknown"))

    assert (told.mails, told.texts) == (1, 1)
    assert told.outcomes("sms") == ["late sent"]
    assert told.states == {("email", "sent"), ("sms", "unknown")}


def test_frozen_after_the_answer_the_report_settles_the_sms(desk: Desk) -> None:
    with taken_over(desk, "message.after_send:2") as told:
        told.wait_for(*SETTLED)

    assert (told.mails, told.texts) == (1, 1)
    assert told.states == SETTLED


def test_control_without_a_look_at_the_clock_the_mail_goes_twice(desk: Desk) -> None:
    with taken_over(desk, "socket", without="freshness") as told:
        told.wait_for(*SETTLED)

    assert told.mails == 2


def test_control_without_the_mark_of_handing_over_the_sms_goes_twice(
    silent: Desk,
) -> None:
    with taken_over(silent, "message.after_send:2", without="mark") as told:
        told.wait_for(("email", "sent"), ("sms", "sent"))

    assert told.texts == 2


def test_control_without_the_fence_late_news_overwrite_newer(desk: Desk) -> None:
    with taken_over(desk, "message.after_send:2", without="fence") as told:
        told.wait_for(*SETTLED)

    assert told.states == {("email", "sent"), ("sms", "sent")}
    assert told.outcomes("sms") == ["sent"]
