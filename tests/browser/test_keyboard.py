"""What opens by a click opens by a key as well."""

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_django import Settings

from links.tests.factories import make_customer, make_link
from merchant_portal.staff.models import User

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def opens_by_keys(page: Page, opener: Locator, opened: Locator, shot: str) -> None:
    expect(opener).to_have_attribute("aria-expanded", "false")
    for key in ("Enter", "Space"):
        opener.focus()
        expect(opener).to_be_focused()
        page.keyboard.press(key)
        expect(opened).to_be_visible()
        expect(opener).to_have_attribute("aria-expanded", "true")
        # a menu that is still fading in has no contrast yet
        page.evaluate(
            "Promise.all(document.getAnimations().map(a => a.finished.catch(() => 0)))"
        )
        page.wait_for_timeout(500)
        assert_clean(page)
        shoot(page, f"keys-{shot}")
        page.keyboard.press("Escape")
        expect(opened).to_be_hidden()
        expect(opener).to_have_attribute("aria-expanded", "false")


@WIDTHS
def test_user_menu(page_at: PageAt, owner: User, width: int) -> None:
    page = page_at(width, owner)
    page.goto("/admin/")
    if width < 1280:
        page.get_by_role("button", name="Show or hide navigation").focus()
        page.keyboard.press("Enter")

    opener = page.get_by_role("button", name="Olga Owner")
    opened = page.get_by_role("link", name="Two-factor sign-in")
    opens_by_keys(page, opener, opened, "user-menu")


@WIDTHS
def test_filters_of_a_list(page_at: PageAt, owner: User, width: int) -> None:
    make_link(make_customer(), actor=owner.actor())
    page = page_at(width, owner)
    page.goto("/admin/links/paymentlink/")

    opener = page.get_by_role("button", name="Filters", exact=True)
    opens_by_keys(page, opener, page.locator("#changelist-filter"), "filters")
