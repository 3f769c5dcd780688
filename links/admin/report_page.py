"""Reports: a period, a heading, a table with a chart, and a file of the same."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe
from unfold.admin import ModelAdmin

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, spreadsheets
from merchant_portal.lib.money import Money
from merchant_portal.lib.spreadsheets import Format
from merchant_portal.staff import step_up
from merchant_portal.staff.admin.rights import RightsMixin, may
from merchant_portal.staff.roles import Right

from ..models import DailyTotal
from ..reports import files
from ..reports.base import Ask, Column, Report, ReportError, Row, Unit, usual_first
from ..reports.behind import Behind
from ..reports.headings import HEADINGS
from ..reports.registry import REPORTS
from ..services import totals
from . import formats, report_filter
from .entry import frame, needs, who

TEMPLATE = "admin/links/report.html"
MOST_BARS = 400
# a chart with more is a blur; the table has them all
MOST_NAMES = 24
# of bars that have a name under them
MOST_ROWS = 500
# on one page; the files have them all


@require_safe
@needs(Right.REPORTS_READ)
def report_view(request: HttpRequest, name: str) -> HttpResponse:
    """`?first=&last=&by=`: the period, both days included, and the heading."""
    report = _known(name)
    ask, problems = _asked(request, report)
    try:
        rows = report.rows(ask)
    except ReportError as exc:  # more than it can read
        rows, problems = [], [exc.message]
    context = {
        "reports": [
            {"name": one.name, "title": one.title, "is_open": one is report}
            for one in REPORTS.values()
        ],
        "report": report,
        "may_export": may(request, Right.EXPORTS_READ),
        "ask": ask,
        "problems": problems,
        "typed": {
            "first": request.GET.get("first") or ask.first.isoformat(),
            "last": request.GET.get("last") or ask.last.isoformat(),
        },
        "spans": _spans(report, ask),
        "query": urlencode({"first": ask.first, "last": ask.last, "by": ask.by}),
        "columns": report.columns,
        "has_currency": any(row.currency for row in rows),
        "rows": [_row(report, ask, row) for row in rows[:MOST_ROWS]],
        "left_out": max(len(rows) - MOST_ROWS, 0),
        "sums": [_row(report, replace(ask, by=""), row) for row in report.sums(rows)],
        "by_title": report.by[ask.by],
        **_chart(report, ask, rows),
    }
    return render(request, TEMPLATE, frame(request, str(report.title), **context))


@require_GET
@needs(Right.REPORTS_READ)
@needs(Right.EXPORTS_READ)
def file_view(request: HttpRequest, name: str, kind: Format) -> HttpResponseBase:
    """The same rows as a file."""
    report = _known(name)
    page = reverse("admin:links_report", args=[report.name])
    if proof := step_up.ask(request, back=f"{page}?{request.GET.urlencode()}"):
        return proof
    ask, problems = _asked(request, report)
    if problems:  # never a file of other days than were asked for
        raise Http404
    try:
        rows = files.table(report, ask)
    except ReportError as exc:
        raise Http404 from exc
    with transaction.atomic():
        audit.record(who(request).public_id, "report.downloaded", report.name)
    return spreadsheets.download(files.name(report, ask), rows, kind)


def _known(name: str) -> Report:
    if name not in REPORTS:
        raise Http404
    return REPORTS[name]


def _asked(request: HttpRequest, report: Report) -> tuple[Ask, list[str]]:
    """What was asked, or as much of it as can be answered, and what was not."""
    today = totals.business_day(clock.now())
    first = today if report.is_moment else usual_first(today)
    usual = Ask(first, today, next(iter(report.by)))
    try:
        ask = replace(
            usual,
            first=_day(request, "first", usual.first),
            last=_day(request, "last", usual.last),
            by=request.GET.get("by") or usual.by,
        )
        if report.is_moment:
            ask = replace(ask, first=ask.last)
        report.check(ask)
    except ReportError as exc:
        instead = (
            _("This is how it stands today.")
            if report.is_moment
            else _("These are the last 30 days.")
        )
        return usual, [exc.message, instead]
    return ask, []


def _day(request: HttpRequest, name: str, usual: date) -> date:
    try:
        return date.fromisoformat(request.GET.get(name) or usual.isoformat())
    except ValueError as exc:
        raise ReportError(_("Write the day as YYYY-MM-DD."), name) from exc


def _spans(report: Report, ask: Ask) -> list[dict[str, Any]]:
    """Periods that are asked for again and again."""
    today = totals.business_day(clock.now())
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    spans = [
        (_("30 days"), usual_first(today), today),
        (_("This month"), month, today),
        (_("Last month"), before, month - timedelta(days=1)),
        (_("This year"), year, today),
        (_("Last year"), year.replace(year=year.year - 1), year - timedelta(days=1)),
    ]
    if report.is_moment:
        spans = [
            (_("Today"), today, today),
            (
                _("End of last month"),
                month - timedelta(days=1),
                month - timedelta(days=1),
            ),
            (_("End of last year"), year - timedelta(days=1), year - timedelta(days=1)),
        ]
    return [
        {
            "title": title,
            "query": urlencode({"first": first, "last": last, "by": ask.by}),
            "is_open": (first, last) == (ask.first, ask.last),
        }
        for title, first, last in spans
    ]


def _row(report: Report, ask: Ask, row: Row) -> dict[str, Any]:
    return {
        "title": row.title,
        "currency": row.currency,
        "cells": [_cell(column, ask, row) for column in report.columns],
    }


def _cell(column: Column, ask: Ask, row: Row) -> dict[str, str]:
    """The figure, and the address of the rows that it counts."""
    figure = row.figures.get(column.name)
    if not figure:
        return {"text": formats.NOTHING, "url": ""}
    text = _text(column.unit, figure, row.currency)
    if not column.measure:
        return {"text": text, "url": ""}
    behind = Behind(column.measure, row.currency, ask.first, ask.last, ask.by, row.key)
    return {"text": text, "url": report_filter.url_of(behind)}


def _text(unit: Unit, figure: int, currency: str) -> str:
    if unit == Unit.MONEY:
        return formats.money(figure, currency)
    if unit == Unit.SHARE:
        return formats.share(figure)
    return formats.span(figure) if unit == Unit.TIME else str(figure)


def _chart(report: Report, ask: Ask, rows: list[Row]) -> dict[str, Any]:
    """Of one currency, that of most rows, as Unfold's chart takes it."""
    currencies = Counter(row.currency for row in rows)
    currency = currencies.most_common(1)[0][0] if rows else ""
    shown = _bars(ask, [row for row in rows if row.currency == currency])
    colors = ("--color-primary-600", "--color-base-400")
    titles = {column.name: str(column.title) for column in report.columns}
    units = {column.name: column.unit for column in report.columns}
    series = list(zip(report.charted, colors, strict=False))
    chart = {
        "labels": [_label(ask, row) for row in shown],
        "datasets": [
            {
                "label": f"{titles[name]} ({currency})" if currency else titles[name],
                "data": [
                    str(_plain(units[name], row.figures.get(name, 0), currency))
                    for row in shown
                ],
                "backgroundColor": f"var({color})",
                "borderColor": f"var({color})",
                "displayYAxis": True,
                "grouped": True,
                "maxBarThickness": 24,
                "maxTicksXLimit": 10,
            }
            for name, color in series
        ],
    }
    return {
        "chart": json.dumps(chart) if shown else "",
        "chart_currency": currency,
        "other_currencies": sorted(currencies.keys() - {currency}),
        "legend": [{"title": titles[name], "color": color} for name, color in series],
    }


def _plain(unit: Unit, figure: int, currency: str) -> object:
    value = files.value(unit, figure, currency)
    return value.decimal if isinstance(value, Money) else value


def _bars(ask: Ask, rows: list[Row]) -> list[Row]:
    """The rows of one currency; by days, those on which nothing happened as well."""
    if ask.by not in HEADINGS or not HEADINGS[ask.by].is_time:
        return rows[:MOST_NAMES]
    if ask.by != "day" or not rows:
        return rows[-MOST_BARS:]
    known = {row.key: row for row in rows}
    empty = dict.fromkeys(rows[0].figures, 0)
    last = min(ask.last, totals.business_day(clock.now()))
    days = [
        (last - timedelta(days=back)).isoformat()
        for back in range(min((last - ask.first).days + 1, MOST_BARS))
    ]
    return [
        known.get(day) or Row(day, "", rows[0].currency, empty)
        for day in reversed(days)
    ]


def _label(ask: Ask, row: Row) -> str:
    if ask.by != "day":
        return row.title
    return formats.short_day(date.fromisoformat(row.key))


@admin.register(DailyTotal)
class ReportAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """No list of rows: the address of the list is the first report's."""

    view_right: ClassVar[Right] = Right.REPORTS_READ

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path(
                "",
                view(report_view),
                {"name": next(iter(REPORTS))},
                name="links_dailytotal_changelist",
            ),
            path("<str:name>/", view(report_view), name="links_report"),
            *(
                path(
                    f"<str:name>/{kind}/",
                    view(file_view),
                    {"kind": kind},
                    name=f"links_report_{kind}",
                )
                for kind in Format
            ),
        ]
