from collections.abc import Callable
from types import SimpleNamespace

import psycopg
import pytest
from django.db import (
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)

from merchant_portal.lib import database

GONE = psycopg.OperationalError("the connection is lost")


def failure(kind: type[Error], cause: Exception) -> Error:
    error = kind(str(cause))
    error.__cause__ = cause
    return error


DEADLOCK = failure(OperationalError, psycopg.errors.DeadlockDetected())
SERIALIZATION = failure(OperationalError, psycopg.errors.SerializationFailure())
LOCK_TIMEOUT = failure(OperationalError, psycopg.errors.LockNotAvailable())
LOST = failure(OperationalError, GONE)
READ_ONLY = failure(InternalError, psycopg.errors.ReadOnlySqlTransaction())


class Work:
    """Fails with these errors, one a call, then gives "done"."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture(autouse=True)
def moments(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """No pause; the function lets that many seconds pass with each look at the clock."""
    now = [0.0]
    step = [0.0]

    def monotonic() -> float:
        now[0] += step[0]
        return now[0]

    clock = SimpleNamespace(monotonic=monotonic, sleep=lambda _: None)
    monkeypatch.setattr(database, "time", clock)
    connection = SimpleNamespace(
        in_atomic_block=False, close_if_unusable_or_obsolete=lambda: None
    )
    monkeypatch.setattr(database, "connection", connection)
    return lambda seconds: step.__setitem__(0, seconds)


@pytest.mark.parametrize(
    "error", [DEADLOCK, SERIALIZATION, LOCK_TIMEOUT, LOST, READ_ONLY, InterfaceError()]
)
def test_passes_by_itself(error: Error) -> None:
    assert database.is_passing(error)


@pytest.mark.parametrize(
    "error", [IntegrityError(), ProgrammingError(), InternalError(), ValueError(), None]
)
def test_does_not_pass_by_itself(error: Exception | None) -> None:
    assert not database.is_passing(error)


@pytest.mark.parametrize("error", [DEADLOCK, SERIALIZATION, LOCK_TIMEOUT])
def test_repeats_what_was_undone(error: Error) -> None:
    work = Work(error, error)

    assert database.repeated(work) == "done"
    assert work.calls == 3


def test_gives_up_after_three_tries() -> None:
    work = Work(DEADLOCK, DEADLOCK, DEADLOCK)

    with pytest.raises(OperationalError):
        database.repeated(work)
    assert work.calls == 3


def test_what_may_have_been_done_is_repeated_under_a_key_only() -> None:
    bare, keyed = Work(LOST), Work(LOST)

    with pytest.raises(OperationalError):
        database.repeated(bare)
    assert bare.calls == 1
    assert database.repeated(keyed, is_keyed=True) == "done"


def test_a_wrong_statement_is_not_repeated() -> None:
    work = Work(IntegrityError())

    with pytest.raises(IntegrityError):
        database.repeated(work, is_keyed=True)
    assert work.calls == 1


def test_waits_for_a_lock_once_only(moments: Callable[[float], None]) -> None:
    moments(10.0)
    work = Work(LOCK_TIMEOUT, LOCK_TIMEOUT)

    with pytest.raises(OperationalError):
        database.repeated(work)
    assert work.calls == 1


def test_nothing_is_repeated_inside_a_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "connection", SimpleNamespace(in_atomic_block=True))
    work = Work(DEADLOCK)

    with pytest.raises(OperationalError):
        database.repeated(work)
    assert work.calls == 1
