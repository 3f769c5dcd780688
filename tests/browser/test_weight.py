"""What the pages of the back-office weigh over the line: the first one, and those after."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from . import demos
from .demos import Demo

pytestmark = [pytest.mark.browser, pytest.mark.stack]
FIRST, AFTER = 500_000, 60_000
# bytes, headers included, as a browser with an empty and then a filled cache loads them
PAGES = (
    "links/paymentlink/",
    "links/paymentlink/add/",
    "links/payment/",
    "customers/customer/",
    "links/dailytotal/",
    "notifications/message/",
    "",
)


@pytest.fixture(scope="module")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demos.running(browser, tmp_path_factory.mktemp("demo")) as demo:
        yield demo


def weigh(page: Page) -> list[int]:
    """The sizes of all that comes over the line from now on."""
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.loadingFinished",
        lambda told: sizes.append(int(told["encodedDataLength"])),
    )
    return sizes


def test_pages_are_light(demo: Demo) -> None:
    cookies = demo.signed_in("owner").context.cookies()
    page = demo.open(1280)
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    sizes = weigh(page)

    page.goto("/admin/", wait_until="networkidle")
    first = sum(sizes)
    after = {}
    for path in PAGES:
        page.goto(f"/admin/{path}", wait_until="networkidle")  # its own parts once
        sizes.clear()
        page.goto("/admin/links/refund/", wait_until="networkidle")
        sizes.clear()
        page.goto(f"/admin/{path}", wait_until="networkidle")
        expect(page.locator("#content")).to_be_visible()
        after[path] = sum(sizes)

    assert 0 < first <= FIRST, (first, after)
    assert {path: size for path, size in after.items() if size > AFTER} == {}, first
    assert min(after.values()) > 1_000
