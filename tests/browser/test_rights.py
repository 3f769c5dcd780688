"""Proving who one is before something grave, and where one is signed in."""

import time

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django import Settings

from links.models import ProviderAccount
from links.services import keyring
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys
from merchant_portal.staff.tests.factories import PASSWORD, make_user

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    keyring.forget()


def sign_in(page: Page, user: User) -> None:
    page.goto("/admin/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/admin/")


def age(page: Page, seconds: int) -> None:
    """As if the sign-in was so long ago."""
    client = Client()
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    client.cookies["session"] = cookies["session"]
    session = client.session
    session["account_authentication_methods"] = [
        {**proof, "at": time.time() - seconds}
        for proof in session["account_authentication_methods"]
    ]
    session.save()


@WIDTHS
def test_keys_that_took_long_to_type_are_kept_after_the_password(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width)
    sign_in(page, owner)
    page.goto("/admin/links/provideraccount/keys/stripe/")
    page.locator("[name=secret_key]").fill("sk_test_first")
    page.locator("[name=webhook_secret]").fill("whsec_first")
    age(page, 301)

    page.locator("form:has([name=secret_key]) button[type=submit]").first.click()
    page.wait_for_url("**/accounts/reauthenticate/**")
    assert_clean(page)
    shoot(page, "step-up")
    page.locator("[name=password]").fill("wrong " + PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Incorrect password")).to_be_visible()
    assert_clean(page)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()

    page.wait_for_url("**/keys/stripe/")
    expect(page.get_by_text("The keys are kept, sealed")).to_be_visible()
    assert_clean(page)
    assert ProviderAccount.objects.exclude(sealed_keys="").get().slug == "stripe"


@WIDTHS
def test_a_dialog_asks_who_one_is_and_comes_back(
    page_at: PageAt, owner: User, width: int
) -> None:
    person = make_user(Role.AGENT, email="ann@shop.example", password=PASSWORD)
    page = page_at(width)
    sign_in(page, owner)
    age(page, 301)
    here = f"/admin/staff/user/{person.pk}/change/"
    page.goto(here)
    if width < 1024:
        page.locator("a", has_text="more_horiz").click()
    page.get_by_role("link", name="Forget two-factor").first.click()
    page.get_by_role("button", name="Forget it").click()

    page.wait_for_url("**/accounts/reauthenticate/**")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()

    page.wait_for_url(f"**{here}")
    assert_clean(page)
    shoot(page, "colleague")


@WIDTHS
def test_signs_out_one_device_and_then_all_others(
    page_at: PageAt, owner: User, width: int
) -> None:
    here, second, third = (page_at(width) for _each in range(3))
    for page in (here, second, third):
        sign_in(page, owner)

    here.goto("/admin/")
    here.goto("/accounts/sessions/")
    expect(here.get_by_text("This one.")).to_be_visible()
    assert_clean(here)
    shoot(here, "sessions")
    here.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(here.get_by_text("Signed out there.")).to_be_visible()
    here.get_by_role("button", name="Sign out everywhere else").click()
    expect(here.get_by_text("You are signed in nowhere else.")).to_be_visible()
    assert_clean(here)
    shoot(here, "sessions-alone")

    for page in (second, third):
        page.goto("/admin/")
        page.wait_for_url("**/accounts/login/**")


@WIDTHS
def test_the_audit_log_is_checked_step_by_step(
    page_at: PageAt, owner: User, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merchant_portal.staff.admin.audit_check.STEP", 2)
    page = page_at(width)
    sign_in(page, owner)
    for number in range(3):
        keys.create(f"Till {number}", ["*"], created_by=owner)

    page.goto("/admin/audit/auditentry/")
    assert_clean(page)
    shoot(page, "audit-log")
    page.get_by_role("link", name="Check the audit log").click()
    assert_clean(page)
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("3 entries, whole and in order.")).to_be_visible()
    assert_clean(page)
    shoot(page, "audit-checked")
