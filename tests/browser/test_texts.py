"""An owner changes what customers read: click, look, be told, save, and it is sent."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from merchant_portal.staff.models import User
from notifications import kinds
from notifications.models import MessageContent, Template
from notifications.services import contents
from notifications.tests.factories import Shop, message

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/notifications/template/"
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


@pytest.fixture(autouse=True)
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Shop:
    settings.STAFF_MFA_REQUIRED = False
    shop = Shop()
    monkeypatch.setattr(kinds, "_KINDS", shop.all_kinds())
    return shop


def opened(page: Page) -> Page:
    page.goto(LIST)
    assert_clean(page)
    shoot(page, "texts")
    page.get_by_role("link", name="Invitation: English").click()
    expect(page.get_by_text("Nothing to complain of.")).to_be_visible()
    frame = page.frame_locator("iframe[name=mail-phone]")
    expect(frame.get_by_text("has sent you a payment request")).to_be_visible()
    return page


def end_of(page: Page, field: str) -> None:
    page.get_by_role("textbox", name=field, exact=True).focus()
    page.keyboard.press("Control+End")


@WIDTHS
def test_words_are_changed_seen_saved_and_sent(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = opened(page_at(width, owner))
    assert_clean(page)
    shoot(page, "text")
    end_of(page, "Words")
    page.keyboard.type("\n\n<script>document.title='x'</script> Bring **cash**, ")

    page.get_by_role("button", name="{customer_name}").or_(
        page.get_by_role("button", name="{description}")
    ).first.click()
    expect(page.get_by_label("Words", exact=True)).to_have_value(
        re.compile(r"Bring \*\*cash\*\*, \{[a-z_]+\}$")
    )
    expect(page.locator("#findings")).to_contain_text("has no place in a message")
    desktop = page.frame_locator("iframe[name=mail-desktop]")
    expect(desktop.locator("strong", has_text="cash")).to_be_visible()
    expect(desktop.get_by_text("<script>document.title")).to_be_visible()

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved yet")
    assert_clean(page)
    shoot(page, "text-refused")
    body = page.get_by_label("Words", exact=True)
    body.fill(body.input_value().replace("<script>document.title='x'</script> ", ""))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The next message has these words")).to_be_visible()
    assert_clean(page)

    row = message(1)
    contents.prepare([row])
    content = MessageContent.objects.get(message=row)
    assert "Bring cash, " in content.text
    assert "Bring <strong>cash</strong>, " in content.html

    page.get_by_role("link", name="History").click()
    expect(page.locator("ins", has_text="Bring **cash**")).to_be_visible()
    assert_clean(page)
    shoot(page, "text-history")
    page.get_by_text("Back to the product's words").click()
    page.get_by_role("button", name="Yes, use the product's words").click()
    expect(page.get_by_text("Restored.")).to_be_visible()
    assert Template.objects.get(is_current=True).is_shipped


def test_by_keyboard_alone(page_at: PageAt, owner: User) -> None:
    page = opened(page_at(1280, owner))

    page.get_by_label("Subject").focus()
    page.keyboard.press("End")
    page.keyboard.type(" for ")
    hole = page.get_by_role("button", name="{description}")
    for _step in range(60):
        if hole.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    subject = page.get_by_label("Subject")
    expect(subject).to_have_value(re.compile(r" for \{description\}$"))
    expect(subject).to_be_focused()
    for _step in range(60):
        if page.evaluate("document.activeElement.value") == "save":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("The next message has these words")).to_be_visible()
    assert Template.objects.get().subject.endswith(" for {description}")
    assert_clean(page)


def test_an_expensive_letter_is_shown_and_replaced(
    page_at: PageAt, owner: User
) -> None:
    page = opened(page_at(1280, owner))

    end_of(page, "SMS")
    page.keyboard.type(" Erdő")
    expect(page.locator("#shown")).to_contain_text("because of “ő”")
    assert_clean(page)
    page.get_by_role("button", name="“ő” → “o”").click()

    expect(page.get_by_role("textbox", name="SMS")).to_have_value(re.compile(r" Erdo$"))
    expect(page.locator("#shown")).to_contain_text("GSM-7")


def test_without_script_a_refusal_still_says_why(page_at: PageAt, owner: User) -> None:
    page = page_at(1280, owner)
    page.route("**/editor*.js", lambda route: route.fulfill(body=""))
    page.goto(f"{LIST}text/invitation/en/")

    page.get_by_label("Subject").fill("Mine {nothing}")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("#findings")).to_contain_text("no placeholder {nothing}")
    expect(page.get_by_label("Subject")).to_have_value("Mine {nothing}")
    assert_clean(page)
