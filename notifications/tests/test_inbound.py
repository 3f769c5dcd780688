"""What people write to our numbers: obeyed, answered once, kept, never twice."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings
from twilio.request_validator import RequestValidator

from customers.services import customers
from customers.services.customers import CustomerData
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import InboundMessage, OptOut
from notifications.services import inbound

from .factories import NOON, Shop, message

pytestmark = pytest.mark.django_db
ACCOUNT, TOKEN, PUBLIC_URL = "AC" + "0" * 32, "12345", "https://pay.example.com"
ADA = "+14155550100"
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@pytest.fixture(autouse=True)
def _configured(settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN = TOKEN
    settings.TWILIO_ACCOUNT_SID = ACCOUNT
    settings.PUBLIC_URL = PUBLIC_URL
    Business.objects.current()
    Business.objects.update(
        name="Blue & Door", phone="+1 415 555 0000", email="shop@door.example"
    )


class Phone:
    """Somebody who writes to us."""

    def __init__(self, prefix: str = "") -> None:
        self.sender = f"{prefix}{ADA}"
        self.count = 0

    def text(self, words: str, sid: str = "", **more: str) -> str:
        self.count += 1
        form = {
            "AccountSid": ACCOUNT,
            "MessageSid": sid or f"SM{self.count:032d}{len(self.sender)}",
            "From": self.sender,
            "To": "+15550000000",
            "Body": words,
            "NumMedia": "0",
            **more,
        }
        path = reverse("twilio-inbound")
        signature = RequestValidator(TOKEN).compute_signature(
            f"{PUBLIC_URL}{path}", form
        )
        answer = Client().post(path, form, headers={"X-Twilio-Signature": signature})
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/xml")
        return answer.content.decode()


def states() -> dict[tuple[str, str], str]:
    rows = OptOut.objects.values_list("channel", "address", "source")
    return {(channel, address): source for channel, address, source in rows}


def test_stop_by_sms_ends_whatsapp_to_that_number_too_but_no_mail(shop: Shop) -> None:
    rows = [
        message(100, channel="sms"),
        message(101, channel="whatsapp", recipient=ADA),
        message(102, channel="email"),
    ]

    Phone().text("STOP")

    found = []
    for row in rows:
        row.refresh_from_db()
        found.append(row.state)
    assert found == ["suppressed", "suppressed", "queued"]
    assert states() == {
        ("sms", ADA): "STOP reply",
        ("whatsapp", ADA): "STOP reply by sms",
    }


def test_start_takes_back_what_was_said_on_the_same_channel(shop: Shop) -> None:
    sms, whatsapp = Phone(), Phone("whatsapp:")

    sms.text("STOP")
    whatsapp.text("STOP")
    sms.text("START")

    assert states() == {("whatsapp", ADA): "STOP reply"}

    whatsapp.text("START")

    assert states() == {}


def test_start_on_the_other_channel_opens_that_one_only(shop: Shop) -> None:
    Phone().text("STOP")
    Phone("whatsapp:").text("START")

    assert states() == {("sms", ADA): "STOP reply"}


def test_a_replayed_stop_does_not_undo_a_later_start(shop: Shop) -> None:
    phone = Phone()

    phone.text("STOP", sid="SM1")
    phone.text("START", sid="SM2")
    phone.text("STOP", sid="SM1")

    assert states() == {}
    assert InboundMessage.objects.count() == 2


def test_help_is_answered_once_a_day_in_the_customers_language(shop: Shop) -> None:
    customers.create(CustomerData(name="Ana", phone=ADA, language="es"), actor=SYSTEM)
    phone = Phone()

    first = phone.text("ayuda")

    assert "<Message>Somos Blue &amp; Door. Puede contactar" in first
    assert "+1 415 555 0000, shop@door.example" in first
    assert phone.text("HELP") == EMPTY
    with clock.frozen(NOON + timedelta(hours=25)):
        assert "Somos" in phone.text("Info")


def test_a_repeat_of_the_same_help_gets_the_same_answer(shop: Shop) -> None:
    phone = Phone()

    assert phone.text("HELP", sid="SM1") == phone.text("HELP", sid="SM1") != EMPTY
    assert InboundMessage.objects.count() == 1


def test_a_shop_without_contact_still_answers(shop: Shop) -> None:
    Business.objects.update(phone="", email="")

    assert "This is Blue &amp; Door. Reply STOP" in Phone().text("HELP")


@pytest.mark.parametrize("kind", ["STOP", "HELP", "START"])
def test_what_twilio_answers_itself_is_not_answered_twice(
    shop: Shop, kind: str
) -> None:
    """Its Advanced Opt-Out tells by OptOutType, for words of the shop's own too."""
    assert Phone().text("basta ya", OptOutType=kind) == EMPTY

    assert bool(states()) == (kind == "STOP")


def test_stop_is_confirmed_once_where_twilio_does_not(shop: Shop) -> None:
    sms, whatsapp = Phone(), Phone("whatsapp:")

    assert sms.text("stop") == EMPTY
    assert whatsapp.text("stop") == EMPTY  # both were ended by the first
    sms.text("start")
    assert "will send no more" in sms.text("abmelden")
    assert sms.text("abmelden") == EMPTY


def test_a_button_of_a_template_counts_as_its_words(shop: Shop) -> None:
    Phone("whatsapp:").text("", ButtonText="Stop", ButtonPayload="x")

    assert set(states()) == {("sms", ADA), ("whatsapp", ADA)}


def test_yes_without_a_stop_before_is_words_for_a_person(shop: Shop) -> None:
    Phone().text("Yes")

    row = InboundMessage.objects.get()
    assert (row.text, row.meaning, row.is_open) == ("Yes", "", True)


def test_other_words_wait_for_a_person_and_are_closed_once(shop: Shop) -> None:
    by = User.objects.create(email="o@x.example", role=Role.OWNER)
    Phone("whatsapp:").text("Can I pay on Friday?\x00 \U0001f64f")
    row = InboundMessage.objects.get()

    assert (row.channel, row.address) == ("whatsapp", ADA)
    assert row.text == "Can I pay on Friday? \U0001f64f"
    assert inbound.close(row, by=by)
    assert not inbound.close(row, by=by)
    assert AuditEntry.objects.filter(action="text.closed").count() == 1


def test_numbers_of_cards_are_not_kept(shop: Shop) -> None:
    Phone().text("Take it from 4111 1111 1111 1111, thanks")

    assert "4111" not in InboundMessage.objects.get().text


def test_a_picture_without_words_is_told_of(shop: Shop) -> None:
    Phone("whatsapp:").text("", NumMedia="1")

    assert "picture" in InboundMessage.objects.get().text


def test_a_flood_is_not_kept_but_stop_still_counts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "MOST_A_DAY", 3)
    phone = Phone()

    for number in range(5):
        phone.text(f"spam {number}")
    phone.text("STOP")

    kept = list(InboundMessage.objects.order_by("id").values_list("text", "closed_at"))
    assert [words for words, closed in kept if closed is None] == [
        "spam 0",
        "spam 1",
        "spam 2",
    ]
    assert ("sms", ADA) in states()


@pytest.mark.parametrize("sender", ["", "12345", "ACME", "messenger:99", "x" * 300])
def test_senders_of_any_shape_do_no_harm(shop: Shop, sender: str) -> None:
    phone = Phone()
    phone.sender = sender

    phone.text("hello")

    assert InboundMessage.objects.filter(text="hello").count() == bool(sender)


def test_who_quotes_our_message_leaves_no_way_to_the_page_in_the_database() -> None:
    token = "kB3xW9qLm2ZrT7vNc4YdHs"
    Phone().text(f"What is {PUBLIC_URL}/p/{token}/ for?")

    assert InboundMessage.objects.get().text == f"What is {PUBLIC_URL}/p/…/ for?"
