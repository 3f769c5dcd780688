"""What I am told, in a real browser: seen, chosen by keyboard, and without a script."""

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from links.models import How, News, StaffNoticeChoice, Whose
from links.services import notice_choices
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/admin/links/staffnoticechoice/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_clean(page_at: PageAt, owner: User, width: int) -> None:
    agent = make_user(Role.AGENT, name="Ada Agent")
    page = page_at(width, owner)

    for name, path in (
        ("choices", PAGE),
        ("colleague", f"/admin/staff/user/{agent.pk}/change/"),
    ):
        page.goto(path)
        assert_clean(page)
        shoot(page, f"notices-{name}")


def test_chosen_by_keyboard(page_at: PageAt, owner: User) -> None:
    page = page_at(1280, owner)
    page.goto("/admin/")
    page.goto(PAGE)
    page.locator("#how-paid").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    page.locator("#hour").select_option("17")
    page.locator("#hour").press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Saved.")).to_be_visible()
    assert notice_choices.chosen(owner)[News.PAID] == (How.AT_ONCE, Whose.OWN)
    assert User.objects.get(pk=owner.pk).digest_hour == 17
    page.get_by_role("button", name="As is usual for my role").click()
    expect(page.get_by_text("You are told what your role usually is.")).to_be_visible()
    assert not StaffNoticeChoice.objects.exists()


def test_needs_no_script(
    browser: Browser, page_at: PageAt, live_server: LiveServer, owner: User
) -> None:
    plain = browser.new_context(
        java_script_enabled=False,
        base_url=live_server.url,
        storage_state=page_at(390, owner).context.storage_state(),
    )
    page = plain.new_page()
    page.goto(PAGE)
    page.locator("#how-failed").select_option("digest")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Saved.")).to_be_visible()
    assert notice_choices.chosen(owner)[News.FAILED] == (How.DIGEST, Whose.ALL)
    plain.close()
