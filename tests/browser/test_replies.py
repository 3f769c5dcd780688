"""A customer writes from their phone, staff answer, the customer reads it."""

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from links.pay import responses
from links.services import links, pages
from links.services.amounts import LineData
from links.services.links import LinkData
from links.tests.factories import make_customer
from merchant_portal.staff.models import User

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


@pytest.fixture(autouse=True)
def _shop(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    responses.reads.clear()


@WIDTHS
def test_a_question_and_its_answer(page_at: PageAt, owner: User, width: int) -> None:
    link = links.create(
        LinkData(
            customer=make_customer(language="de"),
            currency="EUR",
            lines=(LineData("Geburtstagstorte", 4200),),
        ),
        actor=owner.actor(),
    )
    path = f"/p/{pages.token_of(link)}/"
    payer, staff = page_at(width), page_at(width, owner)

    payer.goto(path)
    payer.get_by_role("link", name="Schreiben Sie uns").click()
    assert_clean(payer)
    expect(payer.get_by_label("An welchem Tag?")).to_be_hidden()
    payer.get_by_label("Ich zahle an einem bestimmten Tag").check()
    expect(payer.get_by_label("An welchem Tag?")).to_be_visible()
    payer.get_by_label("Ich habe eine Frage").check()
    payer.get_by_role("button", name="Senden").click()
    expect(payer.get_by_role("alert")).to_contain_text("ein paar Worte")
    assert_clean(payer)
    payer.get_by_label("In ein paar Worten").fill("Liefern Sie am Samstag?")
    payer.get_by_role("button", name="Senden").click()
    expect(payer.get_by_role("status")).to_contain_text("ist angekommen")
    assert_clean(payer)
    shoot(payer, "reply-sent")

    staff.goto("/admin/")
    staff.get_by_role("link", name="1 message of a customer waits").click()
    assert_clean(staff)
    shoot(staff, "replies")
    staff.locator("#result_list a").first.click()
    staff.get_by_label("Your answer").fill("Ja, ab neun Uhr.")
    assert_clean(staff)
    shoot(staff, "answering")
    staff.get_by_role("button", name="Send the answer").click()
    expect(staff.get_by_text("The answer is on its way")).to_be_visible()
    assert_clean(staff)

    payer.goto(f"{path}reply/")
    expect(payer.get_by_text("Ja, ab neun Uhr.")).to_be_visible()
    assert_clean(payer)
    shoot(payer, "reply-answered")
