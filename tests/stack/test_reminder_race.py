"""A payment, or a word of the customer, while its reminder is on the way: nothing is
claimed once that is booked."""

import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from links.models import LinkStatus, PaymentLink
from links.models.links import PaymentLinkQuerySet
from links.services import payments, reminding, replies, sending
from links.services.replies import Said
from links.tests.factories import make_customer, make_link, make_seen
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import delivery

from .threads import all_well

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]

SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York
LATER = SENT + timedelta(days=4)
LINKS = 24
NUMBERS = itertools.count(100)
# Long enough for what nothing holds up, short for what waits for a lock.
ACT_SECONDS = 1.0
Act = Callable[[PaymentLink], None]


def sent_link() -> PaymentLink:
    """A link whose invitation is out and whose first reminder is due at LATER."""
    number = next(NUMBERS)  # nobody gets more than three reminders a day
    with clock.frozen(SENT):
        link = make_link(
            make_customer(
                email=f"ada{number}@example.com", phone=f"+1415555{number:04d}"
            )
        )
        sending.send(link, ["email", "sms"], actor=SYSTEM)
    Message.objects.filter(reference=link.public_id).update(state=MessageState.SENT)
    return link


def pay(link: PaymentLink) -> None:
    with clock.frozen(LATER):
        payments.record(make_seen(link, payment_id=f"tpy_{link.pk}"))


def write(link: PaymentLink) -> None:
    with clock.frozen(LATER):
        replies.give(link, Said("paid"), is_payable=True)


def remind() -> int:
    with clock.frozen(LATER):
        return reminding.enqueue_due()


def claimed_reminders() -> list[str]:
    """References of the reminders that one claim takes now."""
    with clock.frozen(LATER):
        claims = delivery.claim(50)
    return [c.message.reference for c in claims if c.message.kind == "reminder"]


def inside_the_gap(
    act: Act, link: PaymentLink, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Commit the act, if nothing forbids it, between planning's decision and its write.

    Returns the states of the reminders when both are through.
    """
    in_gap, done = threading.Event(), threading.Event()

    write_down = reminding._write

    def gap(this: reminding._Round) -> None:
        in_gap.set()
        done.wait(ACT_SECONDS)
        write_down(this)

    def act_in_gap() -> None:
        assert in_gap.wait(10)
        act(link)
        done.set()

    monkeypatch.setattr(reminding, "_write", gap)
    jobs: list[Callable[[], object]] = [remind, act_in_gap]
    all_well(jobs)
    link.refresh_from_db()
    assert link.status == LinkStatus.PAID or link.replies.exists()
    rows = Message.objects.filter(reference=link.public_id, kind="reminder")
    return sorted(rows.values_list("state", flat=True))


# A payment ends a reminder; a word lets it rest.
WAITS: dict[Act, MessageState] = {
    pay: MessageState.CANCELED,
    write: MessageState.QUEUED,
}
EITHER = pytest.mark.parametrize("act", [pay, write])


@EITHER
def test_waits_for_planning_and_holds_back_what_it_queued(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = sent_link()

    states = inside_the_gap(act, link, monkeypatch)

    assert states == [WAITS[act], WAITS[act]]
    assert claimed_reminders() == []


@EITHER
def test_without_the_lock_of_the_link_a_reminder_outlives_it(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the guard above is what the test above shows."""
    link = sent_link()
    monkeypatch.setattr(
        PaymentLinkQuerySet, "select_for_update", lambda rows, **options: rows
    )

    inside_the_gap(act, link, monkeypatch)

    rows = Message.objects.filter(reference=link.public_id, kind="reminder")
    assert {(row.state, row.due_at) for row in rows} == {(MessageState.QUEUED, LATER)}


@EITHER
def test_the_second_belt_lets_no_such_reminder_through(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = sent_link()
    with monkeypatch.context() as unlocked:
        unlocked.setattr(
            PaymentLinkQuerySet, "select_for_update", lambda rows, **options: rows
        )
        inside_the_gap(act, link, unlocked)

    assert claimed_reminders() == []
    rows = Message.objects.filter(kind="reminder")
    assert {row.state for row in rows} == {WAITS[act]}


def test_nothing_is_claimed_after_the_commit_of_a_payment() -> None:
    made = [sent_link() for _ in range(LINKS)]
    paid_at: dict[str, float] = {}
    claimed: list[tuple[float, str]] = []
    is_over = threading.Event()

    def payer(part: list[PaymentLink]) -> None:
        for link in part:
            pay(link)
            paid_at[link.public_id] = time.monotonic()

    def planner() -> None:
        while not is_over.is_set():
            remind()

    def claimer() -> None:
        while not is_over.is_set():
            began = time.monotonic()
            claimed.extend((began, reference) for reference in claimed_reminders())

    def payers_then_end() -> None:
        try:
            payer(made[::2])
        finally:
            is_over.set()

    jobs: list[Callable[[], None]] = [planner, claimer, claimer, payers_then_end]
    all_well(jobs)
    while remind():
        pass
    claimer_after = [(time.monotonic(), ref) for ref in claimed_reminders()]

    late = [
        reference
        for began, reference in [*claimed, *claimer_after]
        if began > paid_at.get(reference, float("inf"))
    ]
    assert late == []
    unpaid = {link.public_id for link in made[1::2]}
    reached = {reference for _began, reference in [*claimed, *claimer_after]}
    assert unpaid <= reached
    left = Message.objects.filter(kind="reminder", reference__in=paid_at)
    assert not left.filter(state=MessageState.QUEUED).exists()
