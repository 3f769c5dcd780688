"""One mail a day about what waited for it: when, to whom, once, and what it says."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from links.models import How, News, NoticeItem, StaffDigest, Whose
from links.services import digest_mail, digests, notice_choices, notice_mail, payments
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageState

from .factories import make_customer, make_link, make_seen, make_user, said

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 3, 10)


@pytest.fixture(autouse=True)
def _in_berlin() -> None:
    Business.objects.update_or_create(
        pk=1, defaults={"time_zone": "Europe/Berlin", "currency": "EUR"}
    )


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def at(hour: int, minute: int = 0, day: date = DAY) -> datetime:
    """By the wall clock of the shop."""
    there = datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN)
    return there.astimezone(UTC)


def book(
    name: str, when: datetime, amount_minor: int = 1250, currency: str = "EUR"
) -> None:
    with clock.frozen(when):
        link = make_link(
            make_customer(email=f"{name}@example.com"),
            amount_minor=amount_minor,
            currency=currency,
        )
        payments.record(
            make_seen(
                link,
                payment_id=f"tpy_{name}",
                amount_minor=amount_minor,
                currency=currency,
                occurred_at=when,
            )
        )


def make_due(when: datetime) -> int:
    with clock.frozen(when):
        return digests.make_due()


def mails() -> list[Message]:
    return list(Message.objects.filter(kind="staff_news").order_by("pk"))


class TestWhen:
    def test_at_eight_by_the_clock_of_the_shop_and_once(self, owner: User) -> None:
        book("a", at(7))

        assert make_due(at(7, 59)) == 0
        assert make_due(at(8)) == 1
        book("b", at(9))
        assert make_due(at(12)) == 0
        assert make_due(at(8, day=DAY + timedelta(days=1))) == 1

        assert [mail.recipient for mail in mails()] == [owner.email] * 2

    def test_at_the_hour_that_they_chose(self, owner: User) -> None:
        notice_choices.save(owner, notice_choices.chosen(owner), 17)
        book("a", at(7))

        assert make_due(at(16, 59)) == 0
        assert make_due(at(17)) == 1

    def test_none_when_nothing_happened(self, owner: User) -> None:
        assert make_due(at(8)) == 0
        assert not StaffDigest.objects.exists()

    def test_one_after_an_outage_of_days(self, owner: User) -> None:
        for day in range(4):
            book(f"d{day}", at(10, day=DAY + timedelta(days=day)))

        later = DAY + timedelta(days=5)
        assert make_due(at(11, day=later)) == 1
        assert make_due(at(11, 1, day=later)) == 0

        assert NoticeItem.objects.filter(digest=None).count() == 0
        assert len(mails()) == 1

    @pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
    def test_once_on_the_days_on_which_clocks_change(
        self, owner: User, day: date
    ) -> None:
        notice_choices.save(owner, notice_choices.chosen(owner), 5)
        made = []
        moment = at(0, day=day)
        book("a", moment)
        while moment < at(0, day=day + timedelta(days=1)):
            if make_due(moment):
                made.append(moment.astimezone(BERLIN).hour)
            book(f"{moment:%H%M}", moment)
            moment += timedelta(minutes=30)

        assert made == [5]


class TestWho:
    def test_not_who_left_meanwhile(self, owner: User) -> None:
        book("a", at(7))
        User.objects.update(is_active=False)

        assert make_due(at(8)) == 0

    def test_not_who_left_before_it_went(self, owner: User) -> None:
        book("a", at(7))
        make_due(at(8))
        User.objects.update(is_active=False)

        assert notice_mail.still_due(mails()) == set()

    def test_what_may_not_be_seen_any_more_is_left_out(self, owner: User) -> None:
        book("a", at(7))
        make_due(at(8))
        assert len(notice_mail.still_due(mails())) == 1
        User.objects.update(role=Role.AGENT)

        assert notice_mail.still_due(mails()) == set()

    def test_what_is_switched_off_before_is_dropped(self, owner: User) -> None:
        book("a", at(7))
        wanted = {**notice_choices.chosen(owner), News.PAID: (How.OFF, Whose.ALL)}
        notice_choices.save(owner, wanted, 8)

        assert make_due(at(8)) == 0


class TestSays:
    def test_sums_by_currency_and_the_way_to_each_link(self, owner: User) -> None:
        book("a", at(6), 1000)
        book("b", at(6, 30), 250)
        book("c", at(7), 900, "USD")
        make_due(at(8))

        [mail] = mails()
        words = said(mail)
        assert "Money came in: 3 (€12.50, $9.00)" in words
        assert "10 Mar, 06:00 · PL-2026-000001 · Ada Lovelace · €10.00" in words
        assert words.count("/admin/links/paymentlink/") == 3
        assert "/admin/links/staffnoticechoice/" in words

    def test_of_many_the_newest_and_how_many_more(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(digest_mail, "LINES", 2)
        for number in range(5):
            book(f"n{number}", at(6, number), 100)
        make_due(at(8))

        words = said(mails()[0])
        assert "Money came in: 5 (€5.00)" in words
        assert words.count("PL-2026-") == 2
        assert "PL-2026-000005" in words
        assert "… and 3 earlier" in words

    def test_many_of_them_cost_no_query_each(
        self, django_assert_num_queries: Any
    ) -> None:
        for _number in range(4):
            make_user(Role.OWNER)
        book("a", at(7))
        book("b", at(7))
        make_due(at(8))
        batch = mails()
        assert len(batch) == 4

        with django_assert_num_queries(4):  # the business, digests, sums, lines
            assert len(notice_mail.context(batch)) == 4


class TestTwice:
    def test_who_was_found_by_two_is_told_by_one(self, owner: User) -> None:
        """Each had looked before the other wrote; see also tests/stack."""
        book("a", at(7))
        now = at(8)

        assert digests.make(owner, DAY, now)
        book("b", at(8, 1))
        assert not digests.make(owner, DAY, now)

        assert [mail.state for mail in mails()] == [MessageState.QUEUED]
        [waiting] = NoticeItem.objects.filter(digest=None)
        assert waiting.person_id == owner.pk


def test_money_heard_of_months_later_is_told(owner: User) -> None:
    book("late", at(7, day=DAY - timedelta(days=90)))
    make_due(at(8))

    assert "Money came in: 1 (€12.50)" in said(mails()[0])


def test_what_is_old_is_forgotten(owner: User) -> None:
    book("a", at(7))
    make_due(at(8))
    later = DAY + timedelta(days=31)
    book("b", at(7, day=later))
    make_due(at(8, day=later))

    assert NoticeItem.objects.count() == 1
