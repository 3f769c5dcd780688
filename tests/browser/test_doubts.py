"""The page for whoever doubts a message, in every language of customers."""

import pytest
from django.conf import settings as configured
from playwright.sync_api import expect
from pytest_django import Settings

from links.pay import responses
from links.services import verifying
from links.tests.factories import make_customer, make_link

from .checks import PageAt, assert_clean_at_every_size, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LANGUAGES = [code for code, _name in configured.LANGUAGES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_for_whoever_doubts_a_message_is_clean(
    page_at: PageAt, settings: Settings, language: str
) -> None:
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    responses.reads.clear()
    link = make_link(make_customer())
    page = page_at(390)
    page.set_extra_http_headers({"Accept-Language": language})
    direction = "rtl" if language in configured.LANGUAGES_BIDI else "ltr"

    page.goto("/verify/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", direction)
    page.locator("[name=code]").fill("7KQF2-M9TXC")
    page.locator("main button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_clean_at_every_size(page)
    shoot(page, f"verify-unknown-{language}")
    page.locator("[name=code]").fill(verifying.code_of(link).lower())
    page.locator("main button").click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("dir", direction)
    assert_clean_at_every_size(page)
    shoot(page, f"verify-{language}")
