"""A hurried customer: double click, two tabs, Back, reload. One session at the provider."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from links.models import Checkout, LinkStatus, PaymentLink, TrainingSession
from links.pay import responses
from links.services import checkouts, pages, sessions
from links.tests.factories import make_customer, make_link
from merchant_portal.lib import queue
from tests.stack.gaps import without_constraint

from .checks import PageAt

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _shop(
    settings: Settings, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLIC_URL = live_server.url
    settings.TRAINING_ENABLED = True
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    responses.reads.clear()
    monkeypatch.setattr(queue, "nudge", lambda *_: None)


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer())


def open_link(page: Page, link: PaymentLink) -> None:
    page.goto(f"/p/{pages.token_of(link)}/")


def click_pay(page: Page, *, count: int = 1) -> None:
    page.get_by_role("button", name="Pay").click(click_count=count)
    page.wait_for_url("**/training/**")


def test_a_double_click_opens_one_session(page_at: PageAt, link: PaymentLink) -> None:
    page = page_at(390)
    open_link(page, link)

    click_pay(page, count=2)

    assert TrainingSession.objects.count() == 1
    assert Checkout.objects.count() == 1


def test_two_tabs_and_back_lead_to_one_session(
    page_at: PageAt, link: PaymentLink
) -> None:
    first, second = page_at(390), page_at(1280)
    open_link(first, link)
    open_link(second, link)

    click_pay(first)
    click_pay(second)
    first.go_back()
    click_pay(first)

    assert first.url == second.url
    assert TrainingSession.objects.count() == 1


def test_reloading_the_thanks_books_and_opens_nothing_more(
    page_at: PageAt, link: PaymentLink
) -> None:
    page = page_at(390)
    open_link(page, link)
    click_pay(page)
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/return/**")
    page.reload()
    assert link.payments.count() == 0  # the page only reads
    checkouts.settle(link.checkouts.get().pk)
    for _reload in range(3):
        page.reload()
        expect(page.get_by_role("heading")).to_contain_text("Thank you!")

    page.go_back()

    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert link.payments.count() == 1
    assert TrainingSession.objects.count() == 1


def test_control_without_the_look_for_an_open_session_two_are_made(
    page_at: PageAt, link: PaymentLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LIVE", ())
    with without_constraint(Checkout, "checkout_one_live_a_link"):
        page = page_at(390)
        open_link(page, link)
        click_pay(page)

        page.go_back()
        click_pay(page)

        assert TrainingSession.objects.count() == 2
