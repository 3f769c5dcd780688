"""Undelivered, in a real browser: found, stopped, lifted and downloaded."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from customers.tests.factories import make_customer
from merchant_portal.staff.models import User
from notifications.models import OptOut
from notifications.services import opt_outs

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/notifications/optout/"
LONG = "a.very.long.address.of.somebody@department.of-a-very-long-company-name.example"


@pytest.fixture(autouse=True)
def _rows(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    for address, scope, source, detail in (
        ("ada@example.com", "all", "bounce", "smtp;550 5.1.1 no such user here"),
        ("bob@example.com", "asking", "complaint", "abuse"),
        (LONG, "nothing", "soft bounce", "452 4.2.2 mailbox full"),
    ):
        opt_outs.store(
            "email", address, OptOut.Scope(scope), source=source, detail=detail
        )


@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_clean(page_at: PageAt, owner: User, width: int) -> None:
    customer = make_customer(name="Ada", email="ada@example.com")
    row = OptOut.objects.get(address="ada@example.com")
    page = page_at(width, owner)

    for name, path in (
        ("list", LIST),
        ("add", f"{LIST}add/"),
        ("one", f"{LIST}{row.pk}/change/"),
        ("lift", f"{LIST}{row.pk}/lift/"),
        ("customer", f"/admin/customers/customer/{customer.pk}/change/"),
    ):
        page.goto(path)
        assert_clean(page)
        shoot(page, f"undelivered-{name}")


def test_an_address_is_lifted_with_a_reason(page_at: PageAt, owner: User) -> None:
    page = page_at(1280, owner)
    page.goto(LIST)
    page.get_by_role("link", name="ada@example.com").click()
    page.get_by_role("link", name="May be written to again").click()

    page.get_by_role("button", name="May be written to again").click()
    expect(page.get_by_text("Choose a reason")).to_be_visible()
    page.get_by_label("Why may it be written to again?").select_option("works")
    page.get_by_role("button", name="May be written to again").click()

    expect(page.get_by_text("This address is written to again.")).to_be_visible()
    assert not OptOut.objects.filter(address="ada@example.com").exists()


def test_what_is_shown_is_downloaded(
    page_at: PageAt, owner: User, tmp_path: Path
) -> None:
    page = page_at(1280, owner)
    page.goto(f"{LIST}?why=bounced")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download as CSV").click()

    assert saved.value.suggested_filename == "undelivered.csv"
    saved.value.save_as(tmp_path / "list.csv")
    _title, *rows = (tmp_path / "list.csv").read_text("utf-8-sig").splitlines()
    assert [row.partition(",")[0] for row in rows] == ["ada@example.com"]


def test_staff_stop_an_address(page_at: PageAt, owner: User) -> None:
    page = page_at(1280, owner)
    page.goto(f"{LIST}add/")
    page.get_by_label("Address or phone number").fill("eve@example.com")
    page.get_by_label("Why").fill("Asked on the phone")
    page.get_by_role("button", name="Save").click()

    expect(
        page.get_by_text("This address is not written to from now on.")
    ).to_be_visible()
    assert OptOut.objects.get(address="eve@example.com").source == "staff"
