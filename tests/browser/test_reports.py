"""Reports, in a real browser: a period chosen, a figure followed, a file saved."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from links.providers.base import RefundSnapshot, RefundState
from links.services import payments
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REPORTS = "/admin/links/dailytotal/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


def some_weeks(maker: User) -> None:
    """Payments on most of the last 25 days, of two methods and two currencies."""
    today = clock.now()
    for number in range(25):
        currency = "CHF" if number % 9 == 4 else "EUR"
        amount = 1_250 + 997 * number
        link = make_link(
            make_customer(),
            amount_minor=amount,
            currency=currency,
            actor=maker.actor(),
        )
        seen = make_seen(
            link,
            payment_id=f"p{number}",
            amount_minor=amount,
            currency=currency,
            fee_minor=25 + number,
            occurred_at=today - timedelta(days=number),
        )
        back = RefundSnapshot(
            f"b{number}", RefundState.SUCCEEDED, Money(500, currency), today
        )
        told = (back,) if number % 8 == 3 else ()
        method = "sepa_debit" if number % 3 else "card"
        payments.record(replace(seen, method=method, refunds=told))


@pytest.mark.parametrize("width", [390, 1280])
def test_a_figure_leads_to_its_rows(page_at: PageAt, owner: User, width: int) -> None:
    some_weeks(owner)
    page = page_at(width, owner)

    page.goto(REPORTS)
    assert_clean(page)
    shoot(page, "report-days")
    page.get_by_label("By", exact=True).select_option("method")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("rowheader", name="Sepa debit").first).to_be_visible()
    assert_clean(page)
    shoot(page, "report-methods")
    row = page.get_by_role("row").filter(has_text="Card").filter(has_text="EUR")
    count = row.get_by_role("link").nth(1)
    expected = int(count.inner_text())
    count.click()
    page.wait_for_url("**/payment/?behind=*")
    assert_clean(page)
    shoot(page, "report-rows")

    assert page.locator("#result_list tbody tr").count() == expected


def test_the_file_is_saved(page_at: PageAt, owner: User) -> None:
    some_weeks(owner)
    page = page_at(1280, owner)
    page.goto(REPORTS)

    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as CSV").click()

    text = Path(saved.value.path()).read_text("utf-8-sig")
    assert len(text.splitlines()) >= 25
    assert saved.value.suggested_filename.startswith("payments-")


@pytest.mark.parametrize("width", [390, 1280])
def test_an_empty_one_teaches_and_a_slip_is_said(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width, owner)

    page.goto(f"{REPORTS}links/?first=2026-06-01&last=2026-01-01")

    expect(page.get_by_role("alert")).to_contain_text("before the first")
    expect(page.get_by_label("First day")).to_have_value("2026-06-01")
    expect(page.get_by_text("Nothing happened in these days")).to_be_visible()
    assert_clean(page)
    shoot(page, "report-empty")
