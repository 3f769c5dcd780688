from datetime import timedelta

import pytest
from django.conf import settings

from merchant_portal.celery import app
from merchant_portal.lib import clock, queue
from notifications import tasks
from notifications.models import Message

from .carriers import FakeCarrier
from .factories import Shop, message

pytestmark = pytest.mark.django_db


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(queue, "nudge", lambda name, *args: sent.append(name))
    return sent


def test_a_full_batch_wakes_the_next_worker(
    shop: Shop,
    carrier: FakeCarrier,
    nudges: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 2)
    for number in range(3):
        message(number)
    nudges.clear()

    assert tasks.send_due() == 2
    assert nudges == ["notifications.tasks.send_due"]
    assert tasks.send_due() == 1
    assert tasks.send_due() == 0
    assert len(nudges) == 1
    assert len(carrier.taken) == 3


def test_sweep_finds_what_a_dead_worker_held(shop: Shop, carrier: FakeCarrier) -> None:
    row = message()
    Message.objects.update(
        state="sending",
        fence=1,
        tries=1,
        lease_until=clock.database_now() - timedelta(seconds=1),
    )

    tasks.sweep()

    assert [o.public_id for o in carrier.taken] == [row.public_id]
    row.refresh_from_db()
    assert (row.state, row.fence, row.tries) == ("sent", 2, 2)


def test_beat_sweeps_by_a_name_that_exists() -> None:
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert "notifications.tasks.sweep" in names
    app.loader.import_default_modules()
    assert {"notifications.tasks.sweep", "notifications.tasks.send_due"} <= set(
        app.tasks
    )
