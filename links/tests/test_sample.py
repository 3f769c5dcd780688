"""Sample data and moving time: believable, repeatable, harmless."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from customers.models import Customer
from links import models
from links.management.commands.drain import parse_moment
from links.models import LinkStatus, NoticeItem, PaymentLink
from links.sample.story import Story
from links.services import payments, sending
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState

from .factories import make_customer, make_link, make_seen, make_user

UNTIL = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)


def run(name: str, *args: str) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


def facts() -> list[tuple[Any, ...]]:
    """What a reader would notice; ids and tokens are never the same twice."""
    return list(
        PaymentLink.objects.order_by("pk").values_list(
            "number",
            "customer__name",
            "amount_minor",
            "currency",
            "status",
            "created_at",
            "paid_at",
            "amount_paid_minor",
        )
    )


@pytest.fixture
def sample() -> None:
    business = Business.objects.current()
    business.is_sample = True
    business.save()


@pytest.mark.django_db
@pytest.mark.usefixtures("sample")
def test_the_same_seed_tells_the_same_story() -> None:
    told = []
    for _time in range(2):
        Story(seed=7, count=12, until=UNTIL, actors=[SYSTEM]).tell()
        told.append(facts())
        _forget()

    assert told[0] == told[1]
    assert len(told[0]) == 12
    assert {row[4] for row in told[0]} >= {LinkStatus.PAID, LinkStatus.ACTIVE}


@pytest.mark.django_db
@pytest.mark.usefixtures("sample")
def test_some_money_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("links.sample.story.GIVEN_BACK", 1.0)
    make_user()

    Story(seed=7, count=12, until=UNTIL, actors=[SYSTEM]).tell()

    given = models.Refund.objects.filter(state=models.RefundState.SUCCEEDED)
    assert given.exists()
    for refund in given.select_related("payment"):
        assert refund.payment.refunded_minor == refund.payment.amount_minor // 2
    total = models.DailyTotal.objects.filter(measure="refunded")
    assert sum(row.count for row in total) == given.count()


def _forget() -> None:
    """Back to an empty shop, so that numbers start again."""
    for model in (
        models.Refund,
        models.Payment,
        models.Activity,
        models.ReminderDue,
        models.Checkout,
        models.WebhookEvent,
        models.TrainingSession,
        models.LineItem,
        models.PaymentLink,
        models.NumberSeries,
        models.DailyTotal,
    ):
        model.objects.all().delete()
    Message.objects.all().delete()
    Customer.objects.all().delete()


@pytest.mark.django_db
def test_simulate_refuses_a_database_with_real_customers() -> None:
    make_customer()

    with pytest.raises(CommandError, match="not sample data"):
        run("simulate", "--links", "1")

    assert not PaymentLink.objects.exists()


@pytest.mark.django_db
def test_simulate_makes_sample_customers_only_and_only_once_if_empty() -> None:
    run("simulate", "--links", "5")
    run("simulate", "--links", "5", "--if-empty")

    assert PaymentLink.objects.count() == 5
    assert not Customer.objects.filter(is_sample=False).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("sample")
def test_moving_time_on_reminds_at_the_steps_own_hour_and_never_after_paying() -> None:
    paid, waiting = (make_link(make_customer()) for _number in range(2))
    for link in (paid, waiting):
        sending.send(link, ["email"], actor=SYSTEM)
    payments.record(make_seen(paid))

    run("drain", "--as-of", "+8d")

    (reminder,) = Message.objects.filter(kind="reminder")
    assert reminder.reference == waiting.public_id
    assert reminder.state == MessageState.CAPTURED
    assert reminder.sent_at is not None
    # ten o'clock in New York
    local = reminder.sent_at.astimezone(ZoneInfo("America/New_York"))
    assert (local.hour, local.minute) == (10, 0)


@pytest.mark.django_db
def test_draining_without_moving_time_sends_what_is_due_now() -> None:
    link = make_link(make_customer())
    sending.send(link, ["email"], actor=SYSTEM)

    run("drain")

    assert Message.objects.get().state == MessageState.CAPTURED


@pytest.mark.django_db
def test_time_does_not_move_where_messages_reach_people(
    settings: LazySettings,
) -> None:
    settings.EMAIL_CAPTURED = False
    settings.ONLY_LOOPBACK = False

    with pytest.raises(CommandError, match="demo and test data only"):
        run("drain", "--as-of", "+1d")


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("+8d", timedelta(days=8)),
        ("+12h", timedelta(hours=12)),
        ("+90m", timedelta(minutes=90)),
        ("2026-07-01T12:00:00+00:00", timedelta(days=1)),
    ],
)
def test_moments_are_read(text: str, moved: timedelta) -> None:
    assert parse_moment(text, UNTIL) == UNTIL + moved


@pytest.mark.parametrize("text", ["8d", "+d", "+1y", "tomorrow", "2026-07-01T12:00:00"])
def test_other_moments_are_refused(text: str) -> None:
    with pytest.raises(CommandError):
        parse_moment(text, UNTIL)


@pytest.mark.django_db
def test_time_does_not_move_back() -> None:
    past = (clock.now() - timedelta(days=1)).isoformat()

    with pytest.raises(CommandError, match="past"):
        run("drain", "--as-of", past)


@pytest.mark.django_db
def test_its_past_is_news_to_nobody() -> None:
    owner = make_user()
    run("simulate", "--links", "8", "--seed", "1")

    assert models.Payment.objects.exists()
    assert not NoticeItem.objects.filter(person=owner).exists()
