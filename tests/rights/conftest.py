"""The shop of this package, made once: every request is undone after it was answered."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from links.services import keyring
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user

from . import world as worlds
from .asking import Visitor
from .world import World


@pytest.fixture(scope="package")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with (
        django_db_blocker.unblock(),
        override_settings(STAFF_MFA_REQUIRED=False),
        transaction.atomic(),
    ):
        with clock.frozen(clock.database_now()):
            yield worlds.build()
        transaction.set_rollback(True)
    keyring.forget()


@pytest.fixture(scope="package")
def visitors(world: World) -> dict[str, Visitor]:
    """Somebody of each role, signed in a moment ago; a stranger; one switched off."""
    found = {role.value: _of(user, role) for role, user in world.people.items()}
    gone = make_user(Role.OWNER)
    found["switched off"] = _of(gone, None)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    return {**found, "signed out": Visitor("signed out", Client(), None)}


def _of(user: User, role: Role | None) -> Visitor:
    visitor = Visitor(role.value if role else "switched off", Client(), role)
    visitor.sign_in(user)
    return visitor
