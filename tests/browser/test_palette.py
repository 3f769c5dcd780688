"""One field for everything, by keys alone."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from links.models import PaymentLink
from links.tests.factories import make_customer, make_link
from merchant_portal.staff.models import User

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def link(transactional_db: None, owner: User) -> PaymentLink:
    make_link(make_customer("Grace Hopper", "grace@navy.example", ""))
    return make_link(make_customer(), amount_minor=4_250, actor=owner.actor())


def opened(page: Page) -> None:
    page.keyboard.press("Control+K")
    expect(page.get_by_label("Type to search")).to_be_focused()
    expect(page.locator("#command-results a").first).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_finds_a_link_by_its_last_four_digits(
    page_at: PageAt, owner: User, link: PaymentLink, width: int, dark: bool
) -> None:
    page = page_at(width, owner)
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.goto("/admin/")
    opened(page)
    shoot(page, f"palette-{'dark' if dark else 'light'}")

    page.keyboard.type(str(link.number)[-4:])
    expect(page.locator("#command-results a").first).to_contain_text(str(link.number))
    assert_clean(page)
    shoot(page, f"palette-found-{'dark' if dark else 'light'}")
    page.keyboard.press("Enter")

    expect(page.locator("#link-state")).to_be_visible()
    assert page.url.endswith(f"/{link.pk}/change/")


def test_arrows_choose_and_escape_leaves(
    page_at: PageAt, owner: User, link: PaymentLink
) -> None:
    page = page_at(1280, owner)
    page.goto("/admin/links/paymentlink/add/")
    expect(page.get_by_label("Name, e-mail or phone")).to_be_focused()
    opened(page)

    page.keyboard.type("lovelace")
    expect(page.locator("#command-results a").first).to_contain_text("Ada Lovelace")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Find or do anything")).to_be_hidden()
    expect(page.get_by_label("Name, e-mail or phone")).to_be_focused()

    opened(page)
    page.keyboard.type("lovelace")
    expect(page.locator("#command-results a").first).to_contain_text("Ada Lovelace")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#link-state")).to_contain_text("€42.50")


def test_nothing_found_and_the_enter_key_stay_where_they_are(
    page_at: PageAt, owner: User, link: PaymentLink
) -> None:
    page = page_at(1280, owner)
    page.goto("/admin/")
    opened(page)

    page.keyboard.type("zzz")
    expect(page.get_by_text("Nothing is found by that.")).to_be_visible()
    page.keyboard.press("Enter")

    assert_clean(page)
    assert page.url.endswith("/admin/")


def test_opens_by_the_button_in_the_sidebar(
    page_at: PageAt, owner: User, link: PaymentLink
) -> None:
    page = page_at(1280, owner)
    page.goto("/admin/")

    page.get_by_role("button", name="Find or do anything").click()

    expect(page.get_by_label("Type to search")).to_be_focused()
