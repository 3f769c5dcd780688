import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from playwright.sync_api import Page, expect

from merchant_portal.staff.models import User
from merchant_portal.staff.services import people
from merchant_portal.staff.tests.factories import PASSWORD

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


def code_for(secret: str, steps_ahead: int = 0) -> str:
    counter = sorted(yield_hotp_counters_from_time())[1] + steps_ahead
    code: str = format_hotp_value(hotp_value(secret, counter))
    return code


def enter_password(page: Page, user: User) -> None:
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@WIDTHS
def test_sets_up_an_app_and_signs_in_with_its_code(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width)
    page.goto("/admin/")
    enter_password(page, owner)
    page.wait_for_url("**/2fa/totp/activate/")
    assert_clean(page)
    shoot(page, "enrol")
    secret = page.locator(".portal-secret").inner_text()
    picture = page.locator(".portal-qr").evaluate("image => image.naturalWidth")
    assert picture > 0

    page.get_by_label("code").fill("000000")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("Incorrect code")).to_be_visible()
    assert_clean(page)
    page.get_by_label("code").fill(code_for(secret))
    page.get_by_role("button", name="Switch on").click()
    page.wait_for_url("**/2fa/recovery-codes/")
    assert_clean(page)
    shoot(page, "recovery-codes")
    assert page.locator(".portal-codes li").count() == 10
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/admin/")
    assert_clean(page)

    again = page_at(width)
    again.goto("/admin/")
    enter_password(again, owner)
    again.wait_for_url("**/2fa/authenticate/")
    assert_clean(again)
    shoot(again, "code")
    again.get_by_label("code").fill(code_for(secret, 1))
    again.get_by_role("button", name="Sign in").click()
    again.wait_for_url("**/admin/")
    assert Authenticator.objects.filter(user=owner).count() == 2


@WIDTHS
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/accounts/2fa/", "two-factor"),
        ("/accounts/password/change/", "password-change"),
        ("/accounts/reauthenticate/", "reauthenticate"),
        ("/accounts/logout/", "sign-out"),
    ],
)
def test_account_pages_are_clean(
    page_at: PageAt, owner: User, width: int, path: str, name: str
) -> None:
    page = page_at(width, owner)
    page.goto(path)
    assert_clean(page)
    shoot(page, name)


@WIDTHS
def test_a_forgotten_password_is_set_anew(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width)
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.wait_for_url("**/password/reset/")
    assert_clean(page)
    shoot(page, "forgot")
    page.get_by_label("Email").fill(owner.email)
    page.get_by_role("button", name="Send the link").click()
    page.wait_for_url("**/password/reset/done/")
    assert_clean(page)

    path = people.password_address(owner).removeprefix(settings.PUBLIC_URL)
    page.goto(path)
    assert_clean(page)
    shoot(page, "set-password")
    page.get_by_label("New Password", exact=True).fill(PASSWORD + " again")
    page.get_by_label("New Password (again)").fill(PASSWORD + " again")
    page.get_by_role("button", name="Set the password").click()
    page.wait_for_url("**/password/reset/key/done/")
    assert_clean(page)
    page.goto(path)
    expect(
        page.get_by_role("heading", name="This link no longer works")
    ).to_be_visible()
    assert_clean(page)
    shoot(page, "dead-link")
