"""Reports over the API: the figures of the back-office's report pages."""

from datetime import date

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel

from merchant_portal.lib import clock
from merchant_portal.lib.api_schemas import DayIn, MoneyOut
from merchant_portal.lib.money import Money
from merchant_portal.lib.problems import invalid, not_found
from merchant_portal.staff.api_auth import Guard, allows, key_of
from merchant_portal.staff.roles import Right

from ..reports.base import Ask, Report, ReportError, Row, Unit, usual_first
from ..reports.registry import REPORTS
from ..services import totals

router = Router(tags=["reports"])


class ReportOut(BaseModel):
    """`by`: the headings that it can be asked by, the usual one first. `figures`: what
    each row holds, counts and amounts."""

    name: str
    title: str
    about: str
    by: list[str]
    figures: list[str]

    @classmethod
    def of(cls, report: Report) -> "ReportOut":
        return cls(
            name=report.name,
            title=str(report.title),
            about=str(report.about),
            by=list(report.by),
            figures=[column.name for column in report.columns],
        )


class ReportList(BaseModel):
    items: list[ReportOut]


class ReportRow(BaseModel):
    """Figures under one heading in one currency. `key`: the day, the Monday of the week
    or the first of the month; a provider, a method, or the key of a member of staff;
    empty for what has none, and for sums. `title`: the same for people. `figures`:
    amounts, counts, shares in basis points and times in seconds; one that is not known
    is left out."""

    key: str
    title: str
    currency: str
    figures: dict[str, int | MoneyOut]

    @classmethod
    def of(cls, report: Report, row: Row) -> "ReportRow":
        figures: dict[str, int | MoneyOut] = {
            column.name: MoneyOut.of(Money(row.figures[column.name], row.currency))
            if column.unit == Unit.MONEY
            else row.figures[column.name]
            for column in report.columns
            if column.name in row.figures
        }
        return cls(key=row.key, title=row.title, currency=row.currency, figures=figures)


class ReportAnswer(BaseModel):
    """`sums`: of all rows, one for each currency."""

    name: str
    first: date
    last: date
    by: str
    rows: list[ReportRow]
    sums: list[ReportRow]


class ReportQuery(BaseModel):
    """`first`, `last`: days of the business, both included; the last 30 if left out."""

    first: DayIn | None = None
    last: DayIn | None = None
    by: str | None = None


@router.get("", auth=Guard(Right.REPORTS_READ), response=ReportList)
def list_reports(request: HttpRequest) -> ReportList:
    """Which reports there are, and what they can be asked."""
    return ReportList(items=[ReportOut.of(report) for report in REPORTS.values()])


@router.get("/{name}", auth=Guard(Right.REPORTS_READ), response=ReportAnswer)
def get_report(
    request: HttpRequest, name: str, query: Query[ReportQuery]
) -> ReportAnswer:
    """One report; a key without `links:all` gets the figures of its maker's links."""
    report = REPORTS.get(name)
    if report is None:
        raise not_found("There is no report of this name.")
    key = key_of(request)
    last = query.last or totals.business_day(clock.now())
    ask = Ask(
        first=last if report.is_moment else query.first or usual_first(last),
        last=last,
        by=query.by or next(iter(report.by)),
        staff_pk=None if allows(key, Right.LINKS_ALL) else key.created_by_id,
    )
    try:
        rows = report.rows(ask)
    except ReportError as exc:
        raise invalid(exc.message, parameter=exc.field) from exc
    return ReportAnswer(
        name=report.name,
        first=ask.first,
        last=ask.last,
        by=ask.by,
        rows=[ReportRow.of(report, row) for row in rows],
        sums=[ReportRow.of(report, row) for row in report.sums(rows)],
    )
