"""Many who try to get in at the same moment."""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client

from merchant_portal.staff import second_factor
from merchant_portal.staff.models import Tries, User
from merchant_portal.staff.services import tries
from merchant_portal.staff.services.tries import Limit
from merchant_portal.staff.tests.factories import make_user
from tests.staff.test_tries import SECRET, code_at

from .gaps import Gap
from .threads import all_well

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
GUESSES = 50


class Checks:
    """How many passwords were looked at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def check(self, user: AbstractBaseUser, password: str) -> bool:
        with self._lock:
            self.count += 1
        return False


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    checks = Checks()
    monkeypatch.setattr(
        User, "check_password", lambda user, password: checks.check(user, password)
    )
    make_user(email="ann@shop.example")
    return checks


def guess() -> None:
    Client().post("/accounts/login/", {"login": "ann@shop.example", "password": "x"})


def test_of_fifty_guesses_at_once_five_are_looked_at(checks: Checks) -> None:
    all_well([guess] * GUESSES)

    assert checks.count == 5


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Gap]:
    """Four guesses were made; the next two stand where the row has been read."""

    def stand_behind(hold: Any) -> Gap:
        for _each in range(4):
            guess()
        gap = Gap()
        monkeypatch.setattr(tries, "_hold", gap.after(hold))
        return gap

    return stand_behind


def test_fifth_and_sixth_guess_are_counted_one_after_the_other(
    checks: Checks, counted: Callable[[Any], Gap]
) -> None:
    counted(tries._hold).run_well(guess, guess)

    assert checks.count == 5


def unlocked(limit: Limit, who: str, now: datetime) -> Tries:
    """The control: read the row, then write it, as a plain count would."""
    row, _is_new = Tries.objects.get_or_create(
        kind=limit.kind, who=tries._hashed(limit, who), defaults={"last_at": now}
    )
    return row


def test_read_then_written_one_guess_too_many_is_looked_at(
    checks: Checks, counted: Callable[[Any], Gap]
) -> None:
    counted(unlocked).run_well(guess, guess)

    assert checks.count == 6


# A code of an authenticator app, twice at once.


@pytest.fixture
def enter_twice(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[bool]]:
    app = TOTP.activate(make_user(), SECRET).instance
    gap = Gap()

    def enter() -> list[bool]:
        monkeypatch.setattr(second_factor, "_locked", gap.after(second_factor._locked))
        code = code_at()
        once = partial(second_factor.use_up, app, code)
        return gap.run_well(once, once)

    return enter


def test_code_opens_for_one_of_two(enter_twice: Callable[[], list[bool]]) -> None:
    assert sorted(enter_twice()) == [False, True]


def test_without_the_lock_it_opens_for_both(
    enter_twice: Callable[[], list[bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        second_factor,
        "_locked",
        lambda pk: Authenticator.objects.filter(pk=pk).first(),
    )

    assert enter_twice() == [True, True]
