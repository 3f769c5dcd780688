"""Where somebody is signed in, as they see it, and ending that."""

from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from merchant_portal.audit.models import AuditEntry
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import sessions
from merchant_portal.staff.tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db
PAGE = "/accounts/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604"
)


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def agent() -> User:
    return make_user(Role.AGENT, email="ann@shop.example", password=PASSWORD)


def signed_in(email: str, browser: str, address: str = "192.0.2.1") -> Client:
    client = Client(headers={"User-Agent": browser}, REMOTE_ADDR=address)
    client.post("/accounts/login/", {"login": email, "password": PASSWORD})
    assert is_in(client)
    return client


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_shows_each_device_and_which_is_this(agent: User) -> None:
    here = signed_in(agent.email, FIREFOX)
    signed_in(agent.email, IPHONE, "192.0.2.2")

    rows = here.get(PAGE).context["rows"]

    assert [(r["device"], r["session"].ip, r["is_current"]) for r in rows] == [
        ("Firefox · Linux", "192.0.2.1", True),
        ("Safari · iPhone", "192.0.2.2", False),
    ]


def test_one_of_them_is_signed_out(agent: User) -> None:
    here, there = signed_in(agent.email, FIREFOX), signed_in(agent.email, IPHONE)
    row = UserSession.objects.get(session_key=there.session.session_key)

    assert here.get(f"{PAGE}{row.pk}/end/").status_code == 405
    here.post(f"{PAGE}{row.pk}/end/")

    assert (is_in(here), is_in(there)) == (True, False)
    entry = AuditEntry.objects.get(action="user.session_ended")
    assert (entry.actor, entry.object_id) == (agent.public_id, agent.public_id)


def test_nobody_ends_a_strangers_session(agent: User) -> None:
    other = make_user(Role.OWNER, email="olga@shop.example", password=PASSWORD)
    here, there = signed_in(agent.email, FIREFOX), signed_in(other.email, IPHONE)
    row = UserSession.objects.get(user=other)

    answer = here.post(f"{PAGE}{row.pk}/end/")

    assert answer.status_code == 404
    assert is_in(there)


def test_everywhere_else_is_signed_out_at_once(agent: User) -> None:
    here, *others = (signed_in(agent.email, FIREFOX) for _each in range(3))

    here.post(PAGE)

    assert is_in(here)
    assert [is_in(client) for client in others] == [False, False]
    assert AuditEntry.objects.get(action="user.sessions_ended").details == {"count": 2}


def test_an_owner_signs_a_colleague_out_everywhere(agent: User) -> None:
    there = signed_in(agent.email, IPHONE)
    forced = Client()
    forced.force_login(agent)  # no row tells of this one
    owner = Client()
    owner.force_login(make_user(Role.OWNER))
    page = f"/admin/staff/user/{agent.pk}/"
    assert "Safari · iPhone" in owner.get(f"{page}change/").content.decode()

    owner.post(f"{page}sign_out/", {"_form_submitted": "True"})

    assert (is_in(there), is_in(forced)) == (False, False)
    assert "Nowhere at the moment" in owner.get(f"{page}change/").content.decode()
    assert is_in(signed_in(agent.email, IPHONE))


def test_an_act_is_noted_once_a_minute_and_a_session_that_rests_is_over(
    agent: User,
) -> None:
    here = signed_in(agent.email, FIREFOX)
    began = UserSession.objects.get().last_seen_at
    here.get("/admin/")
    now = timezone.now()
    with time_machine.travel(now + timedelta(minutes=5), tick=False):
        here.get("/admin/", REMOTE_ADDR="192.0.2.7")
        seen = UserSession.objects.get()
        assert seen.ip == "192.0.2.7"
        assert seen.last_seen_at - began > timedelta(minutes=4)
        assert len(sessions.alive(agent)) == 1
    with time_machine.travel(now + timedelta(minutes=40), tick=False):
        assert sessions.alive(agent) == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (FIREFOX, "Firefox · Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) Chrome/140 Safari/537 Edg/140",
            "Edge · Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Mac OS X 10_15) Chrome/140 Safari/537",
            "Chrome · macOS",
        ),
        ("curl/8", ""),
    ],
)
def test_a_device_is_named_by_what_its_browser_says(said: str, shown: str) -> None:
    assert sessions.device_of(UserSession(user_agent=said)) == shown
