"""What customers write by SMS and WhatsApp comes to the link it is about."""

from datetime import timedelta

import pytest

from links.models import Activity, PayerReply, PaymentLink
from links.services import replies, sending, texts
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import InboundMessage, Message
from notifications.services import delivery, inbound
from notifications.services.inbound import Heard

from .factories import NOON, make_customer, make_link

pytestmark = pytest.mark.django_db
ADA = "+14155550100"


@pytest.fixture(autouse=True)
def _noon() -> object:
    with clock.frozen(NOON):
        yield


def sent(*channels: str, reusable: bool = False) -> PaymentLink:
    link = make_link(make_customer(email="", phone=ADA))
    if reusable:
        PaymentLink.objects.filter(pk=link.pk).update(is_reusable=True)
    sending.send(link, channels, actor=SYSTEM)
    delivery.deliver(delivery.claim(10))
    return link


def write(words: str, sid: str = "SM1", channel: str = "sms") -> InboundMessage:
    inbound.hear(Heard(sid, channel, ADA, words))
    texts.look()
    return InboundMessage.objects.get(carrier_message_id=sid)


def test_words_about_the_one_link_are_a_reply_to_it() -> None:
    link = sent("sms")

    row = write("Can you deliver on Friday?")

    reply = PayerReply.objects.get()
    assert (reply.link, reply.kind, reply.is_open) == (link, "question", True)
    assert reply.text == "Can you deliver on Friday?"
    assert (row.reference, row.is_open) == (link.public_id, False)
    act = Activity.objects.get(kind="payer.replied")
    assert (act.link, act.detail["channel"]) == (link, "sms")


def test_looked_at_twice_it_is_one_reply() -> None:
    sent("whatsapp")

    row = write("Friday?", channel="whatsapp")
    assert texts.look() == 0
    InboundMessage.objects.update(looked_at=None)
    texts.look()

    assert PayerReply.objects.get().text == "Friday?"
    assert not InboundMessage.objects.get(pk=row.pk).is_open


def test_control_a_worker_that_does_not_take_it_first_may_do_it_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent("sms")
    write("Friday?")
    monkeypatch.setattr(inbound, "take", lambda pk: InboundMessage.objects.get(pk=pk))
    monkeypatch.setattr(replies, "_same", lambda *given: None)

    texts._look(InboundMessage.objects.get().pk)

    assert PayerReply.objects.count() == 2


@pytest.mark.parametrize("case", ["two links", "other channel", "old", "nobody"])
def test_where_it_is_not_clear_a_person_looks(case: str) -> None:
    if case != "nobody":
        link = sent("whatsapp" if case == "other channel" else "sms")
    if case == "two links":
        sent("sms")
    if case == "old":
        PaymentLink.objects.filter(pk=link.pk).update(
            last_sent_at=NOON - timedelta(days=31)
        )

    row = write("Which one?")

    assert (row.reference, row.is_open) == ("", True)
    assert row.looked_at is not None
    assert not PayerReply.objects.exists()


def test_what_a_reply_cannot_be_stays_for_a_person() -> None:
    sent("sms", reusable=True)

    assert write("Is it still free?").is_open
    assert write("a" * 1500, "SM2").text == "a" * 1500
    assert not PayerReply.objects.exists()


def test_stop_is_no_reply() -> None:
    sent("sms")

    row = write("Stop")

    assert (row.meaning, row.is_open) == ("stop", False)
    assert not PayerReply.objects.exists()
    assert Message.objects.filter(kind="staff_news").count() == 0
