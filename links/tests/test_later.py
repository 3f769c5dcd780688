"""A send at a later moment, or one that can still be taken back: once, or not at all."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from conftest import FrozenClock
from links.models import Activity, LinkStatus, PaymentLink, PlannedSend, PlanState
from links.services import later, links, payments, planned
from links.services.amounts import LineData
from links.services.errors import LinkConflict, LinkError
from links.services.links import LinkData
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.crash import POINTS
from notifications.models import Message

from .factories import make_customer, make_link, make_seen

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def link() -> PaymentLink:
    return make_link(make_customer())


def plan(link: PaymentLink, at: datetime, key: str = "form-1") -> PlannedSend:
    return later.plan(link, ["email"], at=at, actor=SYSTEM, key=key)


def test_nothing_happens_before_its_moment_and_everything_at_it(
    link: PaymentLink, frozen: FrozenClock
) -> None:
    at = frozen.at + HOUR
    row = plan(link, at)

    frozen.move_to(at - timedelta(seconds=1))
    assert later.send_due() == 0
    link.refresh_from_db()
    assert link.last_sent_at is None
    assert not Message.objects.exists()
    assert not link.reminders_due.exists()

    frozen.move_to(at)
    assert later.send_due() == 1
    assert later.send_due() == 0
    link.refresh_from_db()
    row.refresh_from_db()
    assert link.last_sent_at == at
    assert link.reminders_due.exists()
    assert row.state == PlanState.GONE
    message = Message.objects.get()
    assert (message.channel, message.is_automatic) == ("email", False)
    assert message.due_at == at


def test_a_draft_stays_one_until_it_goes(frozen: FrozenClock) -> None:
    link = make_link(make_customer(), draft=True)
    plan(link, frozen.at + HOUR)

    link.refresh_from_db()
    assert link.status == LinkStatus.DRAFT
    frozen.move_to(frozen.at + HOUR)
    later.send_due()
    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE


def test_one_form_plans_once(link: PaymentLink, frozen: FrozenClock) -> None:
    first = plan(link, frozen.at + HOUR)

    assert plan(link, frozen.at + HOUR).pk == first.pk
    assert PlannedSend.objects.count() == 1


@pytest.mark.parametrize("delta", [timedelta(0), -HOUR, timedelta(days=367)])
def test_moments_gone_by_or_too_far_away_are_refused(
    link: PaymentLink, frozen: FrozenClock, delta: timedelta
) -> None:
    with pytest.raises(LinkError) as refused:
        plan(link, frozen.at + delta)

    assert refused.value.field == "send_at"
    assert not PlannedSend.objects.exists()


def test_a_moment_after_the_links_end_is_refused(frozen: FrozenClock) -> None:
    link = make_link(make_customer(), expires_at=frozen.at + HOUR)

    with pytest.raises(LinkError):
        plan(link, frozen.at + 2 * HOUR)


def test_without_an_address_it_is_refused_at_once(frozen: FrozenClock) -> None:
    link = make_link(make_customer(email=""))

    with pytest.raises(LinkError) as refused:
        plan(link, frozen.at + HOUR)

    assert refused.value.field == "channels"


def test_money_drops_it_in_its_own_transaction(
    link: PaymentLink, frozen: FrozenClock
) -> None:
    row = plan(link, frozen.at + HOUR)

    payments.record(make_seen(link))

    row.refresh_from_db()
    assert (row.state, row.reason) == (PlanState.DROPPED, "link paid")
    frozen.move_to(frozen.at + HOUR)
    assert later.send_due() == 0
    assert not Message.objects.filter(kind="invitation").exists()


def test_canceling_the_link_drops_it(link: PaymentLink, frozen: FrozenClock) -> None:
    row = plan(link, frozen.at + HOUR)

    links.cancel(link, actor=SYSTEM)

    row.refresh_from_db()
    assert row.state == PlanState.DROPPED


def test_an_expiry_moved_before_it_drops_it(
    link: PaymentLink, frozen: FrozenClock
) -> None:
    row = plan(link, frozen.at + 2 * HOUR)
    links.edit(
        link,
        due_on=None,
        note_text="",
        expires_at=frozen.at + HOUR,
        version=link.version,
        actor=SYSTEM,
    )

    frozen.move_to(frozen.at + 2 * HOUR)
    links.expire_due()

    row.refresh_from_db()
    assert row.state == PlanState.DROPPED
    assert later.send_due() == 0


def test_an_address_lost_meanwhile_is_said_on_the_timeline(
    link: PaymentLink, frozen: FrozenClock
) -> None:
    row = plan(link, frozen.at + HOUR)
    assert link.customer is not None
    link.customer.contact_points.all().delete()

    frozen.move_to(frozen.at + HOUR)
    assert later.send_due() == 1

    row.refresh_from_db()
    link.refresh_from_db()
    assert row.state == PlanState.FAILED
    assert "e-mail" in row.reason
    assert link.last_sent_at is None
    assert Activity.objects.filter(link=link, kind="send.failed").exists()
    assert later.send_due() == 0


def test_it_can_be_moved_until_it_goes(link: PaymentLink, frozen: FrozenClock) -> None:
    row = plan(link, frozen.at + HOUR)
    later.move(row, at=frozen.at + 3 * HOUR, actor=SYSTEM)

    frozen.move_to(frozen.at + HOUR)
    assert later.send_due() == 0
    frozen.move_to(frozen.at + 2 * HOUR)
    assert later.send_due() == 1
    with pytest.raises(LinkConflict):
        later.move(row, at=frozen.at + HOUR, actor=SYSTEM)


def test_taken_back_it_never_goes_and_the_link_is_as_before(
    frozen: FrozenClock,
) -> None:
    link = make_link(make_customer(), draft=True)
    row = later.plan_undoable(link, ["email"], seconds=10, actor=SYSTEM, key="form-1")

    assert later.take_back(row, actor=SYSTEM)
    assert not later.take_back(row, actor=SYSTEM)

    frozen.move_to(frozen.at + HOUR)
    assert later.send_due() == 0
    link.refresh_from_db()
    assert (link.status, link.last_sent_at, link.number) == ("draft", None, None)
    assert not Message.objects.exists()
    assert Activity.objects.filter(link=link, kind="send.taken_back").count() == 1


def test_what_has_left_cannot_be_taken_back(
    link: PaymentLink, frozen: FrozenClock
) -> None:
    row = later.plan_undoable(link, ["email"], seconds=10, actor=SYSTEM, key="form-1")
    frozen.move_to(frozen.at + timedelta(seconds=10))
    later.send_due()

    assert not later.take_back(row, actor=SYSTEM)
    assert Message.objects.count() == 1
    assert not Activity.objects.filter(link=link, kind="send.taken_back").exists()


def undo_in_the_middle(monkeypatch: pytest.MonkeyPatch, row: PlannedSend) -> list[bool]:
    """Somebody takes it back after the task has read that it waits."""
    said: list[bool] = []
    real = later._lock

    def lock(link_pk: int) -> PaymentLink | None:
        said.append(later.take_back(row, actor=SYSTEM))
        return real(link_pk)

    monkeypatch.setattr(later, "_lock", lock)
    return said


def test_undone_between_look_and_lock_it_is_undone(
    link: PaymentLink, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = later.plan_undoable(link, ["email"], seconds=1, actor=SYSTEM, key="form-1")
    frozen.move_to(frozen.at + HOUR)
    said = undo_in_the_middle(monkeypatch, row)

    assert later.send_due() == 0

    assert said == [True]
    assert not Message.objects.exists()


def test_corrected_between_look_and_lock_it_goes_for_the_new_link(
    link: PaymentLink, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(link, frozen.at + HOUR)
    frozen.move_to(frozen.at + HOUR)
    data = LinkData(link.customer, "EUR", (LineData("Birthday cake", 1500),))
    fresh: list[PaymentLink] = []
    real = later._lock

    def lock(link_pk: int) -> PaymentLink | None:
        fresh.append(links.correct(link, data, actor=SYSTEM))
        monkeypatch.setattr(later, "_lock", real)
        return real(link_pk)

    monkeypatch.setattr(later, "_lock", lock)
    later.send_due()
    later.send_due()

    message = Message.objects.get(kind="invitation")
    assert message.reference == fresh[0].public_id


def test_without_the_comparison_both_would_be_true(
    link: PaymentLink, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    row = later.plan_undoable(link, ["email"], seconds=1, actor=SYSTEM, key="form-1")
    frozen.move_to(frozen.at + HOUR)
    said = undo_in_the_middle(monkeypatch, row)

    def heedless(pk: int, new: PlanState, at: datetime, reason: str = "") -> bool:
        PlannedSend.objects.filter(pk=pk).update(state=new, settled_at=at)
        return True

    monkeypatch.setattr(planned, "settle", heedless)
    later.send_due()

    assert said == [True]
    assert Message.objects.count() == 1


def test_a_death_in_the_middle_sends_once_afterwards(
    link: PaymentLink, frozen: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "send.after_claim" in POINTS
    plan(link, frozen.at + HOUR)
    frozen.move_to(frozen.at + HOUR)

    def die(name: str) -> None:
        raise KeyboardInterrupt(name)

    with monkeypatch.context() as dying:
        dying.setattr(later, "crash_at", die)
        with pytest.raises(KeyboardInterrupt):
            later.send_due()
    assert not Message.objects.exists()

    assert later.send_due() == 1
    assert Message.objects.count() == 1


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-03-29T02:30", "2026-03-29T01:30"),  # the gap: half past three
        ("2026-10-25T02:30", "2026-10-25T00:30"),  # the overlap: the first
        ("2026-07-01T09:00", "2026-07-01T07:00"),
        ("2026-07-01T09:00+05:00", "2026-07-01T04:00"),
    ],
)
def test_local_times_are_the_customers(local: str, expected: str) -> None:
    customer = make_customer(time_zone=BERLIN)

    found = later.local_moment(datetime.fromisoformat(local), customer)

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_tomorrow_morning_is_nine_by_their_clock(frozen: FrozenClock) -> None:
    customer = make_customer(time_zone="Pacific/Auckland")

    local = later.tomorrow_morning(customer).astimezone(ZoneInfo("Pacific/Auckland"))

    here = frozen.at.astimezone(ZoneInfo("Pacific/Auckland"))
    assert local.date() == here.date() + timedelta(days=1)
    assert (local.hour, local.minute) == (9, 0)


def test_a_person_may_send_at_night_and_is_told(
    link: PaymentLink, frozen: FrozenClock
) -> None:
    night = datetime(2026, 6, 16, 23, 0, tzinfo=ZoneInfo("America/New_York"))

    assert later.is_at_night(link, night)
    plan(link, night.astimezone(UTC))
    frozen.move_to(night)
    later.send_due()

    assert Message.objects.get().due_at == night


def test_reminders_count_from_the_moment_it_went(
    link: PaymentLink, frozen: FrozenClock
) -> None:
    at = frozen.at + timedelta(days=5)
    plan(link, at)
    frozen.move_to(at)
    later.send_due()

    first = link.reminders_due.order_by("due_at")[0]
    assert first.due_at > at + timedelta(days=2)
