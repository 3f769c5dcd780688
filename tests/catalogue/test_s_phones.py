"""S1-S9: phone numbers, and what a text costs."""

import pytest
from pytest_django.fixtures import Settings

from customers.models import ContactPoint
from links.models import PaymentLink
from merchant_portal.business.models import Business
from notifications.models import Message, MessageContent
from notifications.services import delivery
from notifications.services.sms_parts import sms_parts

from .doors import LINK_FORM, Doors, nothing_stored

pytestmark = pytest.mark.django_db
REFUSED = {
    "S1-no-region": ("07400 123456", ""),
    "S2-too-short": ("+4412", ""),
    "S2-country-code-of-nobody": ("+999 123456789", ""),
    "S3-words": ("call me", ""),
    "S3-word-number": ("1-800-FLOWERS", ""),
    "S4-premium": ("+1 900 555 0100", ""),
    "S4-premium-german": ("+49 900 1234567", ""),
    "S4-shared-cost": ("+44 870 123 4567", ""),
    "S5-satellite": ("+881 612345678", ""),
    "S5-universal": ("+878 101234567890", ""),
    "S7-extension": ("+44 7400 123456 ext. 5", ""),
    "S7-extension-by-x": ("+44 7400 123456 x5", ""),
    "S7-extension-by-hash": ("+44 7400 123456 #5", ""),
    "S7-line-feed": ("+44 7400\n123456\r\nBcc: x", ""),
    "S7-too-long": ("+44" + "7" * 80, ""),
    "S7-nul": ("+44 7400 123456\x00", ""),
}
TAKEN = {
    "S1-with-region": ("07400 123456", "GB", "+447400123456"),
    "S2-spaces-and-brackets": ("+1 (415) 555-0100", "", "+14155550100"),
    "S7-full-width": ("\uff0b\uff14\uff14 \uff17\uff14\uff10\uff10 \uff11\uff12\uff13\uff14\uff15\uff16", "", "+447400123456"),
    "S7-arabic": ("+\u0664\u0664 \u0667\u0664\u0660\u0660 \u0661\u0662\u0663\u0664\u0665\u0666", "", "+447400123456"),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "country"), REFUSED.values(), ids=REFUSED)
def test_refuses_at_every_door(doors: Doors, typed: str, country: str) -> None:
    Business.objects.current()
    Business.objects.update(country="")

    by_script = doors.ask_customer(phone=typed, country=country or None)
    by_hand = doors.fill_customer(phone=typed, country=country)
    in_place = doors.fill_link(who="new", new_name="Ana", new_phone=typed)

    assert by_script.status_code in (400, 422)
    assert (by_hand.status_code, in_place.status_code) == (200, 200)
    assert nothing_stored()


@pytest.mark.parametrize(("typed", "country", "kept"), TAKEN.values(), ids=TAKEN)
def test_takes_in_one_form(doors: Doors, typed: str, country: str, kept: str) -> None:
    made = doors.ask_customer(phone=typed, country=country or None)
    form = doors.fill_customer(phone=typed, country=country)

    assert made.json()["phone"] == kept
    assert form.status_code == 302
    phones = ContactPoint.objects.filter(kind="phone")
    assert set(phones.values_list("value", flat=True)) == {kept}


def test_asks_for_the_region(doors: Doors) -> None:
    """S1: the refusal says what is missing."""
    answer = doors.ask_customer(phone="07400 123456")

    assert "country" in answer.json()["detail"]


def test_country_that_is_not_served(doors: Doors, settings: Settings) -> None:
    """S6"""
    settings.SMS_COUNTRIES = ["GB", "US"]

    assert doors.ask_customer(phone="+49 1512 3456789").status_code == 422
    assert doors.ask_customer(phone="+44 7400 123456").status_code == 201


def preview(doors: Doors, **words: str) -> str:
    return doors.browser.post(
        "/admin/links/paymentlink/add/",
        {
            **LINK_FORM,
            "creation_key": "frm_0123456789abcdefghij",
            "who": "new",
            "new_name": "Ana",
            "new_phone": "+14155550100",
            "channels": "sms",
            "action": "preview",
            **words,
        },
    ).content.decode()


def test_preview_shows_encoding_and_parts(doors: Doors) -> None:
    """S8: one sign outside the plain alphabet, and the text costs more."""
    plain = preview(doors)
    costly = preview(doors, line_description="Chair \U0001f600")

    assert "1 SMS part," in " ".join(plain.split()) or "SMS parts," in plain
    assert "GSM-7" in plain
    assert "UCS-2" in costly
    assert "<q><bdi>😀</bdi></q>" in costly
    assert "takes more room: leave it out" in costly
    assert nothing_stored()


def test_a_text_of_too_many_parts_is_cut_not_sent_whole(doors: Doors) -> None:
    """S9: whatever people type, a message has at most three parts."""
    Business.objects.current()
    Business.objects.update(name="\u0418" * 200)
    customer = doors.ask_customer(name="\U0001f600" * 200, phone="+14155550100")
    link = doors.ask_link(
        {"description": "\U0001f600" * 200}, customer=customer.json()["id"]
    ).json()

    doors.api.post(f"links/{link['id']}/send", {"channels": ["sms"]})
    delivery.deliver(delivery.claim(10))

    message = Message.objects.get()
    assert message.state == "captured"
    text = MessageContent.objects.get().text
    token = "0" * 22
    shown = text.replace("{link_url}", f"http://127.0.0.1:8000/p/{token}/")
    assert "{link_url}" in text
    assert sms_parts(shown).parts <= 3
    assert PaymentLink.objects.count() == 1
