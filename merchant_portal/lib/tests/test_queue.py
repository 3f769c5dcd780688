import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import Celery
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from merchant_portal.celery import app

from .. import queue

TASK = "links.tasks.process_webhook"
Sent = list[tuple[str, tuple[object, ...]]]
GROWN = {"socket_timeout": 2, "socket_connect_timeout": 1, "max_retries": 0}


@contextmanager
def broker(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The wake-ups go to `url`, with the options of a grown installation."""
    elsewhere = Celery("elsewhere", broker=url, set_as_current=False)
    elsewhere.conf.broker_transport_options = GROWN
    monkeypatch.setattr(queue, "current_app", elsewhere)
    try:
        yield
    finally:
        elsewhere.close()


@pytest.fixture
def refused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield int(listener.getsockname()[1])


def nudge_at_once(capture: DjangoCaptureOnCommitCallbacks, key: int = 7) -> float:
    """How many seconds the caller was held up; the wake-up is sent or given up."""
    started = time.monotonic()
    with capture(execute=True):
        queue.nudge(TASK, key)
    held_up = time.monotonic() - started
    assert queue.flush(30)
    return held_up


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What is published, and never leaves."""
    sent: Sent = []

    def send_task(name: str, args: tuple[object, ...], **_options: object) -> None:
        sent.append((name, args))

    monkeypatch.setattr(app, "send_task", send_task)
    return sent


@pytest.mark.django_db
def test_sends_the_name_and_the_keys_after_the_commit(
    sent: Sent, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        queue.nudge(TASK, 7)
        assert queue.flush(30)
        assert sent == []

    assert queue.flush(30)
    assert sent == [(TASK, (7,))]


@pytest.mark.django_db
def test_several_at_once_become_few(
    sent: Sent,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    monkeypatch.setattr(queue, "GATHER_SECONDS", 1.0)

    with django_capture_on_commit_callbacks(execute=True):
        for key in range(20):
            queue.nudge(TASK, key)
            queue.nudge("notifications.tasks.send_due")
            queue.nudge("links.tasks.settle_checkout", key % 2)

    assert queue.flush(30)
    assert sent == [
        ("notifications.tasks.send_due", ()),
        ("links.tasks.settle_checkout", (0,)),
        ("links.tasks.settle_checkout", (1,)),
        (TASK, tuple(range(16))),
        (TASK, (16, 17, 18, 19)),
    ]


@pytest.mark.django_db
def test_a_forked_process_sends_its_own(
    sent: Sent, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    nudge_at_once(django_capture_on_commit_callbacks)
    parents = queue._publisher
    queue._start_anew()  # as it is run in the child

    nudge_at_once(django_capture_on_commit_callbacks, 8)

    assert queue._publisher is not parents
    assert sent == [(TASK, (7,)), (TASK, (8,))]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["refused_port", "silent_port"])
def test_absent_broker_holds_nobody_up_and_is_logged_once(
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    port = request.getfixturevalue(kind)
    url = f"redis://127.0.0.1:{port}/0"

    with (
        broker(url, monkeypatch),
        caplog.at_level(logging.WARNING, logger=queue.__name__),
    ):
        first = nudge_at_once(django_capture_on_commit_callbacks)
        second = nudge_at_once(django_capture_on_commit_callbacks)

    assert first < 0.5  # the silent one takes its two seconds elsewhere
    assert second < 0.5
    lines = [entry.getMessage() for entry in caplog.records]
    assert len(lines) == 1
    assert TASK in lines[0]


@pytest.mark.django_db
def test_tries_again_after_the_pause(
    refused_port: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    monkeypatch.setattr(queue, "PAUSE_SECONDS", 0.0)

    with broker(f"redis://127.0.0.1:{refused_port}/0", monkeypatch):
        nudge_at_once(django_capture_on_commit_callbacks)
        nudge_at_once(django_capture_on_commit_callbacks)

    assert len(caplog.records) == 2


def test_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        queue.nudge("links.tasks.nothing", 1)


@pytest.mark.django_db
def test_control_sent_by_the_caller_a_silent_broker_holds_it_up(
    silent_port: int,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    monkeypatch.setattr(queue._publisher, "put", queue._send)

    with broker(f"redis://127.0.0.1:{silent_port}/0", monkeypatch):
        held_up = nudge_at_once(django_capture_on_commit_callbacks)

    assert held_up > 1.5
