"""A real browser before the product, and what every page must pass.

    def test_front_page(page_at: PageAt, owner: User) -> None:
        page = page_at(390, owner)       # signed in as owner; page_at(390) is a stranger
        page.goto("/admin/")
        assert_clean(page)

`from tests.browser.checks import PageAt, assert_clean, shoot`; mark the module
`pytestmark = pytest.mark.browser`.
"""

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import PASSWORD, make_user

from .checks import PageAt, watch

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HEIGHTS = {390: 844, 1280: 900}
expect.set_options(timeout=15_000)
# milliseconds; what is awaited comes at once on a quiet machine


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, and Django takes that for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
        connections.close_all()  # those of this loop, which nobody else could close
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def owner(transactional_db: None) -> User:
    return make_user(
        Role.OWNER, email="olga@shop.example", password=PASSWORD, name="Olga Owner"
    )


@pytest.fixture
def page_at(browser: Browser, live_server: LiveServer) -> Iterator[PageAt]:
    """Opens pages: `page_at(width)`, or `page_at(width, user)` for one signed in."""
    contexts: list[BrowserContext] = []

    def open_page(width: int, user: User | None = None) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            reduced_motion="reduce",
        )
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            value = client.cookies[name].value
            context.add_cookies(
                [{"name": name, "value": value, "url": live_server.url}]
            )
        page = context.new_page()
        page.set_default_timeout(15_000)
        watch(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
