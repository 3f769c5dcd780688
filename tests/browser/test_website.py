"""A button on somebody else's website: pasted as staff copy it, pressed as people do."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from links.models import PaymentLink
from links.pay import responses
from links.tests.factories import make_customer, make_link
from merchant_portal.staff.models import User

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Site = Callable[..., str]
OPEN, STRICT = "", "default-src 'none'; base-uri 'none'"
# what the foreign page's own policy may be


@pytest.fixture(autouse=True)
def _shop(settings: Settings, live_server: LiveServer) -> None:
    settings.STAFF_MFA_REQUIRED = False
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    settings.PUBLIC_URL = live_server.url
    responses.reads.clear()


@pytest.fixture
def site() -> Iterator[Site]:
    """Serves a body, with a policy of its own, from another origin; gives its address."""
    pages: dict[str, tuple[str, str]] = {}

    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, policy = pages.get(self.path, ("", ""))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>Shop</title>{body}".encode())

        def log_message(self, *_args: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def put(body: str, policy: str = OPEN) -> str:
        path = f"/{len(pages)}"
        pages[path] = (body, policy)
        return f"http://127.0.0.1:{server.server_port}{path}"

    yield put
    server.shutdown()
    server.server_close()


def copied(page: Page, link: PaymentLink, field: str) -> str:
    """The HTML as staff find it on the page of the back-office."""
    page.goto(f"/admin/links/paymentlink/{link.pk}/website/")
    return page.locator(field).input_value()


def in_new_tab(context: BrowserContext, page: Page) -> Page:
    with context.expect_page() as popup:
        page.locator("a").first.click()
    popup.value.wait_for_load_state()
    return popup.value


def assert_pay_page(page: Page) -> None:
    expect(page.get_by_role("heading", name="To pay")).to_be_visible()
    expect(page.get_by_text("€12.50").first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_staff_see_each_as_it_will_look(
    page_at: PageAt, owner: User, width: int
) -> None:
    link = make_link(make_customer())
    page = page_at(width, owner)
    page.goto(f"/admin/links/paymentlink/{link.pk}/change/")
    page.get_by_role("link", name="On your website").click()

    page.get_by_label("Language").select_option("ar")
    page.get_by_role("button", name="Show", exact=True).click()
    look = page.frame_locator(".mp-look").first
    expect(look.get_by_role("link")).to_have_attribute("dir", "rtl")
    shoot(page, "website-ar")
    assert_clean(page)
    page.get_by_label("Language").select_option("en")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(look.get_by_role("link", name="Pay €12.50")).to_be_visible()
    page.get_by_role("button", name="Copy the HTML").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_text("With our script").first.click()
    shoot(page, "website")
    assert_clean(page)
    page.get_by_role("link", name="Make one like it").click()
    expect(page.get_by_label("Description")).to_have_value("Birthday cake")
    assert_clean(page)
    shoot(page, "website-like")


@pytest.mark.parametrize("policy", [OPEN, STRICT])
@pytest.mark.parametrize("has_script", [True, False])
def test_a_pasted_button_opens_the_page_in_a_new_tab(
    browser: Browser,
    page_at: PageAt,
    owner: User,
    site: Site,
    policy: str,
    has_script: bool,
) -> None:
    link = make_link()
    body = copied(page_at(1280, owner), link, "#html-medium")
    context = browser.new_context(java_script_enabled=has_script)
    page = context.new_page()
    page.goto(site(body, policy))

    opened = in_new_tab(context, page)

    assert_pay_page(opened)
    if has_script:
        assert opened.evaluate("window.opener") is None
    context.close()


def test_our_script_opens_a_new_tab_and_touches_nothing_else(
    browser: Browser, page_at: PageAt, owner: User, site: Site
) -> None:
    link = make_link()
    body = copied(page_at(1280, owner), link, "#script-medium")
    home = body.partition('script src="')[2].partition("/embed.js")[0]
    strict = f"default-src 'none'; script-src {home}"
    others = (
        '<a id="same" href="/elsewhere">x</a>'
        '<a id="foreign" data-merchant-portal href="https://example.com/">x</a>'
    )
    context = browser.new_context()
    page = context.new_page()
    page.goto(site(body + others, strict), wait_until="networkidle")
    before = page.content()
    assert context.cookies() == []

    opened = in_new_tab(context, page)

    assert_pay_page(opened)
    assert opened.evaluate("window.opener") is None
    after = page.content()
    assert after.replace(' target="_blank" rel="noopener"', "") == before
    page.evaluate(
        """() => document.querySelectorAll("#same, #foreign").forEach((link) => {
            link.addEventListener("click", (event) => event.preventDefault());
            link.click();
        })"""
    )
    assert page.content() == after
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    context.close()


@pytest.mark.parametrize(
    ("policy", "has_script"), [(STRICT, True), (OPEN, False)], ids=["csp", "no-script"]
)
def test_where_our_script_is_blocked_the_link_still_leads_there(
    browser: Browser,
    page_at: PageAt,
    owner: User,
    site: Site,
    policy: str,
    has_script: bool,
) -> None:
    link = make_link()
    body = copied(page_at(1280, owner), link, "#script-medium")
    context = browser.new_context(java_script_enabled=has_script)
    page = context.new_page()
    page.goto(site(body, policy))

    page.locator("a").click()

    assert_pay_page(page)
    context.close()
