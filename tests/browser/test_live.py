"""What happens elsewhere appears by itself, and nobody asks while nobody looks."""

import pytest
from playwright.sync_api import Page, Request, expect
from pytest_django import Settings

from links.models import PaymentLink
from links.services import payments
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
LIST = "/admin/links/paymentlink/"
WITHIN = 12_000
# milliseconds; every 5 seconds, and the machine may be busy


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def link(transactional_db: None, owner: User) -> PaymentLink:
    return make_link(make_customer(), amount_minor=4_250, actor=owner.actor())


def hide(page: Page, *, hidden: bool) -> None:
    """As the browser does when another tab is opened."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def looks_of(page: Page) -> list[str]:
    found: list[str] = []

    def keep(request: Request) -> None:
        if "hx-request" in request.headers:
            found.append(request.url)

    page.on("request", keep)
    return found


@pytest.mark.parametrize("width", [390, 1280])
def test_a_payment_appears_on_the_front_page(
    page_at: PageAt, owner: User, link: PaymentLink, width: int
) -> None:
    page = page_at(width, owner)
    page.goto("/admin/")
    expect(page.get_by_role("listitem").filter(has_text="Paid today")).to_contain_text(
        "0 payments"
    )

    payments.record(make_seen(link, amount_minor=4_250, occurred_at=clock.now()))

    today = page.get_by_role("listitem").filter(has_text="Paid today")
    expect(today).to_contain_text("€42.50", timeout=WITHIN)
    expect(page.locator("#front-recent")).to_contain_text("Paid in full")
    shoot(page, "front-live")
    assert_clean(page)


def test_a_payment_appears_in_the_list_and_no_tick_is_lost(
    page_at: PageAt, owner: User, link: PaymentLink
) -> None:
    other = make_link(make_customer("Grace", "g@navy.example", ""), actor=owner.actor())
    page = page_at(1280, owner)
    page.goto(LIST)
    row = page.locator("#result_list tr").filter(has_text=str(link.number))
    expect(row).to_contain_text("Active")

    payments.record(make_seen(link, amount_minor=4_250))
    expect(row).to_contain_text("Paid", timeout=WITHIN)
    assert_clean(page)

    tick = row.get_by_role("checkbox")
    tick.check()
    payments.record(make_seen(other, payment_id="tpy_2"))
    page.wait_for_timeout(7_000)
    expect(tick).to_be_checked()
    tick.uncheck()
    second = page.locator("#result_list tr").filter(has_text=str(other.number))
    expect(second).to_contain_text("Paid", timeout=WITHIN)


@pytest.mark.parametrize("path", ["/admin/", LIST])
def test_a_hidden_page_asks_nothing_and_catches_up(
    page_at: PageAt, owner: User, link: PaymentLink, path: str
) -> None:
    page = page_at(1280, owner)
    page.goto(path)
    expect(page.locator("[data-poll]")).to_have_count(1)
    hide(page, hidden=True)
    looks = looks_of(page)

    payments.record(make_seen(link, amount_minor=4_250, occurred_at=clock.now()))
    page.wait_for_timeout(11_000)
    assert looks == []

    hide(page, hidden=False)
    expect(page.locator("#content")).to_contain_text("Paid", timeout=3_000)
    assert looks
