"""Passkeys, with Chromium's own virtual authenticator in place of a finger."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.conf import LazySettings
from playwright.sync_api import CDPSession, Page, expect
from pytest_django.live_server_helper import LiveServer

from merchant_portal.audit.models import AuditEntry
from merchant_portal.staff.models import User
from merchant_portal.staff.tests.factories import PASSWORD

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _where_passkeys_work(live_server: LiveServer, settings: LazySettings) -> None:
    """Bound to the host of PUBLIC_URL; `localhost` is the one name without https."""
    settings.PUBLIC_URL = live_server.url


class Device:
    """Somebody's phone: says yes when it is asked, unless `refuses`."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        answer = self._session.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self._id = answer["authenticatorId"]

    def refuse(self, *, refuses: bool = True) -> None:
        """The finger is a stranger's."""
        self._session.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self._id, "isUserVerified": not refuses},
        )


def press(page: Page, name: str) -> None:
    """By keyboard, as somebody without a mouse does."""
    button = page.get_by_role("button", name=name, exact=True).or_(
        page.get_by_role("link", name=name, exact=True)
    )
    button.focus()
    page.keyboard.press("Enter")


def enter_password(page: Page, user: User) -> None:
    page.goto("/admin/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")


def add_passkey(page: Page) -> None:
    press(page, "Use a passkey instead")
    page.wait_for_url("**/2fa/webauthn/add/")
    assert_clean(page)
    press(page, "Add the passkey")
    page.wait_for_url("**/2fa/recovery-codes/")


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    press(page, "Sign out")
    page.wait_for_url(f"**{LOGIN}")


def acts() -> list[str]:
    return list(AuditEntry.objects.values_list("action", flat=True))


@WIDTHS
def test_adds_a_passkey_signs_in_with_it_alone_and_removes_it(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width)
    Device(page)
    enter_password(page, owner)
    page.wait_for_url("**/2fa/totp/activate/")
    assert_clean(page)
    shoot(page, "enrol-or-passkey")
    press(page, "Use a passkey instead")
    page.wait_for_url("**/2fa/webauthn/add/")
    assert_clean(page)
    shoot(page, "passkey-add")
    page.get_by_label("Name").fill("Olga's phone")
    page.keyboard.press("Enter")
    page.wait_for_url("**/2fa/recovery-codes/")
    assert_clean(page)
    assert acts() == ["user.second_factor_added"]
    page.goto("/admin/")
    page.wait_for_url("**/admin/")

    sign_out(page)
    assert_clean(page)
    shoot(page, "sign-in-passkey")
    press(page, "Sign in with a passkey")
    page.wait_for_url("**/admin/")
    assert_clean(page)

    page.goto("/accounts/2fa/")
    assert_clean(page)
    shoot(page, "two-factor-passkey")
    press(page, "Show passkeys")
    page.wait_for_url("**/accounts/2fa/webauthn/")
    expect(page.get_by_role("heading", name="Olga's phone")).to_be_visible()
    assert_clean(page)
    shoot(page, "passkeys")
    press(page, "Rename")
    page.get_by_label("Name").fill("Old phone")
    assert_clean(page)
    shoot(page, "passkey-rename")
    press(page, "Save")
    expect(page.get_by_role("heading", name="Old phone")).to_be_visible()
    press(page, "Remove")
    page.wait_for_url("**/remove/")
    assert_clean(page)
    shoot(page, "passkey-remove")
    press(page, "Remove")
    page.wait_for_url("**/2fa/webauthn/")
    expect(page.get_by_text("You have no passkey.")).to_be_visible()
    assert_clean(page)
    assert not Authenticator.objects.exists()
    assert acts() == ["user.second_factor_added", "user.second_factor_removed"]

    sign_out(page)
    press(page, "Sign in with a passkey")
    expect(page.get_by_text("This passkey does not open")).to_be_visible()
    assert_clean(page)


@WIDTHS
def test_passkey_is_the_second_factor_after_a_password(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width)
    device = Device(page)
    enter_password(page, owner)
    add_passkey(page)
    sign_out(page)

    enter_password(page, owner)
    page.wait_for_url("**/2fa/authenticate/")
    assert_clean(page)
    shoot(page, "code-or-passkey")
    device.refuse()
    press(page, "Use a passkey instead")
    expect(page.get_by_text("The passkey was not used.")).to_be_visible()
    assert_clean(page)
    shoot(page, "passkey-refused")
    device.refuse(refuses=False)
    press(page, "Use a passkey instead")
    page.wait_for_url("**/admin/")
    assert_clean(page)


@WIDTHS
def test_passkey_shows_that_it_is_still_them(
    page_at: PageAt, owner: User, width: int, settings: LazySettings
) -> None:
    page = page_at(width)
    Device(page)
    enter_password(page, owner)
    add_passkey(page)
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1

    page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/accounts/2fa/")
    assert_clean(page)
    shoot(page, "reauthenticate-passkey")
    press(page, "Use the passkey")
    page.wait_for_url(re.compile(r"\d/accounts/2fa/$"))
    assert_clean(page)


def test_where_browsers_refuse_passkeys_none_is_offered(
    page_at: PageAt, owner: User, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    page = page_at(390)
    page.goto(LOGIN)

    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    assert page.get_by_role("button", name="passkey").count() == 0
    assert page.locator("script[src*=webauthn]").count() == 0
