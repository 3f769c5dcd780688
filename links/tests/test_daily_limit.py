"""Nobody gets more than three reminders a day on one channel, however many links."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from links.models import PaymentLink, ReminderPlan
from links.services import daily_limit, reminders, reminding, sending
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import claims

from .factories import make_customer, make_link

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")
SENT = datetime(2026, 6, 1, 10, tzinfo=NEW_YORK)
DUE = datetime(2026, 6, 4, 10, tzinfo=NEW_YORK)


def owe(count: int) -> list[PaymentLink]:
    """So many links of one customer, all sent on one day."""
    customer = make_customer()
    with clock.frozen(SENT):
        made = [make_link(customer) for _ in range(count)]
        # one by one, or one reminder would be for all
        ReminderPlan.objects.filter(pk=reminders.default_plan().pk).update(
            is_together=False
        )
        for link in made:
            sending.send(link, ["email", "sms"], actor=SYSTEM)
    Message.objects.update(state=MessageState.SENT, sent_at=SENT)
    return made


def leave(at: datetime) -> list[str]:
    """The channels of the reminders that leave at that moment."""
    with clock.frozen(at):
        reminding.enqueue_due()
        held = claims.claim(200)
    Message.objects.filter(pk__in=[one.message.pk for one in held]).update(
        state=MessageState.SENT, sent_at=at
    )
    return sorted(one.message.channel for one in held)


def test_the_fourth_waits_for_the_next_morning() -> None:
    owe(5)

    assert leave(DUE) == ["email"] * 3 + ["sms"] * 3
    assert leave(DUE + timedelta(hours=10)) == []
    tomorrow = DUE.replace(day=5, hour=8)
    waiting = Message.objects.filter(kind="reminder", state=MessageState.QUEUED)
    assert {row.due_at for row in waiting} == {tomorrow}
    assert leave(tomorrow) == ["email"] * 2 + ["sms"] * 2


def test_those_that_are_being_sent_count() -> None:
    owe(5)
    with clock.frozen(DUE):
        reminding.enqueue_due()
        first = claims.claim(2)
        second = claims.claim(200)

    taken = [one.message.channel for one in [*first, *second]]
    assert (taken.count("email"), taken.count("sms")) == (3, 3)


def test_a_paid_link_gives_its_turn_to_another() -> None:
    made = owe(4)
    PaymentLink.objects.filter(pk=made[0].pk).update(status="paid")

    assert leave(DUE) == ["email"] * 3 + ["sms"] * 3


def test_the_tones_of_reminders_count_together() -> None:
    made = owe(4)
    due = DUE + timedelta(minutes=1)
    with clock.frozen(DUE):
        reminding.enqueue_due()
    for link, kind in zip(made, ["reminder_firm", "reminder_last"], strict=False):
        Message.objects.filter(reference=link.public_id, kind="reminder").update(
            kind=kind
        )

    assert leave(due) == ["email"] * 3 + ["sms"] * 3


def test_control_without_the_limit_five_come_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(messages: Sequence[Message], *_rest: object) -> set[int]:
        return set()

    monkeypatch.setattr(daily_limit, "over", nobody)
    owe(5)

    assert leave(DUE) == ["email"] * 5 + ["sms"] * 5
