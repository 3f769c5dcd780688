"""Choosing on the page of a link, with the keyboard or a thumb, without script."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from links.models import AmountKind, PaymentLink
from links.pay import responses
from links.services import checkouts, pages
from links.services.amounts import LineData
from links.services.terms import Terms
from links.tests.factories import make_customer, make_link
from merchant_portal.business.models import Business
from merchant_portal.lib import queue

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTHS = pytest.mark.parametrize("width", [320, 1280])
K = AmountKind


@pytest.fixture(autouse=True)
def _shop(
    settings: Settings, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL = live_server.url
    settings.TRAINING_ENABLED = True
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    responses.reads.clear()
    monkeypatch.setattr(queue, "nudge", lambda *_: None)
    Business.objects.update_or_create(
        pk=1, defaults={"name": "Café Morgenrot", "brand_color": "#b3261e"}
    )


def open_page(page: Page, link: PaymentLink) -> None:
    page.goto(f"/p/{pages.token_of(link)}/")
    assert_clean(page)


def pay(page: Page, link: PaymentLink, amount: str) -> None:
    """Through the provider's page, which shows `amount`, to the thanks."""
    page.wait_for_url("**/training/**")
    expect(page.locator(".sum")).to_have_text(amount)
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/return/**")
    checkouts.settle(link.checkouts.latest("pk").pk)
    # by itself, without a touch
    expect(page.get_by_role("heading")).to_have_text(
        "Thank you! Your payment has arrived.", timeout=30_000
    )
    assert_clean(page)


@WIDTHS
def test_chooses_an_amount_after_a_slip(page_at: PageAt, width: int) -> None:
    link = make_link(
        make_customer(),
        lines=(LineData("A gift for the animal shelter", 0),),
        terms=Terms(kind=K.CHOSEN, minimum_minor=500, presets_minor=(1000, 2500)),
    )
    page = page_at(width)

    open_page(page, link)
    page.get_by_label("Another amount", exact=True).check()
    page.get_by_label("Your amount").fill("3")
    page.get_by_role("button", name="Go on to pay").click()
    expect(page.get_by_role("alert")).to_have_text("The smallest amount is €5.00.")
    expect(page.get_by_label("Your amount")).to_have_value("3")
    assert_clean(page)
    shoot(page, "refused")
    page.get_by_label("Your amount").fill("7,50")
    page.get_by_role("button", name="Go on to pay").click()

    pay(page, link, "€7.50")


@WIDTHS
def test_sets_how_many_and_sees_the_total_first(page_at: PageAt, width: int) -> None:
    ticket = LineData("Ticket", 2000, 2000, quantity_min=1, quantity_max=8)
    link = make_link(
        make_customer(),
        lines=(ticket, LineData("Booking fee", 150)),
        terms=Terms(kind=K.QUANTITY, tips_bp=(1000,)),
    )
    page = page_at(width)

    open_page(page, link)
    page.get_by_label("Ticket").fill("3")
    page.get_by_role("button", name="Show the total").click()
    expect(page.locator(".sum")).to_have_text("€61.50")
    expect(page.get_by_label("Ticket")).to_have_value("3")
    shoot(page, "total")
    page.get_by_label("10%").check()
    page.get_by_role("button", name="Go on to pay").click()

    pay(page, link, "€67.65")


@WIDTHS
def test_pays_a_part_and_then_the_rest(page_at: PageAt, width: int) -> None:
    link = make_link(
        make_customer(),
        amount_minor=4500,
        terms=Terms(kind=K.PARTS, minimum_minor=1000),
    )
    page = page_at(width)

    open_page(page, link)
    page.get_by_label("A part").check()
    page.get_by_label("Your amount").fill("20")
    page.get_by_role("button", name="Go on to pay").click()
    pay(page, link, "€20.00")
    page.get_by_role("link", name="Pay the rest").click()
    expect(page.get_by_label("All of it: €25.00")).to_be_checked()
    shoot(page, "rest")
    page.get_by_role("button", name="Go on to pay").click()

    pay(page, link, "€25.00")
