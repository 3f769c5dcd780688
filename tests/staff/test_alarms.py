"""Every owner hears when a role or a key of the API has changed, and nobody else."""

import pytest
from django.test import Client
from pytest_django import Settings

from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys, people
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from notifications import visibility
from notifications.models import Message
from notifications.services import contents

pytestmark = pytest.mark.django_db


@pytest.fixture
def owners() -> list[User]:
    """One of two reads German; neither the agent nor who left hears anything."""
    olga = make_user(Role.OWNER, email="olga@shop.example", password=PASSWORD)
    otto = make_user(Role.OWNER, email="otto@shop.example", password=PASSWORD)
    otto.language = "de"
    otto.save()
    make_user(Role.OWNER, email="gone@shop.example", is_active=False)
    make_user(Role.AGENT, email="ann@shop.example")
    return [olga, otto]


def told() -> dict[str, list[str]]:
    """recipient → subjects, oldest first."""
    found: dict[str, list[str]] = {}
    for message in Message.objects.filter(kind="notice").order_by("pk"):
        shown = contents.shown(message)
        assert shown is not None
        found.setdefault(message.recipient, []).append(shown.subject)
    return found


def test_of_a_new_colleague_and_their_next_role(owners: list[User]) -> None:
    actor = owners[0].actor()
    nora = people.invite("nora@shop.example", "Nora", Role.AGENT, actor=actor)
    people.change(nora, role=Role.FINANCE, is_active=True, name="Nora", actor=actor)
    people.change(nora, role=Role.FINANCE, is_active=True, name="Nora N", actor=actor)
    people.change(nora, role=Role.FINANCE, is_active=False, name="Nora", actor=actor)

    subjects = told()
    assert sorted(subjects) == ["olga@shop.example", "otto@shop.example"]
    assert subjects["olga@shop.example"] == [
        "Nora was invited as Agent",
        "Nora is now Finance",
        "Nora may not sign in any more",
    ]
    assert len(subjects["otto@shop.example"]) == 3


def test_of_keys_that_come_and_go(owners: list[User]) -> None:
    key, secret = keys.create("Till", ["*"], created_by=owners[0])
    keys.revoke(key, actor=owners[1].actor())
    keys.revoke(key, actor=owners[1].actor())

    assert told()["olga@shop.example"] == [
        f"A key for the API was made: {key}",
        f"A key for the API was revoked: {key}",
    ]
    shown = contents.shown(Message.objects.filter(kind="notice").earliest("pk"))
    assert shown is not None
    assert secret not in shown.text


def test_nobody_hears_of_what_was_undone(owners: list[User]) -> None:
    with pytest.raises(people.StaffError):
        people.invite("OTTO@shop.example", "", Role.OWNER, actor=SYSTEM)

    assert told() == {}


@pytest.mark.parametrize("role", list(Role))
def test_these_mails_are_read_by_owners_alone(owners: list[User], role: Role) -> None:
    keys.create("Till", ["*"], created_by=owners[0])

    sees = visibility.visible_to(make_user(role)).exists()

    assert sees is (role == Role.OWNER)


def test_the_colleague_is_changed_on_the_page_and_both_owners_hear(
    client: Client, owners: list[User], settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(owners[0])
    ann = User.objects.get(email="ann@shop.example")

    client.post(
        f"/admin/staff/user/{ann.pk}/change/",
        {"name": "Ann", "role": Role.MANAGER, "is_active": "on"},
    )

    assert told()["olga@shop.example"] == ["Ann is now Manager"]
