"""Every odd answer of a mail server: what goes again, what never does.

The server is real and keeps a ledger; the hour is moved, so that no test waits for a
backoff. Each control takes one rule away and nothing else.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import FrozenClock
from links.models import PaymentLink
from merchant_portal.lib import ids
from notifications.channels import email as email_channel
from notifications.channels.base import Refused
from notifications.models import ChannelPause, Message, OptOut
from notifications.services import delivery
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink

from .carriers import LOGIN, Carriers, message, self_signed

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql", "frozen")]


def refuse_once(world: Carriers, code: int) -> None:
    """The next mail is answered with `code`, at the word of SMTP where it belongs."""
    if code in {421, 554}:
        world.sink.faults.set("refuse_mail", {"code": code, "times": 1})
    else:
        world.sink.faults.set("refuse_data", {"code": code, "times": 1})


# A mail server that says "later".


@pytest.mark.parametrize("code", [421, 450, 451, 452])
def test_a_temporary_refusal_is_tried_again_after_a_minute(
    world: Carriers, frozen: FrozenClock, code: int
) -> None:
    refuse_once(world, code)
    link = world.invite("email")

    world.work()

    waiting = message(link)
    assert waiting.state == "queued"
    assert f"{code}" in waiting.last_error
    assert 60 <= (waiting.due_at - frozen.at).total_seconds() <= 72
    assert world.work() == 0
    frozen.move(seconds=73)
    world.work()
    assert message(link).state == "sent"
    assert len(world.mails()) == 1


def test_each_wait_is_four_times_the_last_and_five_tries_are_all(
    world: Carriers, frozen: FrozenClock
) -> None:
    world.sink.faults.set("refuse_data", {"code": 451})
    link = world.invite("email")

    for seconds in (60, 240, 960, 3840):
        assert world.work() == 1
        waiting = message(link)
        assert 1 <= (waiting.due_at - frozen.at).total_seconds() / seconds <= 1.2
        frozen.move_to(waiting.due_at)
    world.work()

    assert message(link).state == "failed"
    frozen.move(days=1)
    assert world.work() == 0
    assert world.mails() == []
    assert not OptOut.objects.exists()


def test_control_without_a_second_try_greylisting_loses_the_mail(
    world: Carriers, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_TRIES", 1)
    refuse_once(world, 451)
    link = world.invite("email")

    world.work()
    frozen.move(days=1)
    world.work()

    assert message(link).state == "failed"
    assert world.mails() == []


# A mail server that says "never".


def refused_then_sent_again(world: Carriers, code: int) -> tuple[Message, Message]:
    """A refused mail, and what became of one more to that address."""
    world.sink.faults.set("refuse_data", {"code": code, "times": 1})
    first = world.invite("email", email="gone@example.com")
    world.work()
    second = world.invite("email", email="gone@example.com")
    world.work()
    return message(first), message(second)


def test_an_address_that_does_not_exist_is_not_written_to_again(
    world: Carriers,
) -> None:
    first, second = refused_then_sent_again(world, 550)

    assert (first.state, first.tries) == ("failed", 1)
    assert (second.state, second.tries) == ("suppressed", 0)
    assert world.mails() == []


@pytest.mark.parametrize("code", [552, 553, 554])
def test_another_refusal_fails_the_mail_but_keeps_the_address(
    world: Carriers, code: int
) -> None:
    first, second = refused_then_sent_again(world, code)

    assert (first.state, first.tries) == ("failed", 1)
    assert second.state == "sent"
    assert len(world.mails()) == 1


def test_control_without_suppressing_the_dead_address_is_tried_again(
    world: Carriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_suppress", lambda row, detail: None)

    _first, second = refused_then_sent_again(world, 550)

    assert (second.state, second.tries) == ("sent", 1)


# A mail server that takes nothing from us at all.


def with_wrong_password(world: Carriers, folder: Path) -> SmtpServer:
    world.settings.EMAIL_HOST_USER, world.settings.EMAIL_HOST_PASSWORD = LOGIN[0], "no"
    return SmtpServer(SmtpSink(world.sink.ledger, login=LOGIN))


def without_starttls(world: Carriers, folder: Path) -> SmtpServer:
    world.settings.EMAIL_USE_TLS = True
    return SmtpServer(world.sink)


def with_words_in_the_clear(world: Carriers, folder: Path) -> SmtpServer:
    world.settings.EMAIL_USE_SSL = True
    return SmtpServer(world.sink)


def with_a_certificate_of_nobody(world: Carriers, folder: Path) -> SmtpServer:
    world.settings.EMAIL_USE_TLS = True
    return SmtpServer(world.sink, tls=self_signed(folder))


REFUSALS = (
    with_wrong_password,
    without_starttls,
    with_words_in_the_clear,
    with_a_certificate_of_nobody,
)


def mend(world: Carriers) -> None:
    world.settings.EMAIL_USE_TLS = world.settings.EMAIL_USE_SSL = False
    world.settings.EMAIL_HOST_USER, world.settings.EMAIL_HOST_PASSWORD = LOGIN
    world.end_pauses()


@pytest.mark.parametrize("server", REFUSALS)
def test_a_server_that_refuses_us_pauses_mail_and_burns_no_message(
    world: Carriers,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    server: Callable[[Carriers, Path], SmtpServer],
) -> None:
    with server(world, tmp_path) as refusing:
        world.use_mail_server(refusing)
        links = [world.invite("email", "sms") for _ in range(3)]

        world.work()

        assert states(links, "email") == {("queued", 0)}
        assert states(links, "sms") == {("sent", 1)}
        [pause] = ChannelPause.objects.all()
        assert (pause.channel, "EMAIL_URL" in pause.reason) == ("email", True)
        [alert] = [r for r in caplog.records if r.name == delivery.__name__]
        assert alert.levelname == "ERROR"
        assert "channel paused" in alert.getMessage()
        assert world.work() == 0
    with SmtpServer(SmtpSink(world.sink.ledger, login=LOGIN)) as mended:
        world.use_mail_server(mended)
        mend(world)
        world.work()
    assert states(links, "email") == {("sent", 1)}
    assert len(world.mails()) == len(set(world.mails())) == 3
    assert len(world.texts()) == 3


def test_control_without_the_pause_a_wrong_password_burns_every_mail(
    world: Carriers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(text: str, *, is_misconfigured: bool) -> Refused:
        return Refused(text)

    monkeypatch.setattr(email_channel, "ChannelDown", refused)
    with with_wrong_password(world, tmp_path) as refusing:
        world.use_mail_server(refusing)
        links = [world.invite("email") for _ in range(3)]
        world.work()

    assert states(links, "email") == {("failed", 1)}


def test_control_without_remembering_the_pause_the_server_is_asked_each_round(
    world: Carriers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_pause", lambda channel, exc: None)
    with with_wrong_password(world, tmp_path) as refusing:
        world.use_mail_server(refusing)
        world.invite("email")

        assert [world.work() for _round in range(3)] == [1, 1, 1]


def states(links: list[PaymentLink], channel: str) -> set[tuple[str, int]]:
    """(state, tries) of the messages of these links on one channel."""
    rows = Message.objects.filter(
        reference__in=[link.public_id for link in links], channel=channel
    )
    assert len(rows) == len(links)
    return {(row.state, row.tries) for row in rows}


# A mail of which nobody knows whether it was taken.


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ("accept_then_drop", 2),
        ("accept_then_hang", 2),
        ("hang_after_data", 1),
    ],
)
def test_a_mail_without_an_answer_goes_again_under_the_same_message_id(
    world: Carriers, frozen: FrozenClock, fault: str, taken: int
) -> None:
    world.settings.EMAIL_TIMEOUT = 0.5
    world.sink.faults.set(fault, {"times": 1, "seconds": 2})
    link = world.invite("email")

    world.work()

    assert message(link).state == "queued"
    world.settings.EMAIL_TIMEOUT = 5
    frozen.move(seconds=73)
    world.work()
    assert message(link).state == "sent"
    assert len(world.mails()) == taken
    assert len(set(world.mails())) == 1


def test_control_with_a_new_message_id_a_reader_sees_two_mails(
    world: Carriers, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        email_channel,
        "message_id_of",
        lambda public_id: f"<{ids.new('mid')}@x.example>",
    )
    world.sink.faults.set("accept_then_drop", 1)
    world.invite("email")

    world.work()
    frozen.move(seconds=73)
    world.work()

    assert len(set(world.mails())) == 2
