import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from merchant_portal.staff.models import User
from merchant_portal.staff.tests.factories import PASSWORD

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


def enter(page: Page, email: str, password: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@WIDTHS
def test_signs_in_and_out(
    page_at: PageAt, owner: User, settings: Settings, width: int
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    page = page_at(width)

    page.goto("/admin/")
    expect(page).to_have_title("Sign in | Merchant portal")
    assert_clean(page)
    shoot(page, "sign-in")
    enter(page, owner.email, "not my password at all")
    expect(page.get_by_text("not correct")).to_be_visible()
    assert_clean(page)
    shoot(page, "wrong-password")
    enter(page, owner.email, PASSWORD)

    page.wait_for_url("**/admin/")
    assert_clean(page)
    shoot(page, "index")
