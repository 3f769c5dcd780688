import re

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from merchant_portal.staff.models import ApiKey, User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from notifications.models import Message

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@WIDTHS
def test_an_owner_invites_a_colleague(page_at: PageAt, owner: User, width: int) -> None:
    make_user(Role.AUDITOR, email="aud@shop.example", name="Aude Auditor")
    page = page_at(width, owner)

    page.goto("/admin/staff/user/")
    assert_clean(page)
    shoot(page, "users")
    page.goto("/admin/staff/user/add/")
    assert_clean(page)
    page.get_by_label("E-mail").fill("aud@shop.example")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("works here already")).to_be_visible()
    assert_clean(page)
    shoot(page, "user-add-refused")
    page.get_by_label("E-mail").fill("new@shop.example")
    page.get_by_label("Name").fill("Nora New")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/staff/user/")

    assert_clean(page)
    nora = User.objects.get(email="new@shop.example")
    assert nora.role == Role.AGENT
    invitation = Message.objects.get(kind="staff_invitation")
    assert invitation.reference == nora.public_id
    page.goto(f"/admin/staff/user/{nora.pk}/change/")
    assert_clean(page)
    shoot(page, "user-change")


@WIDTHS
def test_a_dialog_asks_before_a_password_link_is_sent(
    page_at: PageAt, owner: User, width: int
) -> None:
    user = make_user(Role.AGENT, password=PASSWORD)
    page = page_at(width, owner)
    page.goto(f"/admin/staff/user/{user.pk}/change/")
    if width < 1024:
        page.locator("a", has_text="more_horiz").click()

    page.get_by_text("Send a password link").click()
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    assert_clean(page)
    shoot(page, "dialog")
    assert not Message.objects.exists()
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.get_by_text("The mail is on its way.")).to_be_visible()
    assert Message.objects.get().reference == user.public_id


@WIDTHS
def test_a_key_is_shown_once(page_at: PageAt, owner: User, width: int) -> None:
    page = page_at(width, owner)

    page.goto("/admin/staff/apikey/add/")
    assert_clean(page)
    shoot(page, "key-add")
    page.get_by_label("Name").fill("Till at the door")
    page.get_by_label("See payment links").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile("/shown/$"))
    assert_clean(page)
    shoot(page, "key-shown")

    secret = page.locator("#api-key").inner_text()
    key = ApiKey.objects.get()
    assert keys.authenticate(secret) == key
    assert key.scopes == ["links:read"]
    page.reload()
    page.wait_for_url("**/admin/staff/apikey/")
    assert secret not in page.content()
    assert_clean(page)
    shoot(page, "keys")
    page.goto(f"/admin/staff/apikey/{key.pk}/change/")
    assert_clean(page)
    shoot(page, "key")


@WIDTHS
def test_menus_and_search_open_without_inline_code(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width, owner)
    page.goto("/admin/")
    if width < 1280:
        page.get_by_role("button", name="Show or hide navigation").click()

    page.get_by_role("button", name="Find or do anything").click()
    page.get_by_label("Type to search").press_sequentially("API")
    expect(page.locator("#command-results").get_by_text("API keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_text("Olga Owner").click()
    expect(page.get_by_role("link", name="Two-factor sign-in")).to_be_visible()
    assert_clean(page)
    shoot(page, "menu")
    page.get_by_text("Dark", exact=True).click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.mouse.move(0, 0)
    assert_clean(page)
    shoot(page, "dark")
    page.get_by_role("button", name="Log out").click()

    page.wait_for_url("**/accounts/login/")
    page.goto("/admin/")
    page.wait_for_url("**/accounts/login/?next=*")
