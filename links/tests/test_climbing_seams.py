"""What climbs a ladder, seen together with whatever else happens to its link."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from links.models import Climb, PaymentLink, ReplyKind, StaffTask
from links.services import (
    pausing,
    payments,
    reminder_rules,
    reminding,
    replies,
    reviewing,
    sending,
    sharing,
)
from links.services.replies import Said
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import claims, delivery

from .factories import make_seen, make_user
from .test_climbing import SENT, climb, comes_back, make_sent

pytestmark = pytest.mark.django_db
SOON = SENT + timedelta(minutes=3)
LATER = SENT + timedelta(days=2)


def goes_silently(link: PaymentLink) -> None:
    """It left by a carrier that would tell, and nothing was heard of it."""
    with clock.frozen(SENT):
        sending.send(link, ["sms"], actor=SYSTEM)
    Message.objects.filter(channel="sms").update(state=MessageState.SENT, sent_at=SENT)


def asked() -> list[str]:
    rows = Message.objects.filter(category__in=["invitation", "reminder"])
    return list(rows.order_by("pk").values_list("channel", flat=True))


def leave() -> None:
    delivery.deliver(claims.claim(100))


@pytest.mark.parametrize("kind", [ReplyKind.QUESTION, ReplyKind.PROMISE])
def test_who_wrote_back_was_reached(kind: ReplyKind) -> None:
    link = make_sent(["sms", "whatsapp", "task"])
    goes_silently(link)
    with clock.frozen(SOON):
        day = (SENT + timedelta(days=9)).date() if kind == ReplyKind.PROMISE else None
        replies.give(link, Said(kind, "Yes", day), is_payable=True)

    climb(LATER)

    assert asked() == ["email", "sms"]
    assert not StaffTask.objects.exists()


def test_nothing_climbs_while_reminders_are_paused() -> None:
    link = make_sent(["sms", "whatsapp"])
    goes_silently(link)
    until = SENT + timedelta(days=9)
    with clock.frozen(SOON):
        pausing.pause(link, reason="Moving house", until=until, by=make_user())

    climb(LATER)
    assert asked() == ["email", "sms"]

    climb(until)
    assert asked() == ["email", "sms", "whatsapp"]


def test_resumed_it_climbs_again() -> None:
    link = make_sent(["sms", "whatsapp"])
    goes_silently(link)
    user, until = make_user(), SENT + timedelta(days=9)
    with clock.frozen(SOON):
        pausing.pause(link, reason="Moving house", until=until, by=user)
    climb(LATER)
    with clock.frozen(LATER):
        pausing.resume(link, by=user)

    climb(LATER + timedelta(days=1))
    assert asked() == ["email", "sms", "whatsapp"]


def test_who_complains_is_not_asked_by_another_way() -> None:
    make_sent(["email", "sms", "task"])
    [mail] = Message.objects.all()
    mail.state = MessageState.COMPLAINED
    Message.objects.update(state=mail.state, sent_at=SENT)

    climb(LATER)

    assert asked() == ["email"]


def test_a_day_named_meanwhile_takes_the_place_of_what_climbed() -> None:
    """By night the next rung waits for the morning, and the customer may be faster."""
    link = make_sent(["email", "sms"])
    [mail] = Message.objects.all()
    night = SENT + timedelta(hours=14)
    comes_back(mail, night)
    climb(night)
    with clock.frozen(night + timedelta(hours=1)):
        day = (SENT + timedelta(days=9)).date()
        replies.give(link, Said(ReplyKind.PROMISE, "Yes", day), is_payable=True)

    with clock.frozen(SENT + timedelta(days=1)):
        leave()

    assert Message.objects.get(channel="sms").state == MessageState.CANCELED


def test_what_climbed_goes_on_after_an_answer() -> None:
    link = make_sent(["email", "sms"])
    [mail] = Message.objects.all()
    night = SENT + timedelta(hours=14)
    comes_back(mail, night)
    climb(night)
    with clock.frozen(night + timedelta(hours=1)):
        replies.give(link, Said(ReplyKind.QUESTION, "Why?"), is_payable=True)
    with clock.frozen(SENT + timedelta(days=1)):
        leave()
        replies.close(link.replies.get(), by=make_user())

    with clock.frozen(SENT + timedelta(days=2)):
        leave()

    assert Message.objects.get(channel="sms").state == MessageState.CAPTURED


def test_no_reminder_comes_on_the_heels_of_what_climbed() -> None:
    link = make_sent(["sms", "whatsapp"])
    goes_silently(link)
    Climb.objects.update(check_at=SENT)
    third_day = SENT + timedelta(days=3)
    climb(third_day - timedelta(hours=1))
    assert asked() == ["email", "sms", "whatsapp"]

    with clock.frozen(third_day + timedelta(minutes=1)):
        reminding.enqueue_due()

    assert asked() == ["email", "sms", "whatsapp"]
    due = link.reminders_due.get(due_at=third_day)
    assert due.reason == reminder_rules.BETWEEN


def test_one_of_several_that_arrived_is_enough() -> None:
    link = make_sent(["email", "sms", "whatsapp", "task"])
    with clock.frozen(SOON):
        sending.send(link, ["email", "sms"], actor=SYSTEM)
    Message.objects.filter(channel="email").update(
        state=MessageState.DELIVERED, sent_at=SOON
    )
    comes_back(Message.objects.get(channel="sms"), SOON)

    climb(LATER)

    assert asked() == ["email", "email", "sms"]
    assert not StaffTask.objects.exists()


def test_nobody_is_to_be_called_after_paying(client: Client, settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    link = make_sent(["email", "task"])
    [mail] = Message.objects.all()
    comes_back(mail, SOON)
    climb(SOON)
    assert reviewing.tasks().get().link == link
    payments.record(make_seen(link))

    assert not reviewing.tasks().exists()
    client.force_login(make_user())
    page = client.get(reverse("admin:links_stafftask_changelist")).text
    assert "No message reached the customer" in page
    assert "To do now" not in page


def test_sent_again_only_the_last_send_climbs() -> None:
    link = make_sent(["email", "sms", "whatsapp"])
    [mail] = Message.objects.all()
    with clock.frozen(SOON):
        sending.send(link, ["sms"], actor=SYSTEM)
    Message.objects.filter(channel="sms").update(
        state=MessageState.DELIVERED, sent_at=SOON
    )
    comes_back(mail, SOON)

    climb(LATER)

    assert asked() == ["email", "sms"]


def test_shared_by_hand_it_waits_a_day() -> None:
    link = make_sent(["email", "sms"])
    [mail] = Message.objects.all()
    with clock.frozen(SOON):
        sharing.note(link, "whatsapp", actor=SYSTEM)
    comes_back(mail, SOON)

    climb(SOON)
    assert asked() == ["email"]
    climb(SOON + timedelta(days=1))
    assert asked() == ["email", "sms"]
