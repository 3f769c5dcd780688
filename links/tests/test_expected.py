"""What is expected when, how long what is late is owed, and the funnel of what was sent."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from customers.models import Customer
from links.models import LinkStatus, PaymentLink, ReplyKind
from links.services import checkouts, expected, funnel, payments, replies, sending
from links.services.replies import Said
from links.services.totals import business_day
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageState

from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
ZONE = ZoneInfo("UTC")
WEDNESDAY = date(2026, 3, 11)


def owing(
    customer: Customer, minor: int, due_on: date | None, **more: Any
) -> PaymentLink:
    link = make_link(customer, amount_minor=minor, **more)
    PaymentLink.objects.filter(pk=link.pk).update(due_on=due_on)
    return link


def paid_late(customer: Customer, days: int) -> None:
    link = owing(customer, 100, WEDNESDAY)
    at = datetime.combine(WEDNESDAY + timedelta(days=days), time(12), tzinfo=ZONE)
    PaymentLink.objects.filter(pk=link.pk).update(
        status=LinkStatus.PAID, paid_at=at, amount_paid_minor=100
    )


def found(today: date = WEDNESDAY) -> expected.Expected:
    return expected.expected(PaymentLink.objects.all(), today, ZONE)


def test_weeks_go_from_today_to_sunday_and_then_from_monday() -> None:
    assert [(week.first, week.last) for week in found().weeks] == [
        (date(2026, 3, 11), date(2026, 3, 15)),
        (date(2026, 3, 16), date(2026, 3, 22)),
        (date(2026, 3, 23), date(2026, 3, 29)),
        (date(2026, 3, 30), date(2026, 4, 5)),
    ]
    sunday = found(date(2026, 3, 15)).weeks[0]
    assert sunday.first == sunday.last


def test_due_dates_say_when_and_currencies_stay_apart() -> None:
    ada = make_customer()
    owing(ada, 100, WEDNESDAY)
    owing(ada, 20, date(2026, 3, 15))
    owing(ada, 3, date(2026, 3, 16))
    owing(ada, 5_000, date(2026, 3, 17), currency="JPY")
    owing(ada, 4, date(2026, 4, 6))
    owing(ada, 5, None)
    owing(ada, 600, WEDNESDAY - timedelta(days=1))
    half = owing(ada, 1_000, date(2026, 3, 30))
    payments.record(make_seen(half, amount_minor=400))
    make_link(ada, amount_minor=9, draft=True)

    shown = found()

    assert [dict(week.sums) for week in shown.weeks] == [
        {"EUR": 120},
        {"EUR": 3, "JPY": 5_000},
        {},
        {"EUR": 600},
    ]
    assert (shown.later, shown.undated, shown.late) == (
        {"EUR": 4},
        {"EUR": 5},
        {"EUR": 600},
    )


@pytest.mark.parametrize(
    ("days", "age"),
    [
        (1, "30"),
        (30, "30"),
        (31, "60"),
        (60, "60"),
        (61, "90"),
        (90, "90"),
        (91, "more"),
    ],
)
def test_what_is_late_stands_in_one_age(days: int, age: str) -> None:
    owing(make_customer(), 100, WEDNESDAY - timedelta(days=days))

    assert {key: dict(sums) for key, sums in found().ages.items() if sums} == {
        age: {"EUR": 100}
    }


def test_who_usually_pays_late_is_expected_late() -> None:
    slow, quick = make_customer(), make_customer("Grace", "g@navy.example", "")
    for days in (8, 9, 30):
        paid_late(slow, days)
    paid_late(quick, 40)  # once is no habit
    owing(slow, 100, date(2026, 3, 12))
    owing(slow, 50, date(2026, 3, 9))  # late, yet not by their measure
    owing(quick, 7, date(2026, 3, 12))

    shown = found()

    assert [dict(week.sums) for week in shown.weeks[:2]] == [
        {"EUR": 7},
        {"EUR": 150},
    ]
    assert shown.weeks[1].by_habit == {"EUR": 150}
    assert shown.late == {}
    assert shown.ages["30"] == {"EUR": 50}


def test_the_day_that_a_customer_named_comes_first() -> None:
    ada = make_customer()
    today = business_day(clock.now())
    for days in (1, 2):
        paid_late(ada, days)
    link = owing(ada, 100, today - timedelta(days=20))
    sending.send(link, ["email"], actor=SYSTEM)
    named = today + timedelta(days=(6 - today.weekday()) + 3)
    link.refresh_from_db()
    replies.give(link, Said(ReplyKind.PROMISE, promised_on=named), is_payable=True)

    shown = found(today)

    assert shown.weeks[1].sums == {"EUR": 100}
    assert shown.weeks[1].promised == {"EUR": 100}
    assert (shown.late, shown.weeks[1].by_habit) == ({}, {})


def test_asks_the_same_few_questions_of_many(
    django_assert_max_num_queries: Any,
) -> None:
    ada = make_customer()
    for day in range(12):
        owing(ada, 100, WEDNESDAY + timedelta(days=day))

    with django_assert_max_num_queries(4):
        found()


def test_more_links_than_are_looked_at_still_add_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expected, "MOST_LINKS", 2)
    ada = make_customer()
    for days in (8, 9):
        paid_late(ada, days)
    for _each in range(5):
        owing(ada, 100, date(2026, 3, 12))

    weeks = found().weeks

    assert (weeks[0].sums, weeks[1].sums) == ({"EUR": 300}, {"EUR": 200})


def test_counts_how_far_what_was_sent_has_come(client: Client) -> None:
    ada = make_customer()
    made = [make_link(ada) for _each in range(4)]
    for link in made:
        sending.send(link, ["email"], actor=SYSTEM)
    make_link(ada)
    Message.objects.filter(reference__in=[one.public_id for one in made[:3]]).update(
        state=MessageState.DELIVERED
    )
    checkouts.start(made[1].pk, "training")
    payments.record(make_seen(made[2]))

    come = funnel.funnel(PaymentLink.objects.all(), clock.now())

    assert come == funnel.Funnel(4, 3, 2, 1, is_part=False)
    later = clock.now() + timedelta(days=31)
    assert funnel.funnel(PaymentLink.objects.all(), later).sent == 0


def test_counts_the_newest_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funnel, "MOST", 2)
    ada = make_customer()
    for _each in range(3):
        sending.send(make_link(ada), ["email"], actor=SYSTEM)

    come = funnel.funnel(PaymentLink.objects.all(), clock.now())

    assert (come.sent, come.is_part) == (2, True)


def test_an_agent_sees_the_outlook_of_own_links(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    agent = make_user(Role.AGENT)
    today = business_day(clock.now())
    make_link(make_customer(), amount_minor=77_700, due_on=today)
    make_link(
        make_customer("Grace", "g@navy.example", ""),
        amount_minor=4_200,
        due_on=today,
        actor=agent.actor(),
    )
    client = Client()
    client.force_login(agent)

    page = client.get("/admin/")

    assert page.context["outlook"]["weeks"][0].text.endswith("€42.00")
    assert "777" not in page.content.decode()
