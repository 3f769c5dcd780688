"""The sweep: a step that fails holds up none of the others."""

from collections.abc import Callable

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from links import tasks
from links.services import reminding
from merchant_portal.lib import queue

from .factories import make_link

pytestmark = pytest.mark.django_db


def fails() -> int:
    raise ArithmeticError("one row of one shop")


def runs_out() -> int:
    raise SoftTimeLimitExceeded


def ran_beside(monkeypatch: pytest.MonkeyPatch, bad: Callable[[], object]) -> list[str]:
    """The steps that had their turn where the one that reminds goes wrong."""
    ran: list[str] = []

    def seen(step: Callable[[], object]) -> Callable[[], object]:
        def run() -> object:
            ran.append(step.__name__)
            return step()

        run.__module__, run.__name__ = step.__module__, step.__name__
        return run

    monkeypatch.setattr(reminding, "enqueue_due", bad)
    monkeypatch.setattr(tasks, "STEPS", tuple(map(seen, tasks.STEPS)))
    return ran


def test_what_fails_is_told_when_all_others_had_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = ran_beside(monkeypatch, fails)
    make_link()

    with queue.silenced(), pytest.raises(ArithmeticError):
        tasks.sweep()

    assert len(ran) == len(tasks.STEPS)
    assert ran.index("_wake_money") < ran.index("_remind") < len(ran) - 1


def test_a_task_whose_time_is_up_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = ran_beside(monkeypatch, runs_out)

    with queue.silenced(), pytest.raises(SoftTimeLimitExceeded):
        tasks.sweep()

    assert ran[-1] == "_remind"
