"""Who of the staff hears of what, and when: at once, in a digest, or not at all."""

from typing import Any

import pytest

from links.models import (
    How,
    News,
    NoticeItem,
    PaymentLink,
    StaffTask,
    TaskKind,
    Whose,
)
from links.providers.base import SeenState
from links.services import (
    notice_choices,
    notice_mail,
    notice_rules,
    payments,
    tasks_for_staff,
    undelivered,
)
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications import visibility
from notifications.models import Message, MessageState
from notifications.services import delivery, outbox
from notifications.signals import message_settled

from .factories import NOON, make_customer, make_link, make_seen, make_user, said

pytestmark = pytest.mark.django_db
H, N, W = How, News, Whose


def choose(user: User, news: News, how: How, whose: Whose = W.ALL) -> None:
    wanted = {**notice_choices.chosen(user), news: (how, whose)}
    notice_choices.save(user, wanted, user.digest_hour)
    notice_rules.forget()


def mails() -> list[tuple[str, str]]:
    """Recipient and news of each mail to staff, oldest first."""
    found = Message.objects.filter(kind="staff_news").order_by("pk")
    return [(one.recipient, one.subject_id) for one in found]


def items() -> list[tuple[int, str]]:
    return list(NoticeItem.objects.order_by("pk").values_list("person_id", "news"))


def due() -> set[str]:
    """To whom the mails that wait would still go."""
    waiting = list(Message.objects.filter(kind="staff_news"))
    pks = notice_mail.still_due(waiting)
    return {one.recipient for one in waiting if one.pk in pks}


def bounce(link: PaymentLink, number: int = 1) -> Message:
    message = outbox.enqueue(
        kind="invitation",
        channel="email",
        recipient="ada@example.com",
        language="en",
        reference=link.public_id,
        dedupe_key=f"invitation:{link.public_id}:{number}",
    )
    assert message is not None
    message.state = MessageState.BOUNCED
    message.last_error = "mailbox is full, see http://evil.example"
    message.save(update_fields=["state", "last_error"])
    return message


class TestPaid:
    def test_waits_for_the_digests_of_who_did_not_choose(self) -> None:
        owner, agent, other = (
            make_user(Role.OWNER),
            make_user(Role.AGENT),
            make_user(Role.AGENT),
        )
        auditor = make_user(Role.AUDITOR)
        link = make_link(make_customer(), actor=agent.actor())

        payments.record(make_seen(link))
        payments.record(make_seen(link))

        assert items() == [(owner.pk, "paid"), (agent.pk, "paid")]
        assert mails() == []
        assert {other.pk, auditor.pk}.isdisjoint(dict(items()))

    def test_comes_at_once_to_who_wants_that(self) -> None:
        owner = make_user(Role.OWNER)
        choose(owner, N.PAID, H.AT_ONCE)
        link = make_link(make_customer())

        payments.record(make_seen(link))
        payments.record(make_seen(link))

        assert mails() == [(owner.email, "paid")]
        assert items() == []
        words = said(Message.objects.get(kind="staff_news"))
        assert f"Payment link: {link.number}" in words
        assert "Customer: Ada Lovelace" in words
        assert f"/admin/links/paymentlink/{link.pk}/change/" in words
        assert Message.objects.filter(kind="receipt").count() == 1

    def test_says_it_in_the_language_of_its_reader(self) -> None:
        owner = make_user(Role.OWNER)
        User.objects.filter(pk=owner.pk).update(language="de")
        choose(owner, N.PAID, H.AT_ONCE)

        payments.record(make_seen(make_link(make_customer())))

        words = said(Message.objects.get(kind="staff_news"))
        assert "Kunde: Ada Lovelace" in words
        assert "12:00 (UTC)" in words

    def test_money_without_a_link_is_told_to_who_sees_all(self) -> None:
        owner, agent = make_user(Role.OWNER), make_user(Role.AGENT)

        payments.record(make_seen())

        assert items() == [(owner.pk, "paid")]
        assert agent.pk not in dict(items())

    def test_of_only_the_own_links(self) -> None:
        manager, colleague = make_user(Role.MANAGER), make_user(Role.MANAGER)
        choose(manager, N.PAID, H.AT_ONCE, W.OWN)
        choose(colleague, N.PAID, H.OFF)

        payments.record(make_seen(make_link(actor=colleague.actor())))
        assert mails() == []
        mine = make_link(actor=manager.actor())
        payments.record(make_seen(mine, payment_id="tpy_2"))
        assert mails() == [(manager.email, "paid")]

    def test_a_failed_one_that_succeeds_meanwhile_is_not_told(self) -> None:
        owner = make_user(Role.OWNER)
        choose(owner, N.FAILED, H.AT_ONCE)
        choose(owner, N.PAID, H.OFF)
        link = make_link(make_customer())

        payments.record(make_seen(link, state=SeenState.FAILED))
        assert mails() == [(owner.email, "failed")]
        assert due() == {owner.email}

        payments.record(make_seen(link))
        assert due() == set()


class TestStillDue:
    @pytest.fixture
    def agent(self) -> User:
        agent = make_user(Role.AGENT)
        choose(agent, N.PAID, H.AT_ONCE, W.OWN)
        payments.record(make_seen(make_link(make_customer(), actor=agent.actor())))
        assert due() == {agent.email}
        return agent

    def test_not_to_who_left(self, agent: User) -> None:
        User.objects.filter(pk=agent.pk).update(is_active=False)

        assert due() == set()

    def test_not_to_who_wants_it_no_more(self, agent: User) -> None:
        choose(agent, N.PAID, H.OFF, W.OWN)

        assert due() == set()

    def test_not_about_links_that_are_not_theirs_any_more(self, agent: User) -> None:
        PaymentLink.objects.update(created_by=make_user(Role.MANAGER))

        assert due() == set()

    def test_a_claim_withdraws_what_nobody_should_get(self, agent: User) -> None:
        User.objects.filter(pk=agent.pk).update(is_active=False)

        going = {held.message.kind for held in delivery.claim(10)}

        assert "staff_news" not in going
        mail = Message.objects.get(kind="staff_news")
        assert mail.state == MessageState.CANCELED


class TestQueries:
    def test_mails_of_a_batch_cost_no_query_each(
        self, django_assert_num_queries: Any
    ) -> None:
        owner = make_user(Role.OWNER)
        choose(owner, N.PAID, H.AT_ONCE)
        for number in range(3):
            link = make_link(make_customer(email=f"{number}@example.com"))
            payments.record(make_seen(link, payment_id=f"tpy_{number}"))
        batch = list(Message.objects.filter(kind="staff_news"))
        assert len(batch) == 3

        with django_assert_num_queries(2):  # people, payments
            notice_mail.still_due(batch)
        with django_assert_num_queries(2):  # the business, payments
            assert len(notice_mail.context(batch)) == 3


class TestUndelivered:
    def test_is_told_once_by_signal_and_sweep(self) -> None:
        agent = make_user(Role.AGENT)
        choose(agent, N.UNDELIVERED, H.AT_ONCE, W.OWN)
        message = bounce(make_link(make_customer(), actor=agent.actor()))

        for _round in range(2):
            message_settled.send_robust(sender=Message, message=message)
            undelivered.look()

        assert mails() == [(agent.email, "undelivered")]
        words = said(Message.objects.get(kind="staff_news"))
        assert "ada@example.com" in words
        assert "mailbox is full" in words
        assert "evil" not in words

    def test_is_found_where_no_signal_came(self) -> None:
        owner = make_user(Role.OWNER)
        bounce(make_link(make_customer()))

        assert undelivered.look() == 1
        assert undelivered.look() == 0
        assert items() == [(owner.pk, "undelivered")]

    def test_many_cost_no_query_each(self, django_assert_max_num_queries: Any) -> None:
        make_user(Role.OWNER)
        for number in range(20):
            bounce(make_link(make_customer(email=f"{number}@example.com")), number)

        with django_assert_max_num_queries(10):
            assert undelivered.look() == 20

    def test_of_mails_to_staff_nobody_hears(self) -> None:
        make_user(Role.OWNER)
        message = bounce(make_link(make_customer()))
        Message.objects.filter(pk=message.pk).update(reference="pay_1")

        assert undelivered.look() == 0


class TestTasks:
    def test_is_told_to_whom_it_was_given_by_a_colleague(self) -> None:
        owner, agent = make_user(Role.OWNER), make_user(Role.AGENT)
        link = make_link(make_customer(), actor=agent.actor())
        task = StaffTask.objects.create(
            link=link,
            kind=TaskKind.STEP,
            origin="step:1",
            text="Call Ada",
            due_at=NOON,
            created_at=clock.now(),
        )

        tasks_for_staff.change(task, assigned_to=owner, due_at=NOON, by=owner)
        assert mails() == []
        tasks_for_staff.change(task, assigned_to=agent, due_at=NOON, by=owner)
        assert mails() == [(agent.email, "task")]
        assert "Call Ada" in said(Message.objects.get(kind="staff_news"))

        tasks_for_staff.change(task, assigned_to=owner, due_at=NOON, by=owner)
        assert due() == set()


class TestMailbox:
    def test_an_agent_reads_nobody_elses_news(self) -> None:
        owner, agent = make_user(Role.OWNER), make_user(Role.AGENT)
        for person in (owner, agent):
            choose(person, N.PAID, H.AT_ONCE)
        payments.record(make_seen(make_link(make_customer(), actor=agent.actor())))
        assert len(mails()) == 2

        seen = visibility.visible_to(agent).filter(kind="staff_news")
        assert [one.recipient for one in seen] == [agent.email]
        assert visibility.visible_to(owner).filter(kind="staff_news").count() == 2
