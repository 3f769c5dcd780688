"""Reminders leave at a rate; what people wait for does not."""

from datetime import timedelta
from typing import Any

import pytest

from merchant_portal.lib import clock
from notifications.models import Allowance, Message
from notifications.services import delivery, rates

from .carriers import FakeCarrier
from .factories import Shop, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sixty_a_minute(settings: Any, carrier: FakeCarrier) -> None:
    settings.EMAIL_CAPTURED = settings.SMS_CAPTURED = False
    settings.PER_MINUTE = {"email": 60, "sms": 0}


def remind(number: int, channel: str = "email") -> Message:
    row = message(number, kind="reminder", channel=channel)
    Message.objects.filter(pk=row.pk).update(is_automatic=True)
    return row


def rest(seconds: float) -> None:
    """Let so many seconds of the database's clock pass for the rate."""
    for row in Allowance.objects.all():
        row.free_at -= timedelta(seconds=seconds)
        row.save()


def claimed() -> list[str]:
    return [held.message.kind for held in delivery.claim(200)]


def start_empty() -> None:
    """As after a time in which every turn was taken."""
    Allowance.objects.create(
        channel="email", free_at=clock.database_now() + timedelta(seconds=1)
    )


def test_nothing_leaves_before_its_turn(shop: Shop) -> None:
    start_empty()
    for number in range(20):
        remind(number)

    assert claimed() == []
    rest(6)
    assert 4 <= len(claimed()) <= 5
    assert claimed() == []
    rest(2)
    assert len(claimed()) == 2


def test_a_pause_saves_up_ten_seconds_and_no_more(shop: Shop) -> None:
    start_empty()
    for number in range(40):
        remind(number)

    rest(3600)

    assert len(claimed()) == 10
    assert claimed() == []


def test_what_a_person_sends_passes_all_that_wait(shop: Shop) -> None:
    start_empty()
    for number in range(20):
        remind(number)
    message(100)
    message(101, kind="receipt")

    assert claimed() == ["invitation", "receipt"]


def test_a_channel_without_a_rate_is_not_held_back(shop: Shop) -> None:
    start_empty()
    for number in range(20):
        remind(number, channel="sms")

    assert len(claimed()) == 20


def test_where_nothing_leaves_nothing_is_held_back(shop: Shop, settings: Any) -> None:
    settings.EMAIL_CAPTURED = True
    start_empty()
    for number in range(20):
        remind(number)

    assert len(claimed()) == 20


def test_what_is_no_longer_wanted_takes_no_turn(shop: Shop) -> None:
    start_empty()
    for number in range(20):
        remind(number)
    rest(5)
    shop.unwanted = {"plk_1"}

    assert claimed() == []

    row = Allowance.objects.get()
    assert rates.free(row, clock.database_now()) >= 3


def test_control_without_the_rate_all_leave_at_once(shop: Shop, settings: Any) -> None:
    settings.PER_MINUTE = {"email": 0, "sms": 0}
    for number in range(20):
        remind(number)

    assert len(claimed()) == 20
