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


def nudge_at_once(capture: DjangoCaptureOnCommitCallbacks) -> float:
    started = time.monotonic()
    with capture(execute=True):
        queue.nudge(TASK, 7)
    return time.monotonic() - started


@pytest.mark.django_db
def test_sends_the_name_and_the_keys_after_the_commit(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    sent: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(
        app,
        "send_task",
        lambda name, args, **_options: sent.append((name, args)),
    )

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        queue.nudge(TASK, 7)
        assert sent == []

    assert sent == [(TASK, (7,))]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "most"), [("refused_port", 1.0), ("silent_port", 3.0)]
)
def test_absent_broker_costs_little_and_is_logged_once(
    kind: str,
    most: float,
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

    assert first < most  # two seconds of silence, and a busy machine
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
