from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from merchant_portal.lib import sealing
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from notifications.models import Message

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN = "/accounts/login/"


@pytest.fixture
def agent() -> User:
    return make_user(Role.AGENT, email="ann@shop.example", password=PASSWORD)


def code_now() -> str:
    code: str = format_hotp_value(
        hotp_value(SECRET, sorted(yield_hotp_counters_from_time())[1])
    )
    return code


def sign_in(client: Client, email: str, password: str, next_url: str = "") -> str:
    """Post the sign-in form; the address it leads to, or "" when it was refused."""
    data = {"login": email, "password": password, "next": next_url}
    answer = client.post(LOGIN, data)
    return answer.headers.get("Location", "")


def test_the_admin_sends_strangers_to_sign_in_and_back(
    client: Client, agent: User, settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    first = client.get("/admin/staff/user/")
    assert first.headers["Location"] == "/admin/login/?next=/admin/staff/user/"
    second = client.get(first.headers["Location"])
    assert (
        second.headers["Location"] == "/accounts/login/?next=%2Fadmin%2Fstaff%2Fuser%2F"
    )

    assert (
        sign_in(client, agent.email, PASSWORD, "/admin/staff/user/")
        == "/admin/staff/user/"
    )


def test_the_admins_own_form_lets_nobody_in(agent: User, settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    owner = make_user(password=PASSWORD)
    form = {"username": owner.email, "password": PASSWORD}
    stranger, colleague = Client(), Client()
    colleague.force_login(agent)

    stranger.post("/admin/login/", form)
    colleague.post("/admin/login/", form)

    assert "_auth_user_id" not in stranger.session
    assert colleague.session["_auth_user_id"] == str(agent.pk)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://testserver@evil.example/",
        "\t//evil.example",
        "https://evil.example/admin/",
        "javascript:alert(1)",
        "///evil.example",
    ],
)
def test_nobody_is_sent_elsewhere(
    client: Client, agent: User, settings: Settings, target: str
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    page = client.get("/admin/login/", {"next": target})
    assert page.headers["Location"].startswith("/accounts/login/?next=%2Fadmin%2Flogin")

    assert sign_in(client, agent.email, PASSWORD, target) == "/admin/"


@pytest.mark.parametrize(
    "path", ["/accounts/signup/", "/accounts/email/", "/accounts/"]
)
def test_there_is_no_sign_up(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_without_second_factor_the_admin_stays_shut(
    client: Client, agent: User, settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    assert sign_in(client, agent.email, PASSWORD) == "/admin/"

    for path in (
        "/admin/",
        "/admin/staff/user/",
        "/admin/search/?s=x",
        "/admin/nowhere/",
    ):
        answer = client.get(path)
        assert answer.headers["Location"] == "/accounts/2fa/totp/activate/", path
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200
    assert client.post("/admin/logout/").headers["Location"] == LOGIN


@pytest.mark.parametrize("is_required", [True, False])
def test_says_what_a_missing_second_factor_means(
    client: Client, agent: User, settings: Settings, is_required: bool
) -> None:
    settings.STAFF_MFA_REQUIRED = is_required
    client.force_login(agent)

    body = client.get("/accounts/2fa/").content.decode()

    assert ("your password alone opens your account" in body) is not is_required
    assert ("Not set up yet" in body) is is_required


def test_a_code_opens_the_admin_once(agent: User) -> None:
    TOTP.activate(agent, SECRET)
    first, second = Client(), Client()
    assert sign_in(first, agent.email, PASSWORD) == "/accounts/2fa/authenticate/"
    assert first.get("/admin/").status_code == 302

    code = code_now()
    first.post("/accounts/2fa/authenticate/", {"code": code})
    assert first.get("/admin/").status_code == 200

    sign_in(second, agent.email, PASSWORD)
    second.post("/accounts/2fa/authenticate/", {"code": code})
    assert second.get("/admin/").status_code == 302


def test_a_recovery_code_opens_it_once_too(agent: User) -> None:
    TOTP.activate(agent, SECRET)
    code = RecoveryCodes.activate(agent).get_unused_codes()[0]

    opened = []
    for _time in range(2):
        client = Client()
        sign_in(client, agent.email, PASSWORD)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        opened.append(client.get("/admin/").status_code == 200)

    assert opened == [True, False]


def test_secrets_of_apps_are_sealed_and_survive_a_new_key(
    agent: User, settings: Settings
) -> None:
    settings.FIELD_KEYS = {"v1": "a" * 40}
    TOTP.activate(agent, SECRET)
    RecoveryCodes.activate(agent)

    kept = list(Authenticator.objects.values_list("data", flat=True))
    assert SECRET not in str(kept)
    assert all(
        value["secret" if "secret" in value else "seed"].startswith("v1:")
        for value in kept
    )

    settings.FIELD_KEYS = {"v2": "b" * 40, "v1": "a" * 40}
    app = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    assert app.wrap().validate_code(code_now())
    settings.FIELD_KEYS = {"v2": "b" * 40}
    with pytest.raises(sealing.SealError):
        app.wrap().validate_code("000000")


def test_a_forgotten_password_sends_one_mail_and_keeps_the_second_factor(
    client: Client, agent: User
) -> None:
    TOTP.activate(agent, SECRET)
    for email in (agent.email, "nobody@shop.example"):
        answer = client.post("/accounts/password/reset/", {"email": email})
        assert answer.headers["Location"] == "/accounts/password/reset/done/"

    message = Message.objects.get()
    assert (message.kind, message.recipient) == ("password_reset", agent.email)
    assert Authenticator.objects.filter(user=agent).exists()


@pytest.mark.parametrize(
    ("minutes", "stays"), [([29, 29, 29], True), ([31], False), ([29] * 25, False)]
)
def test_a_session_ends_when_idle_and_after_twelve_hours(
    client: Client, agent: User, settings: Settings, minutes: list[int], stays: bool
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    now = timezone.now()
    client.force_login(agent)
    client.get("/admin/")

    status = 0
    for pause in minutes:
        now += timedelta(minutes=pause)
        with time_machine.travel(now, tick=False):
            status = client.get("/admin/").status_code

    assert status == (200 if stays else 302)


def test_pages_that_refresh_themselves_keep_no_session_alive(
    client: Client, agent: User, settings: Settings
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    now = timezone.now()
    client.force_login(agent)
    client.get("/admin/")
    for minute in (10, 20, 29):
        with time_machine.travel(now + timedelta(minutes=minute), tick=False):
            assert (
                client.get("/admin/", headers={"HX-Request": "true"}).status_code == 200
            )

    with time_machine.travel(now + timedelta(minutes=31), tick=False):
        assert client.get("/admin/").status_code == 302


def test_who_is_switched_off_cannot_sign_in(client: Client) -> None:
    make_user(email="off@shop.example", password=PASSWORD, is_active=False)

    assert sign_in(client, "off@shop.example", PASSWORD) in ("", "/accounts/inactive/")
    assert "_auth_user_id" not in client.session
