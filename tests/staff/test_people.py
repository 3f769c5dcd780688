import re
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib.actors import SYSTEM, Actor
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import people
from merchant_portal.staff.services.people import StaffError
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from notifications.models import Message

pytestmark = pytest.mark.django_db


def put(
    user: User,
    *,
    role: Role | None = None,
    is_active: bool = True,
    actor: Actor = SYSTEM,
) -> list[str]:
    wanted = role or Role(user.role)
    return people.change(
        user, role=wanted, is_active=is_active, name=user.name, actor=actor
    )


def test_an_invitation_adds_a_person_and_queues_a_mail_without_a_link() -> None:
    owner = make_user()

    user = people.invite("New@Shop.Example", "Nora", Role.AGENT, actor=owner.actor())

    assert (user.email, user.role) == ("new@shop.example", Role.AGENT)
    assert not user.has_usable_password()
    message = Message.objects.get(kind="staff_invitation")
    assert message.recipient == "new@shop.example"
    assert message.reference == user.public_id
    assert AuditEntry.objects.get().action == "user.added"


def test_a_known_address_is_refused_whatever_its_case() -> None:
    make_user(email="ann@shop.example")

    with pytest.raises(StaffError) as refused:
        people.invite("ANN@shop.example", "", Role.AGENT, actor=SYSTEM)

    assert refused.value.field == "email"
    assert not Message.objects.exists()


def test_the_last_owner_who_can_sign_in_stays_owner() -> None:
    owner = make_user(password=PASSWORD)
    make_user()  # invited, never came
    make_user(password=PASSWORD, is_active=False)

    with pytest.raises(StaffError, match="last owner"):
        put(owner, role=Role.AGENT)
    with pytest.raises(StaffError, match="last owner"):
        put(owner, is_active=False)

    owner.refresh_from_db()
    assert (owner.role, owner.is_active) == (Role.OWNER, True)
    make_user(password=PASSWORD)
    assert put(owner, role=Role.AGENT) == ["role"]


def test_nobody_switches_off_themself() -> None:
    owner, _other = make_user(password=PASSWORD), make_user(password=PASSWORD)

    with pytest.raises(StaffError, match="yourself"):
        put(owner, is_active=False, actor=owner.actor())


@pytest.mark.parametrize("end", ["role", "switch off", "password", "lost phone"])
def test_these_end_every_session(end: str, settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    make_user(password=PASSWORD)
    user = make_user(Role.AGENT, password=PASSWORD)
    Authenticator.objects.create(user=user, type="totp", data={})
    client = Client()
    client.force_login(user)
    assert client.get("/admin/").status_code == 200

    if end == "role":
        put(user, role=Role.AUDITOR)
    elif end == "switch off":
        put(user, is_active=False)
        put(user, is_active=True)  # coming back does not revive the session
    elif end == "password":
        user.set_password("another correct horse battery")
        user.save()
    else:
        people.remove_second_factor(user, actor=SYSTEM)

    assert client.get("/admin/").status_code == 302


def test_another_name_ends_no_session(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    user = make_user(Role.AGENT)
    client = Client()
    client.force_login(user)

    people.change(user, role=Role.AGENT, is_active=True, name="Ann", actor=SYSTEM)

    assert client.get("/admin/").status_code == 200


def test_create_owner_prints_an_address_that_sets_the_password_once(
    client: Client,
) -> None:
    printed = StringIO()
    call_command("create_owner", "Ada@shop.example", stdout=printed)
    path = printed.getvalue().strip().partition("://")[2].partition("/")[2]

    form = client.get(f"/{path}", follow=True)
    where = form.redirect_chain[-1][0]
    done = client.post(where, {"password1": PASSWORD, "password2": PASSWORD})

    assert done.status_code == 302
    owner = User.objects.get()
    assert (owner.email, owner.role) == ("ada@shop.example", Role.OWNER)
    assert owner.check_password(PASSWORD)
    again = Client().get(f"/{path}", follow=True)
    assert b"no longer works" in again.content


def test_the_first_owner_gets_in_with_the_address_that_was_printed(
    client: Client, settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    printed = StringIO()
    call_command("create_owner", "ada@shop.example", stdout=printed, stderr=StringIO())
    path = printed.getvalue().strip().partition("://")[2].partition("/")[2]
    where = client.get(f"/{path}", follow=True).redirect_chain[-1][0]
    client.post(where, {"password1": PASSWORD, "password2": PASSWORD})

    client.post("/accounts/login/", {"login": "ada@shop.example", "password": PASSWORD})
    form = client.get("/admin/", follow=True).content.decode()
    secret = re.findall(r"portal-secret[^>]*>\s*([A-Z2-7]+)", form)[0]
    counter = sorted(yield_hotp_counters_from_time())[1]
    code = format_hotp_value(hotp_value(secret, counter))
    client.post("/accounts/2fa/totp/activate/", {"code": code})

    assert Authenticator.objects.filter(type=Authenticator.Type.TOTP).exists()
    assert client.get("/admin/").status_code == 200


def test_create_owner_prints_another_address_until_the_password_is_set() -> None:
    first, second = StringIO(), StringIO()
    for printed in (first, second):
        call_command(
            "create_owner", "ada@shop.example", stdout=printed, stderr=StringIO()
        )

    assert "/accounts/password/reset/key/" in second.getvalue()
    assert User.objects.count() == 1
    owner = User.objects.get()
    owner.set_password(PASSWORD)
    owner.save()
    with pytest.raises(CommandError, match="already"):
        call_command("create_owner", "ada@shop.example")


def test_create_owner_takes_a_password_from_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{PASSWORD}\n"))
    call_command(
        "create_owner", "ada@shop.example", "--password-from-stdin", stdout=StringIO()
    )

    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("nonsense", PASSWORD, "valid email"),
        ("ada@shop.example", "short", "too short"),
        ("ada@shop.example", "x" * 129, "too long"),
        ("taken@shop.example", PASSWORD, "already"),
    ],
)
def test_create_owner_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, email: str, password: str, said: str
) -> None:
    make_user(email="taken@shop.example")
    monkeypatch.setattr("sys.stdin", StringIO(f"{password}\n"))

    with pytest.raises(CommandError, match=said):
        call_command("create_owner", email, "--password-from-stdin")

    assert User.objects.count() == 1
