"""The mails of `schedules`: who may still read them, what they say, and the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from babel.dates import format_date
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from merchant_portal.lib import spreadsheets
from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import Money
from merchant_portal.lib.spreadsheets import MEDIA_TYPES, Format
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.channels.base import Attachment
from notifications.kinds import Files, Values
from notifications.models import Message

from ..models import ReportSchedule
from ..reports import files
from ..reports.base import Ask, Report, ReportError, Row, Unit
from ..reports.registry import REPORTS
from . import schedules, totals

PLACEHOLDERS = frozenset({"subject", "body"})


@dataclass(frozen=True, slots=True)
class Sent:
    """What one mail is about, for a reader who may still see it."""

    report: Report
    ask: Ask
    file_format: Format


def _sent(messages: Sequence[Message]) -> dict[int, Sent]:
    """Message's key → what it is about; not of those that are not wanted any more.

    Two queries. Whoever left, lost the right or was taken off gets nothing.
    """
    schedules = ReportSchedule.objects.filter(
        public_id__in={message.reference for message in messages}, is_active=True
    )
    known = {one.public_id: one for one in schedules.prefetch_related("people")}
    found = {}
    for message in messages:
        schedule = known.get(message.reference)
        if schedule is None or schedule.report not in REPORTS:
            continue
        reader = _reader(schedule, message.recipient)
        if reader is None:
            continue
        first, last = map(date.fromisoformat, message.subject_id.split("_"))
        report = REPORTS[schedule.report]
        own = None if reader.may(Right.LINKS_ALL) else reader.pk
        start = last if report.is_moment else first
        ask = Ask(start, last, schedule.by, staff_pk=own)
        found[message.pk] = Sent(report, ask, Format(schedule.file_format))
    return found


def _reader(schedule: ReportSchedule, address: str) -> User | None:
    for person in schedule.people.all():
        if person.email == address:
            return person if schedules.may_read(person) else None
    return None


def still_due(messages: Sequence[Message]) -> set[int]:
    return set(_sent(messages))


def context(messages: Sequence[Message]) -> dict[int, Values]:
    sent = _sent(messages)
    return {
        message.pk: _words(sent[message.pk], message.language)
        for message in messages
        if message.pk in sent
    }


def attachments(messages: Sequence[Message]) -> Mapping[int, Files]:
    sent = _sent(messages)
    return {
        message.pk: partial(_file, sent[message.pk], message.language)
        for message in messages
        if message.pk in sent
    }


def _file(sent: Sent, language: str) -> list[Attachment]:
    with translation.override(language):
        try:
            rows = files.table(sent.report, sent.ask)
        except ReportError:
            return []  # the mail says why
        content = spreadsheets.pack(rows, sent.file_format, totals.zone())
    name = f"{files.name(sent.report, sent.ask)}.{sent.file_format}"
    kind = MEDIA_TYPES[sent.file_format].partition(";")[0]
    return [Attachment(name, content, kind)]


def _words(sent: Sent, language: str) -> Values:
    report, ask = sent.report, sent.ask
    locale = locale_of(language)
    first, last = (format_date(day, locale=locale) for day in (ask.first, ask.last))
    with translation.override(language):
        span = (
            last
            if ask.first == ask.last
            else _("%(first)s to %(last)s") % {"first": first, "last": last}
        )
        try:
            rows = report.sums(report.rows(ask))
            sums = [_sum(report, row, language) for row in rows]
        except ReportError as exc:
            sums = [exc.message]
        where = _("Figures that lead to their rows: %(page)s") % {"page": _page(sent)}
        parts = [
            str(report.about),
            "\n".join(sums) or _("Nothing happened in these days"),
            where,
        ]
        subject = f"{report.title}, {report.by[ask.by]}: {span}"
        return {"subject": subject, "body": "\n\n".join(parts)}


def _sum(report: Report, row: Row, language: str) -> str:
    told = []
    for column in report.columns:
        figure = row.figures.get(column.name)
        if figure and column.unit == Unit.MONEY:
            amount = Money(figure, row.currency).format(language)
            told.append(f"{column.title}: {amount}")
        elif figure and column.unit == Unit.COUNT:
            told.append(f"{column.title}: {figure}")
    return f"{row.currency}  {' · '.join(told)}".strip()


def _page(sent: Sent) -> str:
    ask = sent.ask
    days = {"first": ask.first.isoformat(), "last": ask.last.isoformat()}
    query = urlencode({**days, "by": ask.by})
    path = reverse("admin:links_report", args=[sent.report.name])
    return f"{settings.PUBLIC_URL}{path}?{query}"
