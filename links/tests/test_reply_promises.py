"""A day that the customer named is the next reminder, and the only one until then."""

from datetime import UTC, date, datetime, timedelta

import pytest

from links.models import DueState, PaymentLink, ReplyKind
from links.services import links, payments, replies
from links.services.amounts import LineData
from links.services.errors import LinkError
from links.services.links import LinkData
from links.services.replies import Said
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import claims

from .factories import make_customer, make_link, make_seen
from .test_replies import DUE, SENT, at, days, give, make_sent, pass_time

pytestmark = pytest.mark.django_db
K = ReplyKind


class TestPromise:
    def test_is_the_next_reminder(self) -> None:
        link = make_sent()

        give(link, K.PROMISE, promised_on=date(2026, 3, 10), at=at(4))

        # The 5th and 7th come before it; the plan goes on after it.
        assert days(link, DueState.DROPPED) == [5, 7]
        assert days(link, DueState.PLANNED) == [10, 14]
        moment = link.reminders_due.get(step=None).due_at
        assert moment == datetime(2026, 3, 10, 14, tzinfo=UTC)  # 10:00, summer time

    def test_waits_for_nobody(self) -> None:
        reply = give(make_sent(), K.PROMISE, promised_on=DUE)

        assert not reply.is_open
        assert reply.closed_by is None

    def test_is_reminded_of_once(self) -> None:
        link = make_sent(None)
        give(link, K.PROMISE, promised_on=date(2026, 3, 10), at=at(4))

        assert pass_time(link, at(5), at(10), at(10, 18), at(11)) == ["queued"]

    def test_a_later_one_takes_its_place(self) -> None:
        link = make_sent(None)
        give(link, K.PROMISE, promised_on=date(2026, 3, 10), at=at(4))
        give(link, K.PROMISE, promised_on=date(2026, 3, 20), at=at(9))

        assert days(link, DueState.PLANNED) == [20]
        assert pass_time(link, at(10), at(20)) == ["queued"]

    def edit_due(self, link: PaymentLink, due_on: date, when: datetime) -> None:
        fresh = PaymentLink.objects.get(pk=link.pk)
        with clock.frozen(when):
            links.edit(
                fresh,
                due_on=due_on,
                note_text="",
                expires_at=None,
                version=fresh.version,
                actor=SYSTEM,
            )

    def test_an_earlier_one_brings_the_plan_back(self) -> None:
        link = make_sent()
        give(link, K.PROMISE, promised_on=date(2026, 5, 20), at=at(3))
        give(link, K.PROMISE, promised_on=date(2026, 3, 4), at=at(3, 16))

        assert days(link, DueState.PLANNED) == [4, 5, 7, 14]

    def test_back_to_the_first_day_is_the_first_day(self) -> None:
        link = make_sent()
        for minute, day in enumerate((20, 25, 20)):
            give(
                link,
                K.PROMISE,
                promised_on=date(2026, 3, day),
                at=at(3) + timedelta(minutes=minute),
            )

        assert days(link, DueState.PLANNED) == [20]

    def test_changing_the_link_leaves_it(self) -> None:
        link = make_sent(None)
        give(link, K.PROMISE, promised_on=date(2026, 3, 10), at=at(4))

        self.edit_due(link, date(2026, 3, 8), at(5))

        # The new due day comes before the promise; a week after it is the plan's.
        assert days(link, DueState.PLANNED) == [10, 15]

    def test_a_later_due_day_has_its_reminder(self) -> None:
        link = make_sent()
        give(link, K.PROMISE, promised_on=date(2026, 3, 15), at=at(4))

        self.edit_due(link, date(2026, 3, 25), at(10))

        found = link.reminders_due.filter(state=DueState.PLANNED).order_by("due_at")
        assert [(row.due_at.month, row.due_at.day) for row in found] == [
            (3, 15),
            (3, 25),
            (4, 1),
        ]

    def test_today_is_reminded_of_tomorrow(self) -> None:
        link = make_sent(None)
        give(link, K.PROMISE, promised_on=date(2026, 3, 5), at=at(5, 14))

        assert days(link, DueState.PLANNED) == [6]

    def test_takes_the_place_of_a_reminder_at_work(self) -> None:
        """Claimed when the customer wrote, and given back by its carrier."""
        link = make_sent()
        pass_time(link, at(5))
        Message.objects.filter(kind="reminder").update(state=MessageState.SENDING)
        give(link, K.PROMISE, promised_on=date(2026, 3, 20), at=at(5, 16))
        Message.objects.filter(kind="reminder").update(state=MessageState.QUEUED)

        with clock.frozen(at(6)):
            claims.claim(100)

        [message] = Message.objects.filter(kind="reminder")
        assert message.state == MessageState.CANCELED

    def test_not_after_the_link_has_closed(self) -> None:
        with clock.frozen(SENT):
            link = make_link(make_customer(), expires_at=at(10))

        for day, is_refused in ((10, True), (9, False)):
            said = Said(K.PROMISE, promised_on=date(2026, 3, day))
            with clock.frozen(SENT):
                if is_refused:
                    with pytest.raises(LinkError, match="until March 9, 2026"):
                        replies.give(link, said, is_payable=True)
                else:
                    replies.give(link, said, is_payable=True)

    def test_where_no_reminder_is_sent_a_person_sees_to_it(self) -> None:
        with clock.frozen(SENT):
            link = make_link(make_customer())  # handed over by copying

        assert give(link, K.PROMISE, promised_on=DUE).is_open

    def test_goes_along_with_a_corrected_link(self) -> None:
        link = make_sent()
        give(link, K.PROMISE, promised_on=date(2026, 3, 20), at=at(3))
        data = LinkData(
            customer=link.customer,
            currency="EUR",
            lines=(LineData("Cake", 900),),
            due_on=DUE,
        )
        with clock.frozen(at(3)):
            fresh = links.correct(link, data, actor=SYSTEM)

        assert days(fresh, DueState.PLANNED) == [20]

    def test_ends_with_the_payment(self) -> None:
        link = make_sent()
        give(link, K.PROMISE, promised_on=date(2026, 3, 10), at=at(4))
        with clock.frozen(at(6)):
            payments.record(make_seen(link))

        assert days(link, DueState.PLANNED) == []
        assert pass_time(link, at(10)) == []

    def test_a_day_is_that_of_the_customer(self) -> None:
        late = datetime(2026, 3, 3, 3, tzinfo=UTC)  # still the 2nd in New York
        reply = give(make_sent(), K.PROMISE, promised_on=date(2026, 3, 2), at=late)

        assert reply.promised_on == date(2026, 3, 2)
