from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.test import Client
from pytest_django import Settings

from links.admin.badge import environment
from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.models import ApiKey, User
from merchant_portal.staff.navigation import sidebar
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from notifications.models import Message

pytestmark = pytest.mark.django_db
SCREENS = ["/admin/staff/user/", "/admin/staff/user/add/", "/admin/staff/apikey/"]


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner_client(client: Client) -> Client:
    client.force_login(make_user(password=PASSWORD, email="olga@shop.example"))
    return client


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.FINANCE])
def test_staff_and_keys_are_managed_by_owners_and_read_by_auditors_alone(
    client: Client, role: Role
) -> None:
    user = make_user(role)
    key, _secret = keys.create("Till", ["*"])
    client.force_login(user)

    for path in (
        *SCREENS,
        f"/admin/staff/user/{user.pk}/change/",
        f"/admin/staff/user/{user.pk}/send_link/",
        f"/admin/staff/apikey/{key.pk}/revoke/",
    ):
        assert client.get(path).status_code == 403, path
        assert client.post(path, {"role": "owner"}).status_code == 403, path

    user.refresh_from_db()
    assert user.role == role
    key.refresh_from_db()
    assert key.revoked_at is None


def test_nobody_deletes_an_account(owner_client: Client) -> None:
    user = make_user(Role.AGENT)

    answer = owner_client.post(f"/admin/staff/user/{user.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert User.objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize("path", ["user/{}/send_link/", "user/{}/forget_phone/"])
def test_opening_a_dialog_changes_nothing(owner_client: Client, path: str) -> None:
    user = make_user(Role.AGENT, password=PASSWORD)

    assert owner_client.get(f"/admin/staff/{path.format(user.pk)}").status_code == 200

    assert not Message.objects.exists()
    user.refresh_from_db()
    assert user.session_generation == 0


def test_the_form_refuses_to_lose_the_last_owner(owner_client: Client) -> None:
    owner = User.objects.get()
    data = {"name": "", "role": Role.AGENT, "is_active": "on"}

    answer = owner_client.post(f"/admin/staff/user/{owner.pk}/change/", data)

    assert answer.status_code == 200
    assert b"last owner" in answer.content
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_an_owner_revokes_a_key(owner_client: Client) -> None:
    key, secret = keys.create("Till", ["*"])
    path = f"/admin/staff/apikey/{key.pk}/revoke/"

    owner_client.get(path)
    assert keys.authenticate(secret) == key
    answer = owner_client.post(path, {"_form_submitted": "True"})

    page = owner_client.get(f"/admin/staff/apikey/{key.pk}/change/")
    assert ">Revoked<" in "".join(page.content.decode().split())
    assert answer.headers["HX-Redirect"] == f"/admin/staff/apikey/{key.pk}/change/"
    assert keys.authenticate(secret) is None


def test_a_new_key_waits_sealed_and_is_gone_after_one_look(
    owner_client: Client,
) -> None:
    data = {
        "name": "Till",
        "scopes": ["links:read"],
        "expires_at_0": "",
        "expires_at_1": "",
    }

    made = owner_client.post("/admin/staff/apikey/add/", data)

    key = ApiKey.objects.get()
    assert made.headers["Location"] == f"/admin/staff/apikey/{key.pk}/shown/"
    assert "mp_" not in str(dict(owner_client.session))
    page = owner_client.get(made.headers["Location"])
    assert page.headers["Cache-Control"].find("no-store") >= 0
    secret = page.context["secret"]
    assert keys.authenticate(secret) == key
    assert owner_client.get(made.headers["Location"]).status_code == 302
    assert "api_key_shown_once" not in owner_client.session


def links_of(user: User, client: Client) -> list[str]:
    client.force_login(user)
    request = client.get("/admin/").wsgi_request
    return [item["link"] for group in sidebar(request) for item in group["items"]]


def test_the_sidebar_leads_only_where_the_role_may_go(client: Client) -> None:
    of_owner = links_of(make_user(), client)
    of_agent = links_of(make_user(Role.AGENT), client)

    assert {"/admin/", "/admin/staff/user/", "/admin/staff/apikey/"} <= set(of_owner)
    assert "/admin/" in of_agent
    assert not {link for link in of_agent if link.startswith("/admin/staff/")}
    for link in of_agent:
        assert client.get(link).status_code in (200, 302), link


def test_the_badge_says_training_only_while_nothing_real_is_on(
    client: Client, settings: Settings
) -> None:
    request = client.get("/accounts/login/").wsgi_request
    settings.TRAINING_ENABLED, settings.HAS_PROVIDER_KEYS = True, False
    assert environment(request) == ["Training", "warning"]

    settings.HAS_PROVIDER_KEYS = True
    assert environment(request) is None


def test_every_screen_answers_to_the_table_of_rights() -> None:
    for model, screen in admin.site._registry.items():
        assert isinstance(screen, RightsMixin), model


def test_times_are_shown_by_the_clock_of_the_business(owner_client: Client) -> None:
    business = Business.objects.current()
    business.time_zone = "Asia/Tokyo"
    business.save()
    with clock.frozen(datetime(2026, 1, 5, 20, 30, tzinfo=UTC)):
        audit.record("usr_1", "link.created", "plk_1")

    page = owner_client.get("/admin/audit/auditentry/").content.decode()

    assert "Jan. 6, 2026, 5:30 a.m." in page
