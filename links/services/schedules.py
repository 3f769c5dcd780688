"""Reports by mail: which are due, and to whom they still go.

A mail is named by its schedule, its days and its reader, so that nobody gets the same
days twice, however often or late the sweep comes by.
"""

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.spreadsheets import Format
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import RIGHTS, Right
from notifications.services import outbox

from ..models import Period, ReportSchedule, Rhythm
from ..reports.registry import REPORTS
from . import notices, totals
from .errors import LinkError

KIND = "staff_report"
HOUR = 6
# by the clock of the business; the day before is over, and nobody is at work yet
MOST = 20
# schedules of one pass; the next sweep takes more


NEEDED = frozenset({Right.REPORTS_READ, Right.EXPORTS_READ})
# The mail brings a file.


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks to be sent."""

    report: str
    by: str
    period: Period
    rhythm: Rhythm
    file_format: Format
    people: tuple[User, ...]
    is_active: bool = True


def readers() -> QuerySet[User]:
    """Who may be sent a report: who works here and may save it in the back-office."""
    roles = [role for role, rights in RIGHTS.items() if rights >= NEEDED]
    return User.objects.filter(is_active=True, role__in=roles).order_by("email")


def may_read(person: User) -> bool:
    """Asked again when a mail is made, and once more when it leaves."""
    return person.is_active and all(map(person.may, NEEDED))


def save(
    wanted: Wanted, *, actor: Actor, schedule: ReportSchedule | None = None
) -> ReportSchedule:
    """Keep a new schedule, or another wish for a known one. The first mail comes on the
    next day of its rhythm. Raises LinkError naming what cannot be."""
    report = REPORTS.get(wanted.report)
    if report is None or wanted.by not in report.by:
        raise LinkError(_("There is no such report."), "what")
    if not all(map(may_read, wanted.people)):
        raise LinkError(_("Not all of them may read reports."), "people")
    today = totals.business_day(clock.now())
    with transaction.atomic():
        schedule = schedule or ReportSchedule(
            created_by_id=actor.user_pk, created_at=clock.now()
        )
        action = "changed" if schedule.pk else "created"
        schedule.report, schedule.by = wanted.report, wanted.by
        schedule.period, schedule.rhythm = wanted.period, wanted.rhythm
        schedule.file_format = wanted.file_format
        schedule.is_active = wanted.is_active
        schedule.next_on = wanted.rhythm.next_after(today)
        schedule.save()
        schedule.people.set(wanted.people)
        audit.record(
            actor.id,
            f"report_schedule.{action}",
            schedule.public_id,
            report=wanted.report,
            rhythm=str(wanted.rhythm),
            people=[person.public_id for person in wanted.people],
        )
    return schedule


def make_due() -> int:
    """A mail for each reader of each schedule whose day has come; returns how many
    schedules. After an outage that is one, about the days before today."""
    now = clock.now()
    today = totals.business_day(now)
    if now.astimezone(totals.zone()).hour < HOUR:
        return 0
    due = ReportSchedule.objects.filter(is_active=True, next_on__lte=today)
    pks = list(due.order_by("next_on", "pk").values_list("pk", flat=True)[:MOST])
    return sum(_make(pk, today) for pk in pks)


def _make(pk: int, today: date) -> bool:
    with transaction.atomic():
        mine = ReportSchedule.objects.select_for_update(of=("self",), skip_locked=True)
        schedule = mine.filter(pk=pk, is_active=True, next_on__lte=today).first()
        if schedule is None:
            return False  # another worker was faster
        schedule.next_on = Rhythm(schedule.rhythm).next_after(today)
        schedule.save(update_fields=["next_on"])
        if schedule.report in REPORTS:
            outbox.want_many(_mails(schedule, today))
    return True


def _mails(schedule: ReportSchedule, today: date) -> list[outbox.NewMessage]:
    first, last = Period(schedule.period).span(today)
    days = f"{first}_{last}"
    return [
        outbox.NewMessage(
            kind=KIND,
            channel="email",
            recipient=person.email,
            language=notices.language_of(person),
            reference=schedule.public_id,
            subject_id=days,
            dedupe_key=f"report:{schedule.public_id}:{days}:{person.public_id}",
        )
        for person in schedule.people.order_by("pk")
        if may_read(person)
    ]
