"""Reminders: at the right local time, never after payment, never in a burst."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from links.models import DueState, PaymentLink, ReminderDue, ReminderStep
from links.providers.base import SeenState
from links.services import links, payments, reminders, reminding, sending
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import claims

from .factories import make_customer, make_link, make_seen

pytestmark = pytest.mark.django_db
SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York


def make_sent(
    due_on: date | None = None,
    *,
    time_zone: str = "America/New_York",
    channels: tuple[str, ...] = ("email",),
    at: datetime = SENT,
) -> PaymentLink:
    with clock.frozen(at):
        link = make_link(make_customer(time_zone=time_zone), due_on=due_on)
        sending.send(link, channels, actor=SYSTEM)
    return link


def planned(link: PaymentLink) -> list[datetime]:
    return [
        due.due_at
        for due in link.reminders_due.filter(state=DueState.PLANNED).order_by("due_at")
    ]


def reasons(link: PaymentLink) -> list[tuple[str, str]]:
    return list(link.reminders_due.order_by("due_at").values_list("state", "reason"))


def test_without_a_due_date_only_the_first_step_is_planned() -> None:
    link = make_sent()

    # 5 March, 10:00 in New York, before the clocks change
    assert planned(link) == [datetime(2026, 3, 5, 15, 0, tzinfo=UTC)]


def test_the_default_plan_follows_the_customers_clock_over_a_change_of_it() -> None:
    link = make_sent(date(2026, 3, 7))

    assert planned(link) == [
        datetime(2026, 3, 5, 15, 0, tzinfo=UTC),
        datetime(2026, 3, 7, 15, 0, tzinfo=UTC),
        # the clocks went forward on the 8th
        datetime(2026, 3, 14, 14, 0, tzinfo=UTC),
    ]


def test_a_step_is_queued_once_on_the_channels_of_the_last_send() -> None:
    link = make_sent(channels=("email", "sms"))

    with clock.frozen(planned(link)[0]):
        assert reminding.enqueue_due() == 1
        assert reminding.enqueue_due() == 0

    queued = Message.objects.filter(kind="reminder")
    assert {(m.channel, m.is_automatic) for m in queued} == {
        ("email", True),
        ("sms", True),
    }
    assert reasons(link) == [(DueState.QUEUED, "")]


def test_nothing_is_asked_before_its_moment() -> None:
    link = make_sent()

    with clock.frozen(planned(link)[0] - timedelta(seconds=1)):
        assert reminding.enqueue_due() == 0


def test_a_link_paid_behind_the_plans_back_is_not_reminded() -> None:
    """The second belt: even with the due rows still there, the status decides."""
    link = make_sent()
    at = planned(link)[0]
    PaymentLink.objects.filter(pk=link.pk).update(status="paid")

    with clock.frozen(at):
        reminding.enqueue_due()

    assert not Message.objects.filter(kind="reminder").exists()
    assert reasons(link) == [(DueState.DROPPED, "link paid")]


@pytest.mark.parametrize("how", ["cancel", "expire", "pay"])
def test_the_end_of_a_link_takes_its_due_moments_with_it(how: str) -> None:
    link = make_sent(date(2026, 3, 20))
    with clock.frozen(SENT + timedelta(hours=1)):
        if how == "cancel":
            links.cancel(link, actor=SYSTEM)
        elif how == "pay":
            payments.record(make_seen(link))
        else:
            link.expires_at = SENT + timedelta(minutes=30)
            link.save(update_fields=["expires_at"])
            links.expire_due()

    assert planned(link) == []


def test_a_step_within_24_hours_of_a_manual_send_is_left_out() -> None:
    link = make_sent(date(2026, 3, 7))
    first = planned(link)[0]
    # A colleague sends it again the evening before; without a new plan being made.
    PaymentLink.objects.filter(pk=link.pk).update(
        last_sent_at=first - timedelta(hours=23)
    )

    with clock.frozen(first):
        reminding.enqueue_due()

    assert reasons(link)[0] == (DueState.DROPPED, "sent by hand within 24 hours")
    assert not Message.objects.filter(kind="reminder").exists()


def test_sending_again_moves_the_open_steps() -> None:
    link = make_sent()
    with clock.frozen(SENT + timedelta(days=2)):
        sending.send(link, ["email"], actor=SYSTEM)

    assert planned(link) == [datetime(2026, 3, 7, 15, 0, tzinfo=UTC)]


def test_after_an_outage_a_link_gets_one_reminder() -> None:
    link = make_sent(date(2026, 3, 7))

    with clock.frozen(datetime(2026, 3, 20, 15, 0, tzinfo=UTC)):
        assert reminding.enqueue_due() == 3
        assert reminding.enqueue_due() == 0

    assert Message.objects.filter(kind="reminder").count() == 1
    assert reasons(link) == [
        (DueState.DROPPED, "a later step came due"),
        (DueState.DROPPED, "a later step came due"),
        (DueState.QUEUED, ""),
    ]


def test_no_two_reminders_within_twelve_hours() -> None:
    link = make_sent(date(2026, 3, 5))
    # The due day is the third day after sending: two steps at the same moment.
    ReminderDue.objects.filter(link=link).order_by("pk")
    first, second, _third = link.reminders_due.order_by("pk")
    ReminderDue.objects.filter(pk=second.pk).update(
        due_at=first.due_at + timedelta(hours=11)
    )

    with clock.frozen(first.due_at):
        reminding.enqueue_due()
    with clock.frozen(first.due_at + timedelta(hours=11)):
        reminding.enqueue_due()

    assert Message.objects.filter(kind="reminder").count() == 1
    second.refresh_from_db()
    assert second.reason == "reminded within 12 hours"


@pytest.mark.parametrize(
    ("at", "leaves"),
    [
        # 03:00 in New York: waits for 08:00
        ((2026, 3, 6, 8, 0), (2026, 3, 6, 13, 0)),
        # 22:00 in New York: waits for the next morning
        ((2026, 3, 7, 3, 0), (2026, 3, 7, 13, 0)),
        # 20:59 goes at once, 21:00 waits
        ((2026, 3, 7, 1, 59), (2026, 3, 7, 1, 59)),
        ((2026, 3, 7, 2, 0), (2026, 3, 7, 13, 0)),
    ],
)
def test_a_catch_up_waits_for_decent_hours(
    at: tuple[int, ...], leaves: tuple[int, ...]
) -> None:
    make_sent()
    with clock.frozen(datetime(*at, tzinfo=UTC)):  # type: ignore[misc, arg-type]
        reminding.enqueue_due()

    due_at = Message.objects.get(kind="reminder").due_at
    assert due_at == datetime(*leaves, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_payment_on_its_way_holds_the_reminder_back() -> None:
    link = make_sent()
    payments.record(make_seen(link, state=SeenState.PROCESSING))

    with clock.frozen(planned(link)[0]):
        reminding.enqueue_due()

    assert reasons(link) == [(DueState.DROPPED, "a payment is on its way")]


def test_a_changed_due_date_moves_its_steps() -> None:
    link = make_sent(date(2026, 3, 10))
    with clock.frozen(SENT + timedelta(hours=1)):
        links.edit(
            link,
            due_on=date(2026, 3, 12),
            note_text="",
            expires_at=None,
            version=link.version,
            actor=SYSTEM,
        )

    assert [at.date() for at in planned(link)] == [
        date(2026, 3, 5),
        date(2026, 3, 12),
        date(2026, 3, 19),
    ]


@pytest.mark.parametrize(
    ("time_zone", "sent", "expected"),
    [
        # the first day of summer time in Berlin, 10:00 local
        ("Europe/Berlin", (2026, 3, 26, 9, 0), (2026, 3, 29, 8, 0)),
        # the first day of winter time
        ("Europe/Berlin", (2026, 10, 22, 9, 0), (2026, 10, 25, 9, 0)),
        # over a leap day
        ("UTC", (2028, 2, 27, 9, 0), (2028, 3, 1, 10, 0)),
        # west of the date line
        ("Pacific/Honolulu", (2026, 3, 2, 9, 0), (2026, 3, 4, 20, 0)),
    ],
)
def test_local_time_holds_on_odd_days(
    time_zone: str, sent: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    link = make_sent(
        time_zone=time_zone,
        at=datetime(*sent, tzinfo=UTC),  # type: ignore[misc, arg-type]
    )

    assert planned(link) == [datetime(*expected, tzinfo=UTC)]  # type: ignore[misc, arg-type]


def test_a_reminder_that_still_waits_for_its_carrier_keeps_others_back() -> None:
    link = make_sent(date(2026, 3, 7))
    first, second, _third = planned(link)
    with clock.frozen(first):
        reminding.enqueue_due()

    with clock.frozen(second):  # two days later, the carrier was away all the time
        reminding.enqueue_due()

    assert Message.objects.filter(kind="reminder").count() == 1
    assert reasons(link)[1] == (DueState.DROPPED, "reminded within 12 hours")


def test_a_reminder_that_left_late_counts_from_when_it_left() -> None:
    link = make_sent(date(2026, 3, 7))
    first, second, _third = planned(link)
    with clock.frozen(first):
        reminding.enqueue_due()
    Message.objects.filter(kind="reminder").update(
        state="sent", sent_at=second - timedelta(hours=1)
    )

    with clock.frozen(second):
        reminding.enqueue_due()

    assert Message.objects.filter(kind="reminder").count() == 1


def test_a_reminder_carried_into_the_night_waits_for_the_morning() -> None:
    link = make_sent()
    Message.objects.all().delete()
    evening = datetime(2026, 3, 7, 1, 59, tzinfo=UTC)  # 20:59 in New York
    with clock.frozen(evening):
        reminding.enqueue_due()
    with clock.frozen(evening + timedelta(hours=2)):
        sending.send(link, ["sms"], actor=SYSTEM)

        claimed = claims.claim(10)

    assert [held.message.kind for held in claimed] == ["invitation"]
    waiting = Message.objects.get(kind="reminder")
    assert waiting.state == MessageState.QUEUED
    assert waiting.due_at == datetime(2026, 3, 7, 13, 0, tzinfo=UTC)
    with clock.frozen(waiting.due_at):
        assert [held.message.kind for held in claims.claim(10)] == ["reminder"]


def test_a_link_opened_again_is_reminded_again() -> None:
    link = make_sent(date(2026, 3, 20))
    before = planned(link)
    PaymentLink.objects.filter(pk=link.pk).update(expires_at=SENT + timedelta(hours=1))
    with clock.frozen(SENT + timedelta(hours=2)):
        assert links.expire_due() == 1
        assert planned(link) == []

        links.extend(link, expires_at=None, actor=SYSTEM)

    assert planned(link) == before


def test_without_a_time_zone_the_businesss_clock_counts() -> None:
    Business.objects.current()
    Business.objects.update(time_zone="Asia/Tokyo")

    link = make_sent(time_zone="")

    # sent at midnight of the 3rd in Tokyo, 10:00 there three days later
    assert planned(link) == [datetime(2026, 3, 6, 1, 0, tzinfo=UTC)]


def test_a_plan_changed_later_holds_for_the_next_send() -> None:
    link = make_sent()
    plan = reminders.default_plan()
    plan.steps.all().delete()
    plan.steps.create(anchor="sent", offset_days=5)

    assert planned(link) == []
    with clock.frozen(SENT + timedelta(days=1)):
        sending.send(link, ["email"], actor=SYSTEM)

    # five days later, summer time by then
    assert planned(link) == [datetime(2026, 3, 8, 14, 0, tzinfo=UTC)]


def test_a_pass_costs_the_same_for_one_link_and_for_many() -> None:
    def cost(count: int) -> int:
        made = [make_sent(time_zone="") for _number in range(count)]
        with (
            clock.frozen(planned(made[0])[0]),
            CaptureQueriesContext(
                connection,
            ) as queries,
        ):
            assert reminding.enqueue_due() == count
        return len(queries)

    assert cost(1) == cost(20)


@pytest.mark.parametrize(
    ("anchor", "days", "said"),
    [
        ("sent", 3, "3 days after sending"),
        ("due", 0, "on the due date"),
        ("due", -1, "1 day before the due date"),
        ("due", 7, "7 days after the due date"),
    ],
)
def test_a_step_says_when_it_comes(anchor: str, days: int, said: str) -> None:
    assert str(ReminderStep(anchor=anchor, offset_days=days)) == said
