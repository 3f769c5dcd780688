"""What stands before and beside the back-office's table of doors."""

import re
from pathlib import Path

import pytest
from django.conf import settings as project
from pytest_django import Settings

from merchant_portal.staff.roles import RIGHTS, Right, Role

from . import walk
from .asking import Visitor, ask
from .table import DOORS
from .test_pages import PAGES, form_of, url_of
from .world import World

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PAGE = Path(project.BASE_DIR) / "docs" / "roles.md"
WITHOUT_FACTOR = {"admin:jsi18n"}
"""The form's own texts; signing out is in tests/staff/test_sign_in.py."""
PUBLIC = {
    *("brand_logo", "provider_webhook", "pay_link", "pay_start"),
    *("pay_returned", "pay_invoice", "pay_receipt", "pay_credit_note", "pay_transfer"),
    *("pay_reply", "owed", "owed_start", "owed_returned", "embed", "pay_verify"),
    *("legal", "training", "brand_theme", "unsubscribe", "mail-events"),
    *("twilio-status", "twilio-status-of", "twilio-inbound"),
    *("account_login", "account_logout", "account_inactive"),
    *("account_reset_password", "account_reset_password_done"),
    *("account_reset_password_from_key", "account_reset_password_from_key_done"),
    *("mfa_authenticate", "mfa_login_webauthn"),
}
"""For who is not signed in: customers, providers, and the way in."""
OF_ONESELF = {
    *("account_reauthenticate", "account_change_password", "mfa_index"),
    *("mfa_reauthenticate", "mfa_reauthenticate_webauthn", "mfa_activate_totp"),
    *("mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes"),
    *("mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn"),
    *("mfa_remove_webauthn", "mfa_edit_webauthn", "usersessions_list"),
    "usersessions_end",
}
"""About one's own account alone."""


def test_every_address_outside_the_back_office_is_declared() -> None:
    found = {each.key for each in walk.outside() if each.key != each.route}

    assert sorted(found - PUBLIC - OF_ONESELF) == []
    assert sorted((PUBLIC | OF_ONESELF) - found) == []


@pytest.mark.parametrize("key", sorted(OF_ONESELF))
def test_ones_own_account_is_for_who_is_signed_in(
    visitors: dict[str, Visitor], key: str
) -> None:
    route = next(each.route for each in walk.outside() if each.key == key)
    url = "/" + re.sub(r"<[^>]*>", "1", route)

    for name in ("signed out", "switched off"):
        for method in ("GET", "POST"):
            assert ask(visitors[name], method, url, {}).what in {
                "sign in",
                "no such method",
            }


@pytest.mark.parametrize("key", sorted(set(PAGES) - WITHOUT_FACTOR))
def test_nothing_opens_before_the_second_factor_is_set_up(
    world: World, visitors: dict[str, Visitor], settings: Settings, key: str
) -> None:
    settings.STAFF_MFA_REQUIRED = True
    url = url_of(PAGES[key], DOORS[key], world, [world.own] * len(DOORS[key].of))

    for method in ("GET", "POST"):
        seen = ask(visitors["owner"], method, url, form_of(key))
        assert seen.response.headers["Location"] == "/accounts/2fa/totp/activate/"
        assert seen.wrote == ()


def test_the_page_about_roles_shows_the_table_as_it_is() -> None:
    roles = list(Role)
    lines = [
        f"| {right.label} | `{right.value}` | "
        + " | ".join("yes" if right in RIGHTS[role] else "–" for role in roles)  # noqa: RUF001 - a dash
        + " |"
        for right in Right
    ]

    assert "\n".join(lines) in PAGE.read_text()


def test_the_page_about_roles_names_every_act_that_asks_again() -> None:
    told = PAGE.read_text().partition("## Proving anew")[2].partition("\n## ")[0]

    missing = [
        key for key, door in DOORS.items() if door.proof and f"`{key}`" not in told
    ]

    assert missing == []
