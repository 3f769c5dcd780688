"""What every test of the product gets: no way out, a tidy database, a still clock."""

import gc
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.db import connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.http import HttpRequest
from django.utils import translation
from pytest_django import DjangoDbBlocker

from merchant_portal.audit import triggers
from merchant_portal.lib import clock, queue

NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
# A Monday in summer time, far from every month's end.
LONG = ("stack", "browser")
# Marks of tests that start processes.


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a test that did not run is a test that failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or os.environ.get("CI", "").lower() not in {"1", "true"}:
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(
            f"{len(skipped)} skipped: in CI that is a failure", red=True
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that side by side none is begun when all others are done."""
    items.sort(key=lambda item: not any(map(item.get_closest_marker, LONG)))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was read stays until the end: looking it over again and again for garbage
    takes a seventh of all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Copy a database that is migrated already, where the suite was given one."""
    template = os.environ.get("TEST_TEMPLATE")
    if template:
        connection.settings_dict["TEST"]["TEMPLATE"] = template


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Lift the audit triggers while the tables are emptied after a transactional test.

    For the class: while a browser is open, Django gives this thread another connection.
    """
    operations = type(connection.ops)
    flush = operations.execute_sql_flush

    def flush_without_triggers(
        self: BaseDatabaseOperations, sql_list: Sequence[str]
    ) -> None:
        with transaction.atomic():
            triggers.remove(connection)
            flush(self, sql_list)
            triggers.install(connection)

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "execute_sql_flush", flush_without_triggers)
        yield


@pytest.fixture(autouse=True)
def _awake_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test inherits another one's pause after a broken broker."""
    monkeypatch.setattr(queue, "_paused_until", 0.0)


@pytest.fixture(autouse=True)
def _house_language() -> Iterator[None]:
    """No test inherits the language of the last page that another one asked for."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _signed_in_a_moment_ago() -> Iterator[None]:
    """A client's `force_login` leaves what signing in with all factors leaves."""
    user_logged_in.connect(note_sign_in)
    yield
    user_logged_in.disconnect(note_sign_in)


def note_sign_in(
    request: HttpRequest, user: AbstractBaseUser, **_kwargs: object
) -> None:
    if request.session.get("account_authentication_methods"):
        return  # a real sign-in has left its own
    proofs = [{"method": name, "at": time.time()} for name in ("password", "mfa")]
    request.session["account_authentication_methods"] = proofs
    request.session["account_authentication_methods_user"] = str(user.pk)


class FrozenClock:
    """Business time that stands still at `at` until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self.move_to(at)

    def move_to(self, at: datetime) -> None:
        self.at = at.astimezone(UTC)
        clock._frozen_at.set(self.at)

    def move(self, **delta: float) -> None:
        """Move on by so many `days`, `hours`, `minutes`, `seconds`."""
        self.move_to(self.at + timedelta(**delta))


@pytest.fixture
def frozen() -> Iterator[FrozenClock]:
    """Business time stands still at NOON, and moves when the test says so."""
    with clock.frozen(NOON):
        yield FrozenClock(NOON)
