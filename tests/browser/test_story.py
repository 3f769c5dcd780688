"""The whole story in a real browser, before a demo that really runs.

Sign in, make a link, look at the messages, send, open the mail, pay, see it paid; a
second link is reminded when time moves on, the paid one is not.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from . import demos
from .checks import assert_clean, shoot
from .demos import SOON_MS, Demo

pytestmark = pytest.mark.browser
ADD = "/admin/links/paymentlink/add/"


@pytest.fixture
def demo(browser: Browser, tmp_path: Path) -> Iterator[Demo]:
    with demos.running(browser, tmp_path) as running:
        yield running


def make_link(page: Page, description: str, price: str) -> None:
    """What follows once the customer is chosen: fill in, look, send."""
    page.get_by_label("Description").fill(description)
    page.get_by_label("Price each").fill(price)
    page.get_by_role("button", name="Preview").click()
    mail = page.frame_locator("iframe[name=mail-frame]")
    expect(mail.locator("body")).to_contain_text(price)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Until then you can take it back.")).to_be_visible()
    # it leaves by itself, and the page shows it without being asked
    expect(page.locator("#link-outgoing")).to_be_hidden()


def test_from_sign_in_to_paid_and_reminded(demo: Demo) -> None:
    page = demo.signed_in("owner")
    shoot(page, "story-front")
    assert_clean(page)

    # a new customer, added in place; the preview shows both messages
    page.goto(ADD)
    page.get_by_role("combobox", name="Name, e-mail or phone").press_sequentially(
        "Marie Curie"
    )
    page.get_by_role("option", name="Add as a new customer: Marie Curie").click()
    page.get_by_role("textbox", name="E-mail", exact=True).fill("marie@radium.example")
    page.get_by_label("Mobile phone").fill("+14155550142")
    page.get_by_role("checkbox", name="SMS").check()
    make_link(page, "Laboratory bench", "86.40")
    paid_link = page.url
    assert_clean(page)

    # the mailbox shows the mail as it was sent; its button opens the pay page
    page.goto("/admin/notifications/message/")
    page.get_by_role("link", name="Your payment of €86.40").first.click()
    shoot(page, "story-mail")
    assert_clean(page)
    mail = page.frame_locator("iframe").first
    with page.expect_popup() as opened:
        mail.get_by_role("link", name="Pay").first.click()
    address = opened.value.url
    opened.value.close()

    # the customer, on a phone
    phone = demo.open(390)
    phone.goto(address)
    expect(phone.get_by_text("Laboratory bench").first).to_be_visible()
    shoot(phone, "story-pay")
    assert_clean(phone)
    phone.get_by_role("button").first.click()
    phone.wait_for_url("**/training/**")
    shoot(phone, "story-training")
    assert_clean(phone)
    phone.locator("button[value=approve]").click()
    expect(phone.get_by_role("heading", name="Thank you")).to_be_visible(
        timeout=SOON_MS
    )
    shoot(phone, "story-thanks")
    assert_clean(phone)

    # staff see it
    page.goto(paid_link)
    expect(page.get_by_text("€86.40 of €86.40 paid")).to_be_visible()
    expect(page.get_by_text("Receipt by e-mail").first).to_be_visible(timeout=SOON_MS)
    shoot(page, "story-paid")

    # a second link, to the same customer; time moves on
    page.goto(ADD)
    page.get_by_role("combobox", name="Name, e-mail or phone").press_sequentially(
        "marie"
    )
    page.get_by_role("option", name="Marie Curie").first.click()
    make_link(page, "Glass flasks", "19.90")
    waiting_link = page.url
    demo.move_time_on("+8d")

    page.goto(waiting_link)
    expect(page.get_by_text("Reminder by e-mail").first).to_be_visible()
    shoot(page, "story-reminded")
    assert_clean(page)
    page.goto(paid_link)
    expect(page.get_by_text("Receipt by e-mail").first).to_be_visible()
    expect(page.get_by_text("Reminder by e-mail")).to_have_count(0)
