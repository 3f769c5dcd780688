"""Sharing a link by hand and putting it on a website, as people do it."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect
from pytest_django.live_server_helper import LiveServer

from links.models import LinkStatus, PaymentLink
from links.services import links, pages
from links.services.amounts import LineData
from links.services.links import LinkData
from links.tests.factories import make_customer
from merchant_portal.staff.models import User

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])
APPS = re.compile(r"^https://(wa\.me|t\.me)/")


@pytest.fixture(autouse=True)
def _no_second_factor(settings: object) -> None:
    settings.STAFF_MFA_REQUIRED = False  # type: ignore[attr-defined]


def make(owner: User, *, draft: bool = False) -> PaymentLink:
    data = LinkData(
        customer=make_customer(),
        currency="EUR",
        lines=(LineData("Birthday cake", 4200),),
        draft=draft,
    )
    return links.create(data, actor=owner.actor())


def path_of(link: PaymentLink) -> str:
    return f"/admin/links/paymentlink/{link.pk}/change/"


def stand_in(context: BrowserContext) -> list[tuple[str, str | None]]:
    """Answer for the apps' sites; address and referrer of what was asked of them."""
    asked: list[tuple[str, str | None]] = []

    def answer(route: Route) -> None:
        asked.append((route.request.url, route.request.headers.get("referer")))
        route.fulfill(body="an app", content_type="text/plain")

    context.route(APPS, answer)
    return asked


def opened(page: Page, name: str) -> str:
    with page.context.expect_page() as popup:
        page.get_by_role("link", name=name, exact=True).click()
    popup.value.wait_for_load_state()
    assert popup.value.evaluate("window.opener") is None
    return popup.value.url


def led_on(page: Page, name: str) -> Request:
    """What a posted form led to; Playwright's stand-ins do not see redirects."""
    with page.context.expect_event("request", lambda r: bool(APPS.match(r.url))) as led:
        page.get_by_role("button", name=name).click()
    request: Request = led.value
    return request


@WIDTHS
def test_one_click_opens_the_app_and_is_noted(
    page_at: PageAt, owner: User, width: int
) -> None:
    link = make(owner)
    page = page_at(width, owner)
    asked = stand_in(page.context)
    page.goto(path_of(link))
    shoot(page, "share")
    assert_clean(page)
    card = page.locator("#share")

    card.get_by_label("Your message").fill("No address")
    expect(card.get_by_text("lacks the address")).to_be_visible()
    words = f"Dear Ada, here is the cake:\n{pages.url_of(link)}"
    card.get_by_label("Your message").fill(words)
    expect(card.get_by_text("lacks the address")).to_be_hidden()
    card.get_by_label("Remind by e-mail").check()
    address = opened(page, "WhatsApp")

    assert parse_qs(urlsplit(address).query) == {"text": [words]}
    assert asked == [(address, None)]
    expect(page.locator("#link-timeline")).to_contain_text(
        "Opened to share by WhatsApp", timeout=14_000
    )
    expect(page.locator("#link-timeline")).not_to_contain_text("sent")
    link.refresh_from_db()
    assert link.last_channels == ["email"]
    opened(page, "Telegram")
    card.get_by_role("button", name="Copy the text").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.locator("#link-timeline")).to_contain_text(
        "Text copied to share", timeout=14_000
    )
    assert_clean(page)
    shoot(page, "shared")


def test_sharing_a_draft_makes_it_payable(page_at: PageAt, owner: User) -> None:
    link = make(owner, draft=True)
    page = page_at(1280, owner)
    page.goto(path_of(link))
    shoot(page, "share-draft")
    assert_clean(page)

    query = urlsplit(led_on(page, "WhatsApp").url).query

    assert pages.url_of(link) in parse_qs(query)["text"][0]
    expect(page.locator("#public-address")).to_be_visible()
    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE


def test_without_a_script_it_opens_and_is_noted(
    browser: Browser, page_at: PageAt, live_server: LiveServer, owner: User
) -> None:
    link = make(owner)
    plain = browser.new_context(
        java_script_enabled=False,
        base_url=live_server.url,
        storage_state=page_at(1280, owner).context.storage_state(),
    )
    page = plain.new_page()
    page.goto(path_of(link))
    shoot(page, "share-plain")
    expect(page.get_by_role("link", name="WhatsApp", exact=True)).to_be_hidden()

    request = led_on(page, "Telegram")

    assert request.url.startswith("https://t.me/share/url?url=")
    assert "referer" not in request.headers
    assert link.activities.get(kind="link.shared").detail == {"way": "telegram"}
    plain.close()
