"""A whole shift in a real browser: opened, sold, moved, counted, closed; then the day."""

from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from links.models import DayClose, Shift
from links.services import till
from links.tests.factories import make_customer, make_link
from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TILL = "/admin/links/shift/"


@pytest.fixture(autouse=True)
def _shop(settings: Settings, transactional_db: None) -> None:
    settings.STAFF_MFA_REQUIRED = False
    Business.objects.current()
    Business.objects.update(currency="EUR")


def take(page: Page, amount: str, how: str, what: str, link: str = "") -> None:
    page.get_by_label("Amount", exact=False).first.fill(amount)
    page.get_by_label("How", exact=True).select_option(label=how)
    page.get_by_label("What for").fill(what)
    page.get_by_label("Number of a payment link").fill(link)
    page.get_by_role("button", name="Take it").click()
    expect(page.get_by_text("Taken:").first).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_whole_shift_and_its_day(page_at: PageAt, owner: User, width: int) -> None:
    link = make_link(make_customer(), amount_minor=4_000)
    page = page_at(width, owner)

    page.goto(TILL)
    expect(page.get_by_text("No shift yet")).to_be_visible()
    assert_clean(page)
    shoot(page, "till-empty")
    page.get_by_role("link", name="Open a shift").click()
    assert_clean(page)
    shoot(page, "till-open")
    page.get_by_label("Float").first.fill("100")
    page.keyboard.press("Enter")

    page.wait_for_url("**/change/")
    take(page, "12.50", "Cash", "Bread")
    take(page, "30", "Card terminal", "Birthday cake")
    take(page, "", "Cash", "", str(link.number))
    page.get_by_text("Put cash in or take it out").click()
    page.get_by_label("Amount of cash").fill("20")
    page.get_by_label("Reason").fill("Milk")
    page.get_by_role("button", name="Write it down").click()
    expect(page.get_by_text("€20.00 taken out.")).to_be_visible()
    expect(page.get_by_text("after the count", exact=True)).to_be_visible()
    assert "132.50" not in page.content()
    assert_clean(page)
    shoot(page, "till-shift")

    page.get_by_role("link", name="Count and close").click()
    page.get_by_label("Counted").fill("132")
    page.get_by_role("button", name="Close the shift").click()
    expect(page.get_by_text("€0.50 short")).to_be_visible()
    assert_clean(page)
    shoot(page, "till-short")
    page.get_by_label("Why is it over or short?").fill("A coin fell down")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    expect(page.get_by_text("the signature is good")).to_be_visible()
    expect(page.get_by_text("Z-000001").first).to_be_visible()
    assert_clean(page)
    shoot(page, "till-closed")

    shift = Shift.objects.get()
    (cash,) = (shift.figures or {})["cash"]
    assert (cash["expected"], cash["counted"]) == (13_250, 13_200)
    assert (shift.note, shift.counts) == ("A coin fell down", 2)

    page.goto(TILL)
    page.get_by_role("link", name="Closed days").click()
    expect(page.get_by_text("No day was closed yet")).to_be_visible()
    assert_clean(page)
    page.get_by_role("link", name="Close a day").click()
    assert_clean(page)
    shoot(page, "till-day")
    page.get_by_role("button", name="Close", exact=False).last.click()
    expect(page.get_by_text("the signature is good")).to_be_visible()
    assert_clean(page)
    shoot(page, "till-day-closed")
    assert DayClose.objects.get().number == "D-000001"


def test_by_notes_and_coins_and_what_was_typed_stays(
    page_at: PageAt, owner: User
) -> None:
    shift = till.begin(register="Counter", floats={"EUR": 25_00}, user=owner)
    page = page_at(390, owner)

    page.goto(f"{TILL}{shift.pk}/count/")
    page.get_by_text("By notes and coins").click()
    page.get_by_label("€20.00", exact=True).fill("1")
    page.get_by_label("€2.00", exact=True).fill("two")
    page.get_by_role("button", name="Close the shift").click()
    expect(page.get_by_text("Write how many of €2.00")).to_be_visible()
    expect(page.get_by_label("€20.00", exact=True)).to_have_value("1")
    assert_clean(page)
    shoot(page, "till-pieces")
    page.get_by_label("€2.00", exact=True).fill("2")
    page.get_by_label("€1.00", exact=True).fill("1")
    page.get_by_role("button", name="Close the shift").click()

    page.wait_for_url("**/change/")
    shift.refresh_from_db()
    assert not shift.is_open


def test_the_report_is_a_file_to_keep(
    page_at: PageAt, owner: User, tmp_path: Path
) -> None:
    shift = till.begin(register="Counter", floats={"EUR": 0}, user=owner)
    page = page_at(1280, owner)
    page.goto(f"{TILL}{shift.pk}/count/")
    page.get_by_label("Counted").fill("0")
    page.get_by_role("button", name="Close the shift").click()
    expect(page.get_by_role("link", name="Z report (PDF)")).to_be_visible()

    answer = page.request.get(f"{TILL}{shift.pk}/report.pdf")

    kept = tmp_path / "report.pdf"
    kept.write_bytes(answer.body())
    text = pypdfium2.PdfDocument(kept)[0].get_textpage().get_text_range()
    assert "Z-000001" in text
    assert "agrees" in text


@pytest.mark.parametrize("width", [390, 1280])
def test_a_colleagues_shift_is_to_look_at(
    page_at: PageAt, owner: User, width: int
) -> None:
    colleague = make_user(Role.FINANCE, email="fay@shop.example", name="Fay Finance")
    shift = till.begin(register="Door", floats={"EUR": 5_000}, user=colleague)
    page = page_at(width, owner)

    page.goto(f"{TILL}{shift.pk}/change/")

    expect(page.get_by_text("This is a colleague's shift")).to_be_visible()
    expect(page.get_by_text("Expected in the drawer")).to_be_visible()
    expect(page.get_by_role("button", name="Take it")).to_have_count(0)
    assert_clean(page)
    page.goto("/admin/links/dayclose/close/")
    expect(page.get_by_text("Close them first")).to_be_visible()
    assert_clean(page)
    shoot(page, "till-day-open-shift")
