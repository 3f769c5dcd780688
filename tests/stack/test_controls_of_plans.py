"""Numbers and reminders, two at once: each guard, and the same race without it.

As in test_controls: nothing but the guard is taken away.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connections, transaction

from links.models import Activity, DueState, NumberSeries, PaymentLink, ReminderDue
from links.models.links import PaymentLinkQuerySet
from links.services import links, reminding, sending
from links.tests.factories import make_customer, make_link
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message
from notifications.services import outbox
from notifications.services.opt_outs import Unwanted

from .gaps import Gap

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]

SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York
LATER = SENT + timedelta(days=4)  # its first reminder is due


# Numbers of two links at once.


def make_and_keep() -> None:
    make_link()


def make_and_undo() -> None:
    with transaction.atomic():
        make_link()
        transaction.set_rollback(True)


@pytest.fixture
def after_number(monkeypatch: pytest.MonkeyPatch) -> Gap:
    """A second link of the year has its number but is not committed."""
    gap = Gap()
    make_link()
    monkeypatch.setattr(links, "activate_locked", gap.after(links.activate_locked))
    return gap


def numbers() -> list[int]:
    """The running part of the numbers of all links."""
    return sorted(int(str(link.number)[-6:]) for link in PaymentLink.objects.all())


def test_two_links_at_once_get_two_numbers(after_number: Gap) -> None:
    after_number.run_well(make_link, make_link)

    assert numbers() == [1, 2, 3]


def test_control_without_the_lock_of_the_series_a_number_is_given_twice(
    after_number: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_without_lock(name: str, year: int) -> int:
        series = NumberSeries.objects.get(name=name, year=year)
        series.last += 1
        series.save()
        return series.last

    monkeypatch.setattr(NumberSeries, "take", take_without_lock)

    results = after_number.run(make_link, make_link)

    # The second belt, the link's own number, is why nobody ever saw it.
    (stopped,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(stopped, IntegrityError)
    assert "(number)=(PL-" in str(stopped)
    assert numbers() == [1, 2]


def test_a_link_that_came_to_nothing_leaves_no_gap_beside_another(
    after_number: Gap,
) -> None:
    after_number.run_well(make_and_keep, make_and_undo)

    make_link()
    assert numbers() == [1, 2, 3]


def test_control_with_the_lock_let_go_before_the_commit_there_is_a_gap(
    after_number: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = NumberSeries.take

    def take_and_commit(name: str, year: int) -> int:
        try:
            with transaction.atomic():  # a number once, but kept whatever becomes of it
                return take(name, year)
        finally:
            connections.close_all()

    def take_apart(name: str, year: int) -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(take_and_commit, name, year).result(10)

    monkeypatch.setattr(NumberSeries, "take", take_apart)

    after_number.run_well(make_and_keep, make_and_undo)

    make_link()
    assert numbers() in ([1, 2, 4], [1, 3, 4])


# One due reminder, two planners.


@pytest.fixture
def before_write(monkeypatch: pytest.MonkeyPatch) -> Gap:
    """A planner has decided and not yet written."""
    gap = Gap()
    monkeypatch.setattr(reminding, "_write", gap.before(reminding._write))
    return gap


@pytest.fixture
def unlocked_planning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links and their customers are read without lock, and locked ones not left out."""
    monkeypatch.setattr(
        PaymentLinkQuerySet, "select_for_update", lambda rows, **options: rows
    )
    monkeypatch.setattr(reminding, "_with_customers", lambda links: links)


def plan_twice(gap: Gap) -> tuple[list[int], int, int]:
    """How many moments each planner settled; lines in the timeline; messages."""
    with clock.frozen(SENT):
        link = make_link(make_customer())
        sending.send(link, ["email", "sms"], actor=SYSTEM)

    def planner() -> int:
        with clock.frozen(LATER):
            return reminding.enqueue_due()

    settled = gap.run_well(planner, planner)
    due = ReminderDue.objects.filter(link=link, due_at__lte=LATER)
    assert [row.state for row in due] == [DueState.QUEUED]
    lines = Activity.objects.filter(link=link, kind="reminder.queued")
    messages = Message.objects.filter(kind="reminder", reference=link.public_id)
    return settled, lines.count(), messages.count()


def test_of_two_planners_one_queues_the_reminder(before_write: Gap) -> None:
    settled, lines, messages = plan_twice(before_write)

    assert sorted(settled) == [0, 1]
    assert (lines, messages) == (1, 2)


@pytest.mark.usefixtures("unlocked_planning")
def test_control_without_the_lock_the_timeline_tells_of_two_reminders(
    before_write: Gap,
) -> None:
    settled, lines, messages = plan_twice(before_write)

    assert settled == [1, 1]
    assert lines == 2
    # The second belt: the outbox takes each key once, one e-mail and one SMS.
    assert messages == 2


@pytest.mark.usefixtures("unlocked_planning")
def test_control_without_lock_and_key_the_customer_is_reminded_twice(
    before_write: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_of = outbox._row

    def row_of_its_own(
        item: outbox.NewMessage, now: datetime, unwanted: Unwanted
    ) -> Message:
        row = row_of(item, now, unwanted)
        row.dedupe_key = ids.new("key")
        return row

    monkeypatch.setattr(outbox, "_row", row_of_its_own)

    _settled, lines, messages = plan_twice(before_write)

    assert (lines, messages) == (2, 4)
