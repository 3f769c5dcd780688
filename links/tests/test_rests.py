"""Rests, promises and plans that change while a moment waits: one does not undo the other."""

from datetime import UTC, date, datetime, timedelta

import pytest

from links.models import (
    Anchor,
    DueState,
    PaymentLink,
    ReminderPause,
    ReplyKind,
)
from links.services import links, pausing, planning, reminding, replies
from links.services.amounts import LineData
from links.services.links import LinkData
from links.services.replies import Said
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message

from .factories import make_user
from .test_planning import at, come_due, make_plan, make_sent

pytestmark = pytest.mark.django_db
END = datetime(2026, 5, 1, 12, tzinfo=UTC)


def promise(link: PaymentLink, day: date, when: datetime) -> None:
    with clock.frozen(when):
        said = Said(ReplyKind.PROMISE, promised_on=day)
        replies.give(link, said, is_payable=True)


def ask(link: PaymentLink, when: datetime) -> None:
    with clock.frozen(when):
        said = Said(ReplyKind.QUESTION, "For what is it?")
        replies.give(link, said, is_payable=True)


def pause(link: PaymentLink, when: datetime, until: datetime = END) -> ReminderPause:
    with clock.frozen(when):
        return pausing.pause(link, reason="Moving house", until=until, by=make_user())


def test_a_promise_that_rests_gives_way_to_the_next_one() -> None:
    """Two that rest until the same moment would stop the reminders of everybody."""
    link, other = make_sent(), make_sent()
    promise(link, date(2026, 3, 10), at(3, 3))
    pause(link, at(3, 4))
    come_due(at(3, 10))
    promise(link, date(2026, 3, 23), at(3, 11))

    come_due(at(3, 23))

    resting = link.reminders_due.filter(state=DueState.PLANNED, step=None)
    assert [due.due_at for due in resting] == [END]
    assert Message.objects.filter(kind="reminder", reference=other.public_id).exists()


def test_nobody_is_reminded_before_the_day_that_they_named() -> None:
    link = make_sent()
    ask(link, at(3, 4))
    come_due(at(3, 5))
    promise(link, date(2026, 4, 10), at(3, 6))
    question = link.replies.get(kind=ReplyKind.QUESTION)
    with clock.frozen(at(3, 7)):
        replies.close(question, by=make_user())

    assert come_due(at(3, 9)) == []
    [reminder] = come_due(at(4, 10))
    assert reminder.kind == "reminder"


def test_what_rests_of_a_plan_goes_with_it() -> None:
    link = make_sent(make_plan((Anchor.SENT, 1)))
    pause(link, at(3, 2, 16))
    come_due(at(3, 3))
    with clock.frozen(at(3, 4)):
        planning.use_for_link(link, make_plan((Anchor.DUE, 90)), by=make_user())

    assert come_due(END + timedelta(hours=4)) == []


def test_what_rests_follows_a_new_due_date() -> None:
    link = make_sent(make_plan((Anchor.DUE, 7)))
    pause(link, at(3, 21))
    come_due(at(3, 27))
    with clock.frozen(at(4, 2)):
        links.edit(
            link,
            due_on=date(2026, 6, 1),
            note_text="",
            expires_at=None,
            version=link.version,
            actor=SYSTEM,
        )

    assert come_due(END + timedelta(hours=4)) == []
    assert len(come_due(at(6, 8))) == 1


def test_a_pause_made_shorter_ends_for_what_rests_already() -> None:
    link = make_sent(make_plan((Anchor.SENT, 1)))
    pause(link, at(3, 2, 16))
    come_due(at(3, 3))
    pause(link, at(3, 4), until=at(3, 6))

    assert len(come_due(at(3, 6))) == 1


def test_a_corrected_link_keeps_its_plan_and_its_pause() -> None:
    plan = make_plan((Anchor.SENT, 1))
    link = make_sent(plan)
    paused = pause(link, at(3, 2, 16))
    data = LinkData(link.customer, "EUR", (LineData("Birthday cake", 1500),))
    with clock.frozen(at(3, 4)):
        fresh = links.correct(link, data, actor=SYSTEM)

    assert fresh.reminder_plan == plan
    with clock.frozen(at(3, 5)):
        assert pausing.running(fresh) == paused
    come_due(at(3, 5))
    assert not Message.objects.filter(kind="reminder").exists()
    come_due(END)
    assert Message.objects.get(kind="reminder").reference == fresh.public_id


def test_control_a_pause_as_it_was_ends_at_its_end() -> None:
    link = make_sent(make_plan((Anchor.SENT, 1)))
    pause(link, at(3, 2, 16))
    come_due(at(3, 3))

    assert come_due(at(3, 6)) == []
    with clock.frozen(END + timedelta(hours=3)):
        assert reminding.enqueue_due() == 1


def test_what_goes_on_after_an_answer_outlasts_the_next_question() -> None:
    link = make_sent(make_plan((Anchor.SENT, 1)))
    ask(link, at(3, 2, 16))
    come_due(at(3, 3))
    with clock.frozen(at(3, 4)):
        replies.close(link.replies.get(), by=make_user())
    ask(link, at(3, 4, 16))
    with clock.frozen(at(3, 5)):
        replies.close(link.replies.get(closed_at=None), by=make_user())

    kinds = [message.kind for message in come_due(at(3, 6))]
    assert kinds.count("reminder") == 1
