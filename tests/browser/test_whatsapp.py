"""Approved texts entered in a browser, and a customer's text seen to."""

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from merchant_portal.staff.models import User
from notifications.models import InboundMessage, WhatsAppTemplate
from notifications.services import inbound
from notifications.services.inbound import Heard

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/notifications/whatsapptemplate/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.mark.parametrize("width", [390, 1280])
def test_an_owner_enters_an_approved_text(
    page_at: PageAt, owner: User, width: int
) -> None:
    page = page_at(width, owner)
    page.goto(LIST)
    shoot(page, "whatsapp-list")
    assert_clean(page)
    page.get_by_role("link", name="Reminder", exact=True).click()
    expect(page.get_by_label("Values")).to_have_value(
        "greeting, business_name, balance, description, link_url"
    )
    page.get_by_label("Content SID").fill("HX12")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("HX and 32 digits")).to_be_visible()
    shoot(page, "whatsapp-refused")
    assert_clean(page)
    page.get_by_label("Content SID").fill("HX" + "0a" * 16)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("What a customer would read")).to_be_visible()
    shoot(page, "whatsapp-entered")
    assert_clean(page)
    assert WhatsAppTemplate.objects.get().kind == "reminder"


@pytest.mark.parametrize("width", [390, 1280])
def test_a_text_is_found_read_and_seen_to(
    page_at: PageAt, owner: User, width: int
) -> None:
    inbound.hear(Heard("SM1", "whatsapp", "+14155550100", "Wo ist Ihr Laden? مرحبا"))
    page = page_at(width, owner)
    page.goto("/admin/notifications/inboundmessage/?needs=person")
    shoot(page, "texts")
    assert_clean(page)
    page.get_by_role("link", name="Wo ist Ihr Laden?").click()
    shoot(page, "text")
    assert_clean(page)
    page.get_by_role("button", name="Seen to").click()
    expect(page.get_by_text("Noted as seen to.")).to_be_visible()
    assert not InboundMessage.objects.get().is_open
