"""Every odd answer of Twilio: what goes again, and that an SMS never does by itself.

As in test_faults_carriers: a real server with a ledger, a moved hour, and controls that
take one rule away.
"""

import pytest
from pytest_django.live_server_helper import LiveServer

from conftest import FrozenClock
from notifications.channels import sms as sms_channel
from notifications.channels import twilio
from notifications.models import Message
from notifications.services import claims, delivery
from proofs.waiting import eventually

from .carriers import Carriers, message

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql", "frozen")]


@pytest.mark.parametrize(("asked", "least"), [(1, 60), (600, 600)])
def test_too_many_sms_wait_as_long_as_twilio_asks(
    world: Carriers, frozen: FrozenClock, asked: int, least: int
) -> None:
    world.twilio.faults.set("rate_limit", {"times": 1, "retry_after": asked})
    link = world.invite("sms")

    world.work()

    waiting = message(link)
    assert waiting.state == "queued"
    assert least <= (waiting.due_at - frozen.at).total_seconds() <= least * 1.2
    assert world.texts() == []
    frozen.move_to(waiting.due_at)
    world.work()
    assert message(link).state == "sent"
    assert len(world.texts()) == 1


LOST_ANSWERS = [
    ("error_500", 0),
    ("hang", 0),
    ("take_then_500", 1),
    ("take_then_hang", 1),
    ("take_then_reset", 1),
]


def lose_the_answer(world: Carriers, frozen: FrozenClock, fault: str) -> Message:
    """An SMS of which no answer came, a day later."""
    world.twilio.faults.set(fault, {"times": 1, "seconds": 1.5})
    link = world.invite("sms")
    world.work()
    for _hour in range(24):
        frozen.move(hours=1)
        claims.reap()
        world.work()
    return message(link)


@pytest.mark.parametrize(("fault", "taken"), LOST_ANSWERS)
def test_an_sms_without_an_answer_is_unknown_and_never_repeated(
    world: Carriers,
    frozen: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    taken: int,
) -> None:
    monkeypatch.setattr(twilio, "TIMEOUT_SECONDS", 0.5)

    row = lose_the_answer(world, frozen, fault)

    assert (row.state, row.tries) == ("unknown", 1)
    assert len(world.texts()) == taken


def test_control_with_unknown_repeated_the_sms_comes_twice(
    world: Carriers, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sms_channel.SmsChannel, "repeats_unclear", True)

    row = lose_the_answer(world, frozen, "take_then_reset")

    assert row.state == "sent"
    assert len(world.texts()) == 2


def test_a_delivery_report_settles_what_was_unknown(
    world: Carriers, live_server: LiveServer
) -> None:
    world.settings.PUBLIC_URL = live_server.url
    world.twilio.faults.set("take_then_reset", 1)
    link = world.invite("sms")

    world.work()

    eventually(lambda: message(link).state == "delivered", within=30, what="the report")
    assert len(world.texts()) == 1


def opted_out_then_sent_again(world: Carriers) -> tuple[Message, Message]:
    world.twilio.faults.set("error_21610", 1)
    first = world.invite("sms", phone="+14155559999")
    world.work()
    second = world.invite("sms", phone="+14155559999")
    world.work()
    return message(first), message(second)


def test_a_number_that_opted_out_at_twilio_is_not_written_to_again(
    world: Carriers,
) -> None:
    first, second = opted_out_then_sent_again(world)

    assert (first.state, first.tries) == ("failed", 1)
    assert (second.state, second.tries) == ("suppressed", 0)
    assert world.texts() == []


def test_control_without_suppressing_the_number_is_written_to_again(
    world: Carriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_suppress", lambda row, detail: None)

    _first, second = opted_out_then_sent_again(world)

    assert (second.state, len(world.texts())) == ("sent", 1)
