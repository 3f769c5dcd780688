"""Two people save the same words at the same moment, on a database with row locks."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection

from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from notifications.models import Template
from notifications.services import templates
from notifications.services.shipped import Words
from notifications.services.templates import Overtaken
from tests.stack.threads import together

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]
CONSTRAINTS = ("template_version_once", "template_one_current")


@pytest.fixture
def both_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither writes before both have seen that nobody was faster."""
    barrier, waited = threading.Barrier(2), threading.local()
    real = clock.now

    def after_both() -> Any:
        if not getattr(waited, "is_done", False):
            waited.is_done = True
            barrier.wait(10)
        return real()

    monkeypatch.setattr(clock, "now", after_both)


@pytest.fixture
def without_constraints() -> Iterator[None]:
    kept = [one for one in Template._meta.constraints if one.name in CONSTRAINTS]
    with connection.schema_editor() as editor:
        for constraint in kept:
            editor.remove_constraint(Template, constraint)
    yield
    Template.objects.all().delete()
    with connection.schema_editor() as editor:
        for constraint in kept:
            editor.add_constraint(Template, constraint)


def save(author: User, seen: int = 0) -> Template:
    words = Words(text=f"{author.name}: {{link_url}}")
    return templates.save(
        "invitation", "en", {"sms": words}, seen={"sms": seen}, author=author
    )[0]


def people() -> tuple[User, User]:
    return make_user(Role.OWNER, name="Olga"), make_user(Role.MANAGER, name="Mia")


@pytest.mark.parametrize("seen", [0, 1])
def test_one_is_taken_and_the_other_is_told_who_was_faster(
    seen: int, request: pytest.FixtureRequest
) -> None:
    olga, mia = people()
    if seen:
        save(olga)
    request.getfixturevalue("both_looked")

    results = together([partial(save, olga, seen), partial(save, mia, seen)])

    (taken,) = [one for one in results if isinstance(one, Template)]
    (told,) = [one for one in results if isinstance(one, Overtaken)]
    assert told.newest == taken
    assert str(taken.author) in str(told)
    assert Template.objects.get(is_current=True) == taken
    assert Template.objects.count() == seen + 1


def test_control_without_the_constraints_both_believe_they_were_first(
    without_constraints: None, both_looked: None
) -> None:
    olga, mia = people()

    results = together([partial(save, olga), partial(save, mia)])

    assert [type(one) for one in results] == [Template, Template]
    assert Template.objects.filter(version=1).count() == 2
