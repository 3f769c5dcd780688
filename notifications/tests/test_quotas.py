"""So many messages a day: what leaves by itself waits, what a person sends goes."""

from datetime import UTC, datetime

import pytest

from conftest import FrozenClock
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from notifications.models import Allowance, Message, MessageState
from notifications.services import claims, delivery, quotas

from .carriers import FakeCarrier
from .factories import Shop, message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_mails_a_day(shop: Shop, carrier: FakeCarrier, frozen: FrozenClock) -> None:
    Business.objects.current()
    Business.objects.update(daily_email_limit=2, time_zone="Asia/Tokyo")
    business_services.forget()


@pytest.fixture(autouse=True)
def forget_afterwards() -> object:
    yield
    business_services.forget()


def ask(number: int, *, is_automatic: bool = True, channel: str = "email") -> Message:
    row = message(number, kind="reminder", channel=channel)
    Message.objects.filter(pk=row.pk).update(is_automatic=is_automatic)
    return row


def claimed(size: int = 200) -> set[int]:
    return {held.message.pk for held in claims.claim(size)}


def used() -> list[tuple[str, int, int]]:
    return [(use.channel, use.used, use.limit) for use in quotas.uses()]


def test_the_third_waits_for_the_morning_of_the_business(frozen: FrozenClock) -> None:
    first, second, third = (ask(number) for number in range(3))

    assert claimed() == {first.pk, second.pk}

    third.refresh_from_db()
    assert third.state == MessageState.QUEUED
    # It is 21:00 in Tokyo.
    assert third.due_at == datetime(2026, 6, 15, 23, 0, tzinfo=UTC)
    assert used() == [("email", 2, 2)]
    frozen.move_to(third.due_at)
    assert claimed() == {third.pk}
    assert used() == [("email", 1, 2)]


def test_a_persons_own_goes_and_counts() -> None:
    own = {ask(number, is_automatic=False).pk for number in range(3)}
    ask(3)

    assert claimed() == own
    assert used() == [("email", 3, 2)]


def test_a_person_takes_the_place_of_what_leaves_by_itself() -> None:
    first, second = ask(0), ask(1)
    own = ask(2, is_automatic=False)

    assert claimed() == {first.pk, own.pk}
    second.refresh_from_db()
    assert second.state == MessageState.QUEUED


def test_other_channels_are_not_held_back() -> None:
    for number in range(3):
        ask(number)
    texts = {ask(number, channel="sms").pk for number in range(3, 6)}

    assert texts <= claimed()


def test_a_second_try_counts_once_and_goes(frozen: FrozenClock) -> None:
    again = ask(0)
    claimed()
    ask(1)
    claimed()
    Message.objects.filter(pk=again.pk).update(state=MessageState.QUEUED)

    assert claimed() == {again.pk}
    assert used() == [("email", 2, 2)]


def test_what_is_given_back_is_not_counted() -> None:
    rows = {ask(0).pk, ask(1).pk}

    claims.give_back(claims.claim(10))
    assert used() == [("email", 0, 2)]
    assert claimed() == rows
    assert used() == [("email", 2, 2)]


def test_without_a_limit_nothing_is_counted_and_no_row_is_locked() -> None:
    Business.objects.update(daily_email_limit=None)
    business_services.forget()
    ask(0, is_automatic=False)

    assert len(claimed()) == 1
    assert used() == []
    assert not Allowance.objects.exists()


def test_a_limit_of_none_at_all_lets_people_write(frozen: FrozenClock) -> None:
    Business.objects.update(daily_email_limit=0)
    business_services.forget()
    ask(0)
    own = ask(1, is_automatic=False)

    assert claimed() == {own.pk}
    assert delivery.claim(10) == []


def test_a_backlog_is_put_off_in_few_statements(
    django_assert_max_num_queries: object,
) -> None:
    for number in range(60):
        ask(number)

    assert len(claimed(50)) == 2
    with django_assert_max_num_queries(60):  # type: ignore[operator]
        assert claimed(50) == set()
