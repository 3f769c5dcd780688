"""Stripe, PayPal and Square behind one link, in a browser, at stand-ins for them.

A customer on a phone pays, the staff see it and give a part of it back.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from proofs import http

from . import demos
from .checks import assert_clean, shoot
from .demos import Demo

pytestmark = pytest.mark.browser
PROVIDERS = ("Stripe", "PayPal", "Square")


@pytest.fixture(scope="module")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("providers")
    with demos.running(browser, folder, PROVIDERS="fake") as running:
        yield running


@pytest.fixture(scope="module")
def staff(demo: Demo) -> Page:
    return demo.signed_in("owner")


def new_link(demo: Demo) -> str:
    """The public address of a link over 125.00 EUR."""
    line = {"description": "Birthday cake", "unit_amount_minor": 12_500}
    made = http.post(
        f"{demo.url}/api/v1/links",
        body=json.dumps({"currency": "EUR", "lines": [line]}).encode(),
        headers={
            "Authorization": f"Bearer {demo.record['api_key']}",
            "Content-Type": "application/json",
        },
    )
    assert made.status == 201, made.text
    return str(made.data["url"])


def at_both_widths(page: Page, name: str) -> None:
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        shoot(page, name)
        assert_clean(page)


@pytest.mark.parametrize("title", PROVIDERS)
def test_is_paid_and_partly_given_back(demo: Demo, staff: Page, title: str) -> None:
    phone = demo.open(390)
    phone.goto(new_link(demo))
    for other in PROVIDERS:
        expect(phone.get_by_role("button", name=f"Pay with {other}")).to_be_visible()
    assert_clean(phone)

    phone.get_by_role("button", name=f"Pay with {title}").click()
    phone.locator("button[value=pay]").click()
    expect(phone.get_by_text("Thank you! Your payment has arrived.")).to_be_visible()
    assert_clean(phone)

    staff.goto("/admin/links/payment/")
    staff.locator("#result_list a").first.click()
    expect(staff.get_by_text(title.lower(), exact=False).first).to_be_visible()
    at_both_widths(staff, f"payment-{title}")
    staff.get_by_role("link", name="Give money back").click()
    at_both_widths(staff, f"refund-new-{title}")
    staff.get_by_label("Amount").fill("45.00")
    staff.get_by_label("Why").fill("One layer was missing")
    staff.get_by_role("button", name="Ask for this refund").click()
    at_both_widths(staff, f"refund-{title}")
    staff.get_by_role("button", name="Approve and give back").click()
    expect(staff.get_by_text("Approved. It leaves now.")).to_be_visible()
    load_until(staff, staff.get_by_text("Given back", exact=True))
    at_both_widths(staff, f"refund-done-{title}")


def load_until(page: Page, wanted: Locator) -> None:
    """A worker needs its moment; the page does not change by itself."""
    for _look in range(30):
        if wanted.count():
            return
        page.wait_for_timeout(1000)
        page.reload()
    raise AssertionError(page.locator("main, #content").first.inner_text())


def test_an_account_says_what_to_register_and_whether_it_works(staff: Page) -> None:
    staff.goto("/admin/links/provideraccount/")
    for title in PROVIDERS:
        load_until(staff, staff.locator("#result_list a", has_text=title))
    at_both_widths(staff, "accounts")
    for title in PROVIDERS:
        staff.goto("/admin/links/provideraccount/")
        staff.locator("#result_list a", has_text=title).first.click()
        expect(staff.get_by_text(f"/webhooks/{title.lower()}/")).to_be_visible()
        at_both_widths(staff, f"account-{title}")
        staff.get_by_role("button", name="Check the connection").click()
        expect(
            staff.get_by_text("The keys work, and nothing is missing.")
        ).to_be_visible()


def test_the_front_page_tells_how_it_stands(staff: Page) -> None:
    staff.goto("/admin/")
    for title in PROVIDERS:
        load_until(staff, staff.get_by_role("link", name=title, exact=True))
    at_both_widths(staff, "front-providers")
