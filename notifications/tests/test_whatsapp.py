"""What may be said on WhatsApp, and what is kept of it."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from merchant_portal.lib import clock
from notifications.channels.base import Unavailable
from notifications.models import InboundMessage, MessageContent, WhatsAppTemplate
from notifications.services import contents, delivery, whatsapp

from .carriers import FakeCarrier
from .factories import LINK_URL, NOON, Shop, message

pytestmark = pytest.mark.django_db
SID = "HX" + "a" * 32
BODY = "{{1}}, {{2}} is due for {{3}}. Pay: {{4}} {{1}}"


@pytest.fixture(autouse=True)
def _sends(settings: Settings) -> None:
    settings.WHATSAPP_CAPTURED = False


def approve(language: str = "en", body: str = BODY, *names: str) -> WhatsAppTemplate:
    return WhatsAppTemplate.objects.create(
        kind="invitation",
        language=language,
        content_sid=SID,
        body=body,
        placeholders=list(names or ("greeting", "amount", "note", "link_url")),
    )


def hear(address: str, hours_ago: float, channel: str = "whatsapp") -> None:
    InboundMessage.objects.create(
        carrier_message_id=f"{channel}{hours_ago}",
        channel=channel,
        address=address,
        text="hello",
        at=NOON - timedelta(hours=hours_ago),
    )


def test_an_approved_text_goes_with_its_values_and_is_kept_as_read(
    shop: Shop, carrier: FakeCarrier
) -> None:
    approve()
    shop.values["greeting"] = "Hello\n  Ada {link_url}"
    row = message(channel="whatsapp")

    delivery.deliver(delivery.claim(10))

    [taken] = carrier.taken
    hello = "Hello Ada {link_url}"
    assert (taken.recipient, taken.template_id) == (row.recipient, SID)
    assert taken.template_values == {
        "1": hello,
        "2": "€12.50",
        "3": "\N{EN DASH}",
        "4": LINK_URL,
    }
    read = f"{hello}, €12.50 is due for \N{EN DASH}. Pay: {LINK_URL} {hello}"
    assert taken.text == read
    row.refresh_from_db()
    assert row.state == "sent"
    shown = contents.shown(row)
    assert shown is not None
    assert shown.text == read
    content = MessageContent.objects.get()
    assert LINK_URL not in content.template + content.text


def test_a_retry_says_the_same_though_the_template_has_changed(
    shop: Shop, carrier: FakeCarrier
) -> None:
    template = approve()
    row = message(channel="whatsapp")

    def busy(_outgoing: object) -> None:
        raise Unavailable("later")

    carrier.on_send = busy
    delivery.deliver(delivery.claim(10))
    WhatsAppTemplate.objects.filter(pk=template.pk).update(content_sid="HX" + "b" * 32)
    carrier.on_send = lambda outgoing: None
    with clock.frozen(NOON + timedelta(hours=1)):
        delivery.deliver(delivery.claim(10))

    assert [taken.template_id for taken in carrier.taken] == [SID]
    row.refresh_from_db()
    assert row.state == "sent"


@pytest.mark.parametrize("language", ["de", "en-gb"])
def test_without_an_approved_text_it_fails_at_once_with_what_to_do(
    shop: Shop, carrier: FakeCarrier, language: str
) -> None:
    approve("fr")
    row = message(channel="whatsapp")
    type(row).objects.update(language=language)

    delivery.deliver(delivery.claim(10))

    row.refresh_from_db()
    assert (row.state, row.tries, carrier.taken) == ("failed", 1, [])
    name = {"de": "German", "en-gb": "English"}[language]
    assert row.last_error == (
        f"No approved WhatsApp template for “invitation” in {name}:"
        " enter its id under Set-up, WhatsApp templates."
    )


def test_a_country_of_a_language_uses_the_text_of_the_language(
    shop: Shop, carrier: FakeCarrier
) -> None:
    approve("en")
    row = message(channel="whatsapp")
    type(row).objects.update(language="en-gb")

    delivery.deliver(delivery.claim(10))

    assert [taken.template_id for taken in carrier.taken] == [SID]


@pytest.mark.parametrize(
    ("hours_ago", "channel", "goes"),
    [
        (0.1, "whatsapp", True),
        (23.8, "whatsapp", True),
        (24, "whatsapp", False),  # Twilio may look at its clock a little later
        (23.95, "whatsapp", False),
        (1, "sms", False),
    ],
)
def test_free_words_go_for_a_day_after_theirs(
    shop: Shop, carrier: FakeCarrier, hours_ago: float, channel: str, goes: bool
) -> None:
    row = message(channel="whatsapp")
    hear(row.recipient, hours_ago, channel)

    delivery.deliver(delivery.claim(10))

    row.refresh_from_db()
    assert row.state == ("sent" if goes else "failed")
    if goes:
        [taken] = carrier.taken
        assert taken.template_id == ""
        assert taken.text.startswith("Hello Ada, ")
        assert LINK_URL in taken.text


def test_where_nothing_leaves_everything_is_kept_in_our_own_words(
    shop: Shop, settings: Settings
) -> None:
    settings.WHATSAPP_CAPTURED = True
    row = message(channel="whatsapp")

    delivery.deliver(delivery.claim(10))

    row.refresh_from_db()
    assert row.state == "captured"


def test_a_batch_asks_twice_whatever_its_size(
    shop: Shop, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    approve()
    rows = [message(number, channel="whatsapp") for number in range(1, 21)]
    mails = [message(number) for number in range(30, 33)]

    with django_assert_num_queries(2):
        whatsapp.book_for([*rows, *mails])
    with django_assert_num_queries(0):
        whatsapp.book_for(mails)


def test_a_preview_says_what_is_missing_and_what_would_be_read(shop: Shop) -> None:
    context = dict(shop.values)

    before = whatsapp.preview("invitation", "en", "+14155550100", context, LINK_URL)
    approve()
    after = whatsapp.preview("invitation", "en", "+14155550100", context, LINK_URL)

    assert "No approved WhatsApp template" in before.problem
    assert before.text.startswith("Hello Ada, ")
    assert (after.problem, after.is_template) == ("", True)
    assert after.text.startswith("Hello Ada, €12.50 is due")


def test_a_text_to_have_approved_is_made_of_our_own() -> None:
    body, names = whatsapp.suggested("invitation", "en")

    assert body == (
        "{{1}}, {{2}} asks you for {{3}} for {{4}}. Pay safely here: {{5}} Thank you!"
    )
    assert names == ["greeting", "business_name", "amount", "description", "link_url"]
