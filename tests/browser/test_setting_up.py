"""From an empty database to the first link, led by the front page."""

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from links.models import PaymentLink
from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from notifications.models import Message, MessageState

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    settings.EMAIL_CAPTURED = False


@pytest.mark.parametrize("width", [390, 1280])
def test_from_nothing_to_the_first_link(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width, owner)
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="Setting up")).to_be_visible()
    shoot(page, "setup-empty")
    assert_clean(page)

    page.get_by_role("link", name="Say who you are").click()
    page.get_by_label("Name", exact=False).first.fill("Café Morgenrot")
    page.get_by_label("Address", exact=False).first.fill("Allee 1\nBerlin")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/admin/")
    profile = page.get_by_role("listitem").filter(has_text="Say who you are")
    expect(profile).to_contain_text("Café Morgenrot")

    page.get_by_role("button", name="Send the test").click()
    mail = page.get_by_role("listitem").filter(has_text="Send yourself a test mail")
    expect(mail).to_contain_text("It is on its way.")
    Message.objects.update(state=MessageState.DELIVERED)
    page.reload()
    expect(mail).to_contain_text("It arrived at olga@shop.example.")

    page.get_by_role("link", name="Make a payment link").click()
    page.locator("#who-nobody").check()
    page.get_by_label("Description").fill("Cake")
    page.get_by_label("Price each").fill("5")
    page.get_by_role("button", name="Only make the link").click()
    expect(page.get_by_text("The link is ready")).to_be_visible()
    page.goto("/admin/")
    first = page.get_by_role("listitem").filter(has_text="Make a payment link")
    expect(first).to_contain_text("There is one.")
    shoot(page, "setup-half")
    assert_clean(page)

    page.get_by_role("button", name="Put this list away").click()
    expect(page.get_by_role("heading", name="Needs a person")).to_be_visible()
    expect(page.get_by_role("heading", name="Setting up")).to_have_count(0)
    assert PaymentLink.objects.count() == 1
    assert Business.objects.get().setup_closed_at is not None
