"""Reports by mail: when, about which days, to whom, once, and what is in them."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from conftest import FrozenClock
from links.models import Period, ReportSchedule, Rhythm
from links.reports.registry import REPORTS
from links.services import payments, report_mail, schedules
from links.services.errors import LinkError
from links.services.schedules import Wanted
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business import services as business
from merchant_portal.business.models import Business
from merchant_portal.lib.spreadsheets import Format
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right, Role
from notifications import visibility
from notifications.models import Message, MessageState
from notifications.services import delivery

from .factories import make_customer, make_link, make_seen, make_user, said

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = date(2026, 3, 10)
APRIL = date(2026, 4, 1)


def at(day: date, hour: int = 7, minute: int = 0) -> datetime:
    """By the wall clock of the shop."""
    there = datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN)
    return there.astimezone(UTC)


@pytest.fixture(autouse=True)
def _in_berlin(frozen: FrozenClock) -> None:
    Business.objects.update_or_create(
        pk=1, defaults={"time_zone": "Europe/Berlin", "currency": "EUR"}
    )
    business.forget()
    frozen.move_to(at(TUESDAY))


@pytest.fixture
def reader() -> User:
    return make_user(Role.FINANCE)


def make(*people: User, **changes: Any) -> ReportSchedule:
    facts: dict[str, Any] = {
        "report": "payments",
        "by": "provider",
        "period": Period.MONTH,
        "rhythm": Rhythm.MONTHLY,
        "file_format": Format.CSV,
        **changes,
    }
    return schedules.save(Wanted(people=people, **facts), actor=people[0].actor())


def mails() -> list[Message]:
    return list(Message.objects.filter(kind=schedules.KIND).order_by("pk"))


def made_in_april(frozen: FrozenClock) -> list[Message]:
    frozen.move_to(at(APRIL))
    while schedules.make_due():
        pass
    return mails()


def sent_from(frozen: FrozenClock, first: date, days: int) -> list[date]:
    """The days on which a mail was made, looked at every two hours."""
    found = []
    for hour in range(0, days * 24, 2):
        moment = at(first, 0) + timedelta(hours=hour)
        frozen.move_to(moment)
        found += [moment.astimezone(BERLIN).date()] * schedules.make_due()
    return found


class TestWhen:
    @pytest.mark.parametrize(
        ("rhythm", "expected"),
        [
            (Rhythm.DAILY, [date(2026, 3, 11) + timedelta(days=n) for n in range(25)]),
            (Rhythm.WEEKLY, [date(2026, 3, day) for day in (16, 23, 30)]),
            (Rhythm.MONTHLY, [APRIL]),
        ],
    )
    def test_in_its_rhythm_from_six_on(
        self, reader: User, frozen: FrozenClock, rhythm: Rhythm, expected: list[date]
    ) -> None:
        """Over the night on which the clocks change, too."""
        make(reader, rhythm=rhythm, period=Period.YESTERDAY)

        assert sent_from(frozen, TUESDAY, 26) == expected

    def test_not_before_six(self, reader: User, frozen: FrozenClock) -> None:
        make(reader)

        frozen.move_to(at(APRIL, 5, 59))
        assert schedules.make_due() == 0
        frozen.move_to(at(APRIL, 6))
        assert schedules.make_due() == 1

    def test_after_an_outage_one_about_the_days_before_today(
        self, reader: User, frozen: FrozenClock
    ) -> None:
        make(reader, rhythm=Rhythm.DAILY, period=Period.YESTERDAY)

        frozen.move_to(at(TUESDAY + timedelta(days=6)))

        assert [schedules.make_due(), schedules.make_due()] == [1, 0]
        assert [mail.subject_id for mail in mails()] == ["2026-03-15_2026-03-15"]

    def test_the_same_days_are_mailed_once_whatever_the_rhythm(
        self, reader: User, frozen: FrozenClock
    ) -> None:
        make(reader, rhythm=Rhythm.DAILY, period=Period.WEEK)

        sent_from(frozen, TUESDAY, 14)

        assert [mail.subject_id for mail in mails()] == [
            "2026-03-02_2026-03-08",
            "2026-03-09_2026-03-15",
            "2026-03-16_2026-03-22",
        ]

    def test_two_workers_at_once_send_one(self, reader: User) -> None:
        """Both have read that it is due; and, the control: other days are another."""
        schedule = make(reader)
        again = ReportSchedule.objects.filter(pk=schedule.pk)
        assert schedules._make(schedule.pk, APRIL)
        assert not schedules._make(schedule.pk, APRIL)

        again.update(next_on=APRIL)
        assert schedules._make(schedule.pk, date(2026, 4, 2))
        assert len(mails()) == 1
        again.update(next_on=APRIL)
        assert schedules._make(schedule.pk, date(2026, 5, 1))
        assert len(mails()) == 2

    def test_not_when_it_is_stopped(self, reader: User, frozen: FrozenClock) -> None:
        make(reader, is_active=False)

        assert made_in_april(frozen) == []


@pytest.mark.parametrize(
    ("period", "span"),
    [
        (Period.YESTERDAY, ("2026-02-28", "2026-02-28")),
        (Period.WEEK, ("2026-02-16", "2026-02-22")),
        (Period.MONTH, ("2026-02-01", "2026-02-28")),
        (Period.DAYS, ("2026-01-30", "2026-02-28")),
        (Period.YEAR, ("2026-01-01", "2026-02-28")),
    ],
)
def test_the_days_of_a_period(period: Period, span: tuple[str, str]) -> None:
    first, last = period.span(date(2026, 3, 1))

    assert (first.isoformat(), last.isoformat()) == span
    new_year = Period.YEAR.span(date(2026, 1, 1))
    assert new_year == (date(2025, 1, 1), date(2025, 12, 31))


class TestWhoGetsIt:
    def test_only_who_may_read_reports_can_be_chosen(self, reader: User) -> None:
        agent = make_user(Role.AGENT)

        with pytest.raises(LinkError) as caught:
            make(reader, agent)

        assert caught.value.field == "people"
        assert not ReportSchedule.objects.exists()
        assert list(schedules.readers()) == [reader]

    def test_who_loses_the_right_meanwhile_gets_none(
        self, reader: User, frozen: FrozenClock
    ) -> None:
        left = make_user(Role.OWNER)
        make(reader, left)
        User.objects.filter(pk=left.pk).update(role=Role.AGENT)

        assert [one.recipient for one in made_in_april(frozen)] == [reader.email]

    @pytest.mark.parametrize(
        "change",
        [{"role": Role.AGENT}, {"is_active": False}, {"email": "other@shop.example"}],
    )
    def test_nor_where_the_mail_waits_already(
        self, reader: User, frozen: FrozenClock, change: dict[str, Any]
    ) -> None:
        """And the control: without the change it goes."""
        make(reader)
        (mail,) = made_in_april(frozen)
        assert report_mail.still_due([mail]) == {mail.pk}
        assert set(report_mail.attachments([mail])) == {mail.pk}

        User.objects.filter(pk=reader.pk).update(**change)

        assert report_mail.still_due([mail]) == set()
        assert report_mail.context([mail]) == {}
        assert report_mail.attachments([mail]) == {}

    def test_nor_who_was_taken_off_or_where_it_was_stopped(
        self, reader: User, frozen: FrozenClock
    ) -> None:
        other = make_user(Role.OWNER)
        schedule = make(reader, other)
        of_reader, of_other = made_in_april(frozen)

        schedule.people.remove(other)
        assert report_mail.still_due([of_reader, of_other]) == {of_reader.pk}
        ReportSchedule.objects.update(is_active=False)
        assert report_mail.still_due([of_reader]) == set()

    def test_agents_do_not_see_the_mail_of_others(
        self, reader: User, frozen: FrozenClock
    ) -> None:
        make(reader)
        made = made_in_april(frozen)

        agent, owner = make_user(Role.AGENT), make_user(Role.OWNER)
        assert list(visibility.visible_to(agent)) == []
        assert list(visibility.visible_to(owner)) == made


class TestWhatIsInIt:
    def paid(self) -> None:
        link = make_link(make_customer())
        seen = make_seen(link, occurred_at=at(date(2026, 3, 20)), fee_minor=44)
        payments.record(seen)

    @pytest.mark.parametrize("kind", list(Format))
    def test_the_figures_and_the_file(
        self, reader: User, frozen: FrozenClock, kind: Format
    ) -> None:
        make(reader, file_format=kind)
        self.paid()
        (mail,) = made_in_april(frozen)

        delivery.deliver(delivery.claim(10))

        mail.refresh_from_db()
        assert mail.state in (MessageState.SENT, MessageState.CAPTURED)
        words = said(mail)
        assert "Paid: €12.50" in words
        where = reverse("admin:links_report", args=["payments"])
        assert f"{where}?first=2026-03-01&last=2026-03-31&by=provider" in words
        ((file,),) = [files() for files in report_mail.attachments([mail]).values()]
        assert file.filename == f"payments-2026-03-01-2026-03-31-provider.{kind}"
        if kind == Format.CSV:
            text = file.content.decode("utf-8-sig")
            row = list(csv.reader(io.StringIO(text)))[1]
            assert (row[0], row[3], row[4]) == ("training", "12.50", "1")
        else:
            sheet = load_workbook(io.BytesIO(file.content)).worksheets[0]
            (cells,) = list(sheet.iter_rows(min_row=2))
            assert [cell.value for cell in cells][3:5] == [12.5, 1]

    def test_in_the_language_of_the_reader(
        self, reader: User, frozen: FrozenClock
    ) -> None:
        User.objects.filter(pk=reader.pk).update(language="de")
        make(reader)
        (mail,) = made_in_april(frozen)

        assert mail.language == "de"
        assert "01.03.2026" in report_mail.context([mail])[mail.pk]["subject"]

    def test_every_report_by_every_heading(
        self, reader: User, frozen: FrozenClock
    ) -> None:
        self.paid()
        asked = [(one.name, by) for one in REPORTS.values() for by in one.by]
        for name, by in asked:
            make(reader, report=name, by=by)

        made = made_in_april(frozen)

        assert len(made) == len(asked)
        assert len(report_mail.context(made)) == len(asked)
        for files in report_mail.attachments(made).values():
            (file,) = files()
            assert file.content


class TestPages:
    ADD = "admin:links_reportschedule_add"

    @pytest.fixture(autouse=True)
    def _signed_in(self, client: Client, settings: Any, reader: User) -> None:
        settings.STAFF_MFA_REQUIRED = False
        client.force_login(reader)

    def typed(self, reader: User, **other: Any) -> dict[str, Any]:
        return {
            "what": "payments|provider",
            "period": "month",
            "rhythm": "monthly",
            "file_format": "xlsx",
            "people": [reader.public_id],
            "is_active": "on",
            **other,
        }

    def test_is_made_changed_and_stopped(self, client: Client, reader: User) -> None:
        form = client.get(reverse(self.ADD), {"what": "payments|staff"})
        assert 'value="payments|staff" selected' in form.content.decode()

        client.post(reverse(self.ADD), self.typed(reader))
        schedule = ReportSchedule.objects.get()
        assert (schedule.report, schedule.by) == ("payments", "provider")
        assert schedule.next_on == APRIL
        assert list(schedule.people.all()) == [reader]
        listed = client.get(reverse("admin:links_reportschedule_changelist"))
        assert "Money in by Provider" in listed.content.decode()

        page = reverse("admin:links_reportschedule_change", args=[schedule.pk])
        assert client.get(page).status_code == 200
        client.post(page, self.typed(reader, what="links|month", is_active=""))
        schedule.refresh_from_db()
        assert (schedule.report, schedule.by) == ("links", "month")
        assert not schedule.is_active
        acts = AuditEntry.objects.filter(object_id=schedule.public_id).order_by("pk")
        assert list(acts.values_list("action", flat=True)) == [
            "report_schedule.created",
            "report_schedule.changed",
        ]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"what": "payments|color"},
            {"people": []},
            {"people": ["9" * 30, "usr_nobody"]},
            {"rhythm": "hourly"},
            {"file_format": "exe"},
        ],
    )
    def test_what_cannot_be_is_said_and_nothing_kept(
        self, client: Client, reader: User, wrong: dict[str, Any]
    ) -> None:
        answer = client.post(reverse(self.ADD), self.typed(reader, **wrong))

        assert answer.status_code == 200
        assert "errorlist" in answer.content.decode()
        assert not ReportSchedule.objects.exists()

    @pytest.mark.parametrize("role", list(Role))
    def test_is_for_those_who_may_read_reports(
        self, client: Client, role: Role
    ) -> None:
        user = make_user(role)
        client.force_login(user)
        wanted = {"add": Right.EXPORTS_READ, "changelist": Right.REPORTS_READ}

        for name, right in wanted.items():
            url = reverse(f"admin:links_reportschedule_{name}")
            status = 200 if user.may(right) else 403
            assert client.get(url).status_code == status

    def test_a_list_of_many_takes_few_queries(
        self, client: Client, reader: User, django_assert_max_num_queries: Any
    ) -> None:
        for _number in range(12):
            make(reader)

        with django_assert_max_num_queries(14):
            client.get(reverse("admin:links_reportschedule_changelist"))
