"""The whole story in a real browser, before a demo that really runs.

Sign in, make a link, look at the messages, send, open the mail, pay, see it paid; a
second link is reminded when time moves on, the paid one is not.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from proofs.processes import ChildProcess, free_port

from .checks import assert_clean, shoot, watch

pytestmark = pytest.mark.browser
START_SECONDS = 120.0  # collects the static files and tells the sample story
SOON_MS = 30_000  # for what a worker does after the click
ADD = "/admin/links/paymentlink/add/"


@dataclass
class Demo:
    url: str
    record: dict[str, Any]
    browser: Browser

    def open(self, width: int) -> Page:
        context = self.browser.new_context(
            base_url=self.url,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        watch(page)
        return page

    def signed_in(self, role: str) -> Page:
        user = next(user for user in self.record["users"] if user["role"] == role)
        page = self.open(1280)
        page.goto("/admin/")
        assert_clean(page)
        page.get_by_label("Email").fill(user["email"])
        page.get_by_label("Password").fill(user["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/admin/")
        return page

    def move_time_on(self, span: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", "drain", "--as-of", span],
            cwd=settings.BASE_DIR,
            env={
                "PATH": os.environ["PATH"],
                "ENV_FILE": "",
                "VAR_DIR": str(Path(self.record["database_url"][10:]).parent),
                "DATABASE_URL": self.record["database_url"],
                "PUBLIC_URL": self.url,
            },
            check=True,
            timeout=120,
        )


@pytest.fixture
def demo(browser: Browser, tmp_path: Path) -> Iterator[Demo]:
    port = free_port()
    process = ChildProcess(
        "demo",
        [sys.executable, "-m", "scripts", "demo"],
        log_file=tmp_path / "demo.log",
        env={
            "PATH": os.environ["PATH"],
            "PORT": str(port),
            "VAR_DIR": str(tmp_path / "var"),
        },
        cwd=Path(settings.BASE_DIR),
    )
    with process:
        url = f"http://127.0.0.1:{port}"
        process.wait_for_url(f"{url}/healthz", timeout=START_SECONDS)
        record = json.loads((tmp_path / "var" / "demo.json").read_text())
        yield Demo(url, record, browser)


def make_link(page: Page, description: str, price: str) -> None:
    """What follows once the customer is chosen: fill in, look, send."""
    page.get_by_label("Description").fill(description)
    page.get_by_label("Price each").fill(price)
    page.get_by_role("button", name="Preview").click()
    mail = page.frame_locator("iframe[name=mail-frame]")
    expect(mail.locator("body")).to_contain_text(price)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Done. The link is on its way.")).to_be_visible()


def test_from_sign_in_to_paid_and_reminded(demo: Demo) -> None:
    page = demo.signed_in("owner")
    shoot(page, "story-front")
    assert_clean(page)

    # a new customer, added in place; the preview shows both messages
    page.goto(ADD)
    page.get_by_role("combobox", name="Name, e-mail or phone").press_sequentially(
        "Marie Curie"
    )
    page.get_by_role("option", name="Add as a new customer: Marie Curie").click()
    page.get_by_role("textbox", name="E-mail", exact=True).fill("marie@radium.example")
    page.get_by_label("Mobile phone").fill("+14155550142")
    page.get_by_role("checkbox", name="SMS").check()
    make_link(page, "Laboratory bench", "86.40")
    paid_link = page.url
    assert_clean(page)

    # the mailbox shows the mail as it was sent; its button opens the pay page
    page.goto("/admin/notifications/message/")
    page.get_by_role("link", name="Your payment of €86.40").first.click()
    shoot(page, "story-mail")
    assert_clean(page)
    mail = page.frame_locator("iframe").first
    with page.expect_popup() as opened:
        mail.get_by_role("link", name="Pay").first.click()
    address = opened.value.url
    opened.value.close()

    # the customer, on a phone
    phone = demo.open(390)
    phone.goto(address)
    expect(phone.get_by_text("Laboratory bench").first).to_be_visible()
    shoot(phone, "story-pay")
    assert_clean(phone)
    phone.get_by_role("button").first.click()
    phone.wait_for_url("**/training/**")
    shoot(phone, "story-training")
    assert_clean(phone)
    phone.locator("button[value=approve]").click()
    expect(phone.get_by_role("heading", name="Thank you")).to_be_visible(
        timeout=SOON_MS
    )
    shoot(phone, "story-thanks")
    assert_clean(phone)

    # staff see it
    page.goto(paid_link)
    expect(page.get_by_text("€86.40 of €86.40 paid")).to_be_visible()
    expect(page.get_by_text("Receipt by e-mail").first).to_be_visible(timeout=SOON_MS)
    shoot(page, "story-paid")

    # a second link, to the same customer; time moves on
    page.goto(ADD)
    page.get_by_role("combobox", name="Name, e-mail or phone").press_sequentially(
        "marie"
    )
    page.get_by_role("option", name="Marie Curie").first.click()
    make_link(page, "Glass flasks", "19.90")
    waiting_link = page.url
    demo.move_time_on("+8d")

    page.goto(waiting_link)
    expect(page.get_by_text("Reminder by e-mail").first).to_be_visible()
    shoot(page, "story-reminded")
    assert_clean(page)
    page.goto(paid_link)
    expect(page.get_by_text("Receipt by e-mail").first).to_be_visible()
    expect(page.get_by_text("Reminder by e-mail")).to_have_count(0)
