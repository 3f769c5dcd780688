"""Who hears of what a customer wrote, and how it is answered."""

import pytest

from links.models import DueState, LinkStatus, ReplyKind
from links.services import payments, replies
from links.services.errors import LinkConflict, LinkError
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageState

from .factories import make_customer, make_link, make_seen, make_user, said
from .test_replies import DUE, at, days, give, make_sent, pass_time

pytestmark = pytest.mark.django_db
K = ReplyKind


class TestTold:
    def told(self) -> set[str]:
        return set(
            Message.objects.filter(kind="staff_news").values_list(
                "recipient", flat=True
            )
        )

    def test_whoever_made_the_link(self) -> None:
        make_user(Role.OWNER)
        agent = make_user(Role.AGENT)
        link = make_link(make_customer(), actor=agent.actor())

        give(link, K.QUESTION, "See http://evil.example/x now", at=clock.now())

        assert self.told() == {agent.email}
        words = said(Message.objects.get(kind="staff_news"))
        assert "See now" in words
        assert "evil" not in words
        assert f"/admin/links/paymentlink/{link.pk}/change/#replies" in words

    def test_else_owners_and_managers(self) -> None:
        people = [make_user(role) for role in Role]
        give(make_link(make_customer()), K.PAID, at=clock.now())

        assert self.told() == {
            person.email
            for person in people
            if person.role in (Role.OWNER, Role.MANAGER)
        }

    def test_of_a_promise_nobody(self) -> None:
        make_user(Role.OWNER)
        give(make_sent(), K.PROMISE, promised_on=DUE)

        assert self.told() == set()


class TestAnswer:
    @pytest.fixture
    def staff(self) -> User:
        return make_user(Role.MANAGER)

    def test_goes_the_way_the_link_went(self, staff: User) -> None:
        link = make_sent(channels=("email", "sms"))
        reply = give(link, K.QUESTION, "Do you deliver?")

        with clock.frozen(at(3)):
            replies.answer(reply, "Yes, on Saturdays.", by=staff)

        sent = Message.objects.filter(kind="answer", reference=link.public_id)
        assert {message.channel for message in sent} == {"email", "sms"}
        reply.refresh_from_db()
        assert (reply.answer, reply.closed_by) == ("Yes, on Saturdays.", staff)
        assert link.activities.filter(kind="reply.answered").exists()

    def test_a_link_handed_over_by_hand_is_answered_by_mail(self, staff: User) -> None:
        reply = give(make_link(make_customer()), K.QUESTION, "Hm?", at=clock.now())

        replies.answer(reply, "Yes.", by=staff)

        assert Message.objects.filter(kind="answer", channel="email").exists()

    def test_of_two_who_answer_one_is_told(self, staff: User) -> None:
        reply = give(make_sent(), K.QUESTION, "Do you deliver?")
        replies.answer(reply, "Yes.", by=staff)

        with pytest.raises(LinkConflict):
            replies.answer(reply, "No.", by=make_user())
        with pytest.raises(LinkConflict):
            replies.close(reply, by=make_user())

        assert Message.objects.filter(kind="answer").count() == 1
        reply.refresh_from_db()
        assert reply.answer == "Yes."

    def test_without_words_or_address_nothing_is_closed(self, staff: User) -> None:
        reply = give(make_sent(), K.QUESTION, "Do you deliver?")
        nobody = give(make_link(), K.QUESTION, "Who am I?", at=clock.now())

        for one, text in ((reply, "  "), (nobody, "Hello")):
            with pytest.raises(LinkError):
                replies.answer(one, text, by=staff)
            one.refresh_from_db()
            assert one.is_open

    def test_no_reminder_follows_on_its_heels(self, staff: User) -> None:
        link = make_sent()
        reply = give(link, K.QUESTION, "Do you deliver?", at=at(4))
        with clock.frozen(at(5, 14)):
            replies.answer(reply, "Yes.", by=staff)
        Message.objects.filter(kind="answer").update(
            state=MessageState.SENT, sent_at=at(5, 14)
        )

        assert pass_time(link, at(5), at(7)) == ["queued"]

        assert days(link, DueState.QUEUED) == [7]

    def test_of_a_paid_link_plans_nothing(self, staff: User) -> None:
        link = make_sent()
        reply = give(link, K.QUESTION, "Thanks?", at=at(3))
        with clock.frozen(at(4)):
            payments.record(make_seen(link))
            replies.answer(reply, "Thank you!", by=staff)

        link.refresh_from_db()
        assert link.status == LinkStatus.PAID
        assert days(link, DueState.PLANNED) == []
