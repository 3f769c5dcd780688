import time
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django.fixtures import Settings

from links.models import LastSweep
from links.services import ticks
from links.tasks import sweep
from merchant_portal import health
from merchant_portal.business import services as business_services
from merchant_portal.celery import Embedded
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Category, ChannelName, Message
from proofs.processes import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _worker_runs(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """No thread is started in a test, and the process is new; each says what is down."""
    settings.EMBEDDED = True
    monkeypatch.setattr(Embedded, "is_alive", True)
    # the suite may have run for longer than a sweep may be silent
    monkeypatch.setattr(ticks, "_started", time.monotonic())


def message(*, due_seconds_ago: int) -> Message:
    now = clock.now()
    return Message.objects.create(
        kind="invitation",
        category=Category.INVITATION,
        channel=ChannelName.EMAIL,
        reference="plk_1",
        recipient="ada@example.com",
        language="en",
        dedupe_key=f"health:{due_seconds_ago}",
        due_at=now - timedelta(seconds=due_seconds_ago),
        created_at=now,
    )


def test_alive_says_ok_without_the_database(client: Client) -> None:
    with patch.object(connection, "cursor", side_effect=OperationalError):
        answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_ready_when_all_parts_work(client: Client) -> None:
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": dict.fromkeys(
            ["database", "broker", "beat", "clock", "outbox", "inbox"], "ok"
        ),
        "oldest_due_seconds": {"outbox": 0, "inbox": 0},
    }
    assert "no-store" in answer["Cache-Control"]


def test_health_answers_reads_only(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


def test_not_ready_without_the_database(client: Client) -> None:
    with patch.object(
        connection, "cursor", side_effect=OperationalError("at db.example")
    ):
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "the database does not answer"
    assert b"db.example" not in answer.content


def test_not_ready_while_a_migration_is_missing(client: Client) -> None:
    ((app, newest),) = MigrationLoader(connection).graph.leaf_nodes("links")
    MigrationRecorder(connection).record_unapplied(app, newest)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["checks"]["database"]


def test_not_ready_when_the_embedded_worker_is_gone(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Embedded, "is_alive", False)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"].startswith("the embedded worker")


def test_not_ready_when_redis_refuses(client: Client, settings: Settings) -> None:
    settings.EMBEDDED = False
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"].startswith("the broker does not answer")
    assert answer.json()["checks"]["database"] == "ok"


def test_not_ready_when_no_sweep_has_run_for_two_minutes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = timedelta(seconds=health.SILENT_SECONDS + 30)
    ticks.note()
    LastSweep.objects.update(at=clock.database_now() - long_ago)
    just_started = client.get("/readyz")
    monkeypatch.setattr(ticks, "_started", ticks._started - 3600)

    silent = client.get("/readyz")
    sweep()
    again = client.get("/readyz")

    assert (just_started.status_code, again.status_code) == (200, 200)
    assert silent.status_code == 503
    assert silent.json()["checks"]["beat"].startswith("no sweep has run for 15")


def test_not_ready_when_no_sweep_ever_ran(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticks, "_started", ticks._started - 3600)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "is beat running?" in answer.json()["checks"]["beat"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(600, "600 seconds ahead of"), (-600, "600 seconds behind")]
)
def test_not_ready_with_a_wrong_clock(
    client: Client, monkeypatch: pytest.MonkeyPatch, seconds: int, said: str
) -> None:
    true_now = clock.database_now
    monkeypatch.setattr(
        clock, "database_now", lambda: true_now() - timedelta(seconds=seconds)
    )

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert (
        answer.json()["checks"]["clock"]
        == f"this host's clock is {said} the database's"
    )


def test_a_short_wait_is_shown_and_a_long_one_is_not_ready(client: Client) -> None:
    message(due_seconds_ago=60)
    short = client.get("/readyz")
    message(due_seconds_ago=health.LATE_SECONDS + 100)
    long = client.get("/readyz")

    assert short.status_code == 200
    assert 60 <= short.json()["oldest_due_seconds"]["outbox"] < 90
    assert long.status_code == 503
    assert "has waited" in long.json()["checks"]["outbox"]


def test_what_waits_because_sending_is_stopped_is_not_late(client: Client) -> None:
    message(due_seconds_ago=health.LATE_SECONDS + 100)
    business_services.stop_sending(actor=SYSTEM)

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["oldest_due_seconds"]["outbox"] == 0


def test_what_is_due_later_has_not_waited(client: Client) -> None:
    message(due_seconds_ago=-3600)

    answer = client.get("/readyz")

    assert answer.json()["oldest_due_seconds"] == {"outbox": 0, "inbox": 0}
