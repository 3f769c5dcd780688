"""An owner connects each provider in the back-office, at stand-ins, and is paid through it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from . import demos
from .checks import assert_clean
from .demos import Demo
from .test_providers import PROVIDERS, at_both_widths, load_until, new_link

pytestmark = pytest.mark.browser
ACCOUNTS = "/admin/links/provideraccount/"
FIELDS = {
    "Stripe": {
        "Secret key": "STRIPE_SECRET_KEY",
        "Signing secret of the webhook": "STRIPE_WEBHOOK_SECRET",
    },
    "PayPal": {
        "Client ID": "PAYPAL_CLIENT_ID",
        "Secret": "PAYPAL_CLIENT_SECRET",
        "Webhook ID": "PAYPAL_WEBHOOK_ID",
    },
    "Square": {
        "Access token": "SQUARE_ACCESS_TOKEN",
        "Location ID": "SQUARE_LOCATION_ID",
        "Signature key of the webhook": "SQUARE_WEBHOOK_SIGNATURE_KEY",
    },
}


@pytest.fixture(scope="module")
def given(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Demo, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("connecting")
    with demos.running(browser, folder, PROVIDERS="unconnected") as running:
        keys = json.loads((folder / "var" / "fakes" / "keys.json").read_text())
        yield running, keys


def test_three_steps_and_the_money_arrives(given: tuple[Demo, dict[str, Any]]) -> None:
    demo, keys = given
    staff = demo.signed_in("owner")
    staff.goto(ACCOUNTS)
    at_both_widths(staff, "connect-list")
    for title in PROVIDERS:
        connect(staff, title, keys)

    phone = demo.open(390)
    phone.goto(new_link(demo))
    phone.get_by_role("button", name="Pay with Stripe").click()
    phone.locator("button[value=pay]").click()
    expect(phone.get_by_text("Thank you! Your payment has arrived.")).to_be_visible()
    assert_clean(phone)
    staff.goto(f"{ACCOUNTS}keys/stripe/")
    load_until(staff, staff.get_by_text("Keys entered:"))
    expect(staff.get_by_text("Last webhook: not yet")).to_have_count(0)

    remove(staff, demo)


def connect(staff: Page, title: str, keys: dict[str, Any]) -> None:
    staff.goto(ACCOUNTS)
    staff.get_by_role("link", name=f"Connect {title}").click()
    expect(staff.get_by_text(f"/webhooks/{title.lower()}/")).to_be_visible()
    at_both_widths(staff, f"connect-{title}")
    staff.get_by_role("button", name="Keep these keys").click()
    expect(staff.get_by_text("Nothing was changed.")).to_be_visible()
    at_both_widths(staff, f"connect-{title}-refused")
    for label, name in FIELDS[title].items():
        staff.get_by_label(label, exact=True).fill(keys[name])
    staff.get_by_role("button", name="Keep these keys").click()
    expect(staff.get_by_text("The keys are kept, sealed.")).to_be_visible()
    assert not [secret for secret in keys.values() if secret in staff.content()]
    staff.get_by_role("button", name="Check the connection").click()
    expect(staff.get_by_text("The keys work, and nothing is missing.")).to_be_visible()
    at_both_widths(staff, f"connect-{title}-done")


def remove(staff: Page, demo: Demo) -> None:
    """A question first; then nobody is sent there any more."""
    staff.goto(f"{ACCOUNTS}keys/square/")
    staff.get_by_role("link", name="Remove …").click()
    at_both_widths(staff, "connect-remove")
    staff.get_by_role("button", name="Remove the keys").click()
    expect(staff.get_by_text("The keys are removed.")).to_be_visible()
    phone = demo.open(390)
    phone.goto(new_link(demo))
    expect(phone.get_by_role("button", name="Pay with PayPal")).to_be_visible()
    expect(phone.get_by_role("button", name="Pay with Square")).to_have_count(0)
