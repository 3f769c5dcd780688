"""More events than one sweep wakes workers for, as after a Redis that hung."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from links import tasks
from links.models import EventState, WebhookEvent
from links.services import accounts, inbox
from merchant_portal.lib import clock, queue

from .stripe_tape import SECRET_KEY, WEBHOOK_SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that were asked for."""
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    names: list[str] = []
    monkeypatch.setattr(queue, "nudge", lambda name, *_keys: names.append(name))
    return names


def store(count: int) -> None:
    """Events of a kind that needs no look at Stripe."""
    now = clock.database_now()
    body = {
        "type": "customer.created",
        "livemode": False,
        "data": {"object": {"id": "cus_1"}},
    }
    WebhookEvent.objects.bulk_create(
        WebhookEvent(
            account=accounts.get("stripe"),
            event_id=f"evt_{number}",
            kind="customer.created",
            body=json.dumps(body | {"id": f"evt_{number}"}),
            received_at=now,
            next_try_at=now,
        )
        for number in range(count)
    )


def left() -> int:
    return WebhookEvent.objects.filter(state=EventState.RECEIVED).count()


def test_a_sweep_asks_for_more_only_when_its_page_is_full(woken: list[str]) -> None:
    store(inbox.PAGE - 1)
    tasks.sweep()
    assert "links.tasks.catch_up" not in woken

    WebhookEvent.objects.all().delete()
    store(inbox.PAGE)
    tasks.sweep()
    assert woken.count("links.tasks.catch_up") == 1


def test_a_backlog_is_worked_off_between_two_sweeps(woken: list[str]) -> None:
    store(2 * inbox.PAGE + 50)

    tasks.catch_up()

    assert left() == 0


def test_control_without_it_a_sweep_leaves_all_but_its_page(woken: list[str]) -> None:
    store(2 * inbox.PAGE + 50)

    for pk in inbox.due():
        inbox.process(pk)

    assert left() == inbox.PAGE + 50


def test_it_ends_before_the_next_sweep_however_slow_the_events_are(
    woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store(20)
    seconds = iter(range(0, 1000, 3))
    slow = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr(inbox, "time", slow)

    assert inbox.catch_up() == 2

    assert left() == 18
