from datetime import UTC, datetime, timedelta, timezone
from threading import Thread

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from .. import clock

AT = datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.django_db
def test_now_is_the_databases_time_in_utc() -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)

    now = clock.now()

    assert now.tzinfo is UTC
    assert before < now < before + timedelta(seconds=10)


@pytest.mark.django_db
def test_offset_moves_business_time_and_leaves_leases(settings: Settings) -> None:
    settings.CLOCK_OFFSET_SECONDS = 86_400

    ahead = clock.now() - clock.database_now()

    assert timedelta(hours=23, minutes=59) < ahead <= timedelta(hours=24)


def test_frozen_time_stands_still_and_nests() -> None:
    with clock.frozen(AT):
        assert clock.now() == AT
        assert clock.now().tzinfo is UTC
        with clock.frozen(AT + timedelta(days=1)):
            assert clock.now() == AT + timedelta(days=1)
        assert clock.now() == AT


def test_other_threads_do_not_see_it() -> None:
    seen: list[object] = []
    with clock.frozen(AT):
        thread = Thread(target=lambda: seen.append(clock._frozen_at.get()))
        thread.start()
        thread.join()

    assert seen == [None]


@pytest.mark.django_db
@pytest.mark.parametrize("host_is_wrong_by", [0, 9_000, -9_000])
@pytest.mark.parametrize(
    ("seconds_ahead", "is_recent"),
    [(-590, True), (-620, False), (40, True), (70, False)],
)
def test_a_signed_time_is_recent_by_either_clock(
    seconds_ahead: int, is_recent: bool, host_is_wrong_by: int
) -> None:
    at = datetime.now(UTC).timestamp() + seconds_ahead

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=host_is_wrong_by)):
        seen = clock.is_recent(at, past_seconds=600, ahead_seconds=60)

    assert seen is is_recent


@pytest.mark.django_db
def test_what_this_hosts_clock_takes_costs_no_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    now = datetime.now(UTC).timestamp()

    with django_assert_num_queries(0):
        assert clock.is_recent(now, past_seconds=60, ahead_seconds=60)
    with django_assert_num_queries(1):
        assert not clock.is_recent(now - 90, past_seconds=60, ahead_seconds=60)
