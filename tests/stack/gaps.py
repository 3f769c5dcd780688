"""Two at once, with the first held where it matters until the second has played."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import pytest
from django.db import connection, models

from .threads import together

P = ParamSpec("P")
T = TypeVar("T")
STAND_SECONDS = 10.0
LOOK_SECONDS = 0.01
WAITS_FOR_ME = """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
"""


class Gap:
    """A place at which one of two jobs stands until it is clear what the other does.

    It goes on when the other one has come here too, has ended, or waits for a lock of
    the one that stands: with a guard, and without it, the same every time.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._arrived: set[int] = set()
        self._has_ended = False

    def run(
        self, first: Callable[[], T], second: Callable[[], T]
    ) -> list[T | Exception]:
        """Both at once; what each gave back or raised, in their order."""
        return together([self._ending(first), self._ending(second)])

    def run_well(self, first: Callable[[], T], second: Callable[[], T]) -> list[T]:
        """`run`, where neither may raise."""
        results: list[T] = []
        for result in self.run(first, second):
            if isinstance(result, Exception):
                raise result
            results.append(result)
        return results

    def before(self, function: Callable[P, T]) -> Callable[P, T]:
        """`function`, with this gap in front of it."""

        def stand_then_call(*args: P.args, **kwargs: P.kwargs) -> T:
            self.stand()
            return function(*args, **kwargs)

        return stand_then_call

    def after(self, function: Callable[P, T]) -> Callable[P, T]:
        """`function`, with this gap behind it."""

        def call_then_stand(*args: P.args, **kwargs: P.kwargs) -> T:
            result = function(*args, **kwargs)
            self.stand()
            return result

        return call_then_stand

    def at(self, point: str) -> Callable[[str], None]:
        """What to put in the place of `crash.crash_at` to have the gap at `point`."""

        def pass_by(name: str) -> None:
            if name == point:
                self.stand()

        return pass_by

    def once_taken(self, job: Callable[[], T]) -> Callable[[], T]:
        """`job`, begun only when the other one stands here."""

        def wait_then_run() -> T:
            with self._change:
                if not self._change.wait_for(lambda: self._arrived, STAND_SECONDS):
                    pytest.fail("The other one did not come.")
            return job()

        return wait_then_run

    def stand(self) -> None:
        with self._change:
            self._arrived.add(threading.get_ident())
            self._change.notify_all()
        deadline = time.monotonic() + STAND_SECONDS
        while not self._is_other_here_or_gone() and not _somebody_waits_for_me():
            if time.monotonic() > deadline:
                pytest.fail("The other one neither came, nor ended, nor waited.")

    def _is_other_here_or_gone(self) -> bool:
        with self._change:
            return self._change.wait_for(
                lambda: len(self._arrived) > 1 or self._has_ended, LOOK_SECONDS
            )

    def _ending(self, job: Callable[[], T]) -> Callable[[], T]:
        def run_then_tell() -> T:
            try:
                return job()
            finally:
                with self._change:
                    self._has_ended = True
                    self._change.notify_all()

        return run_then_tell


def _somebody_waits_for_me() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITS_FOR_ME)
        return bool(cursor.fetchone()[0])


@contextmanager
def without_constraint(model: type[models.Model], name: str) -> Iterator[None]:
    """The test's database lacks this constraint inside the block.

    The rows of that table go at its end, so that it can be put back.
    """
    (constraint,) = [c for c in model._meta.constraints if c.name == name]
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        model._base_manager.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)
