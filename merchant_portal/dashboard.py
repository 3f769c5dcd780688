"""The front page of the admin: what came in, what is owed, what needs a person."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from links.admin import formats, history, lifelines
from links.admin.entry import who
from links.models import Activity, Measure, PaymentLink
from links.services import news, overview
from links.services.timeline import Entry
from merchant_portal import front_outlook, front_setup, front_tasks
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

RECENT = 6
REFRESH_SECONDS = 60
LINKS = "admin:links_paymentlink_changelist"


@dataclass(frozen=True, slots=True)
class Card:
    """One figure: sums by currency, the business's first."""

    title: str
    sums: list[str]
    more: str
    url: str
    is_alarm: bool = False


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill Unfold's front page; at most 31 queries however large the shop."""
    context |= _context(who(request))
    return context


@require_GET
def live_view(request: HttpRequest) -> HttpResponse:
    """The parts of the front page that change by themselves; 204 while nothing is new.

    `?seen=`: what the reader has. What leaves no trace in the news comes within a minute.
    """
    user = who(request)
    if request.GET.get("seen") == _seen(user):
        return HttpResponse(status=204)
    context = {**_context(user), "is_update": True}
    return render(request, "admin/front/live.html", context)


def _seen(user: User) -> str:
    return f"{news.digest(user)}-{int(clock.now().timestamp()) // REFRESH_SECONDS}"


def _context(user: User) -> dict[str, Any]:
    business = Business.objects.current()
    zone = formats.business_zone()
    now = clock.now()
    today = now.astimezone(zone).date()
    context = {
        "title": _("Overview"),
        "may_create": user.may(Right.LINKS_WRITE),
        "is_own": not user.may(Right.LINKS_ALL),
    }
    if not user.may(Right.LINKS_READ):
        return context
    links = PaymentLink.objects.visible_to(user)
    has_links = links.exists()
    setup = front_setup.steps(user, business, zone, has_links=has_links)
    if not has_links:
        return context | {"setup": setup, "steps": _steps(user, business)}
    seen = _seen(user)  # before all else is read, so that no news is missed
    moved = overview.moved(user, today)
    return context | {
        "seen": seen,
        "setup": setup,
        "cards": [
            _today_card(moved, today, business.currency),
            *_month_cards(moved, today, business.currency),
            *_waiting_cards(overview.waiting(links, today), business.currency),
        ],
        "outlook": front_outlook.of_links(links, today, now, zone, business.currency),
        "days": _days(moved, today, business.currency),
        "tasks": front_tasks.for_person(user, now, zone),
        "recent": _recent(user, zone),
        "lifelines": lifelines.rows() if user.may(Right.AUDIT_READ) else [],
    }


def _steps(user: User, business: Business) -> list[dict[str, Any]]:
    """What a new shop does first; a step without an address is for the owner."""
    has_name = business.name != Business._meta.get_field("name").default
    is_owner = user.may(Right.BUSINESS_WRITE)
    may_create = user.may(Right.LINKS_WRITE)
    return [
        {
            "title": _("Say who you are"),
            "text": _("Name, address, currency and language of your business."),
            "url": reverse("admin:business_business_changelist") if is_owner else "",
            "is_done": has_name,
        },
        {
            "title": _("Make a payment link"),
            "text": _("For one customer and one amount; a minute's work."),
            "url": reverse("admin:links_paymentlink_add") if may_create else "",
            "is_done": False,
        },
        {
            "title": _("Watch it being paid"),
            "text": _(
                "Open the link yourself and pay it by rehearsal: no money moves."
            ),
            "url": reverse(LINKS),
            "is_done": False,
        },
    ]


def _today_card(moved: list[overview.Moved], today: date, first: str) -> Card:
    rows = [row for row in moved if row.day == today]
    refunds = sum(row.count for row in rows if row.measure == Measure.REFUNDED)
    return _month_card(
        _("Paid today"),
        overview.kept(rows),
        first,
        lambda count: _paid_words(count, refunds),
        reverse("admin:links_payment_changelist"),
    )


def _month_cards(moved: list[overview.Moved], today: date, first: str) -> list[Card]:
    start = today.replace(day=1)
    this_month = [row for row in moved if row.day >= start]
    refunds = sum(row.count for row in this_month if row.measure == Measure.REFUNDED)
    return [
        _month_card(
            _("Paid this month"),
            overview.kept(this_month),
            first,
            lambda count: _paid_words(count, refunds),
            reverse("admin:links_payment_changelist"),
        ),
        _month_card(
            _("Sent this month"),
            [row for row in this_month if row.measure == Measure.SENT],
            first,
            lambda count: ngettext("%d link", "%d links", count) % count,
            reverse(LINKS),
        ),
    ]


def _paid_words(count: int, refunds: int) -> str:
    said = ngettext("%d payment", "%d payments", count) % count
    if not refunds:
        return said
    less = ngettext("%d refund taken off", "%d refunds taken off", refunds)
    return f"{said}, {less % refunds}"


def _month_card(
    title: str, rows: list[overview.Moved], first: str, say: Any, url: str
) -> Card:
    sums = formats.sums(((row.currency, row.amount_minor) for row in rows), first)
    return Card(title, sums, say(sum(row.count for row in rows)), url)


def _waiting_cards(rows: list[overview.Waiting], first: str) -> list[Card]:
    count = sum(row.count for row in rows)
    late = sum(row.overdue_count for row in rows)
    return [
        Card(
            _("Waiting"),
            formats.sums(((row.currency, row.amount_minor) for row in rows), first),
            ngettext("%d open link", "%d open links", count) % count,
            f"{reverse(LINKS)}?status__exact=active",
        ),
        Card(
            _("Overdue"),
            formats.sums(
                (
                    (row.currency, row.overdue_minor)
                    for row in rows
                    if row.overdue_count
                ),
                first,
            ),
            ngettext("%d link past its due date", "%d links past their due date", late)
            % late,
            f"{reverse(LINKS)}?due=overdue",
            is_alarm=late > 0,
        ),
    ]


def _days(moved: list[overview.Moved], today: date, first: str) -> dict[str, Any]:
    """The last 30 days as a chart in one currency, and as a table in all of them."""
    days = [today - timedelta(days=back) for back in range(overview.DAYS - 1, -1, -1)]
    sums: dict[tuple[str, str, date], int] = {}
    moved = [row for row in moved if row.measure in (Measure.PAID, Measure.SENT)]
    for row in moved:
        key = (row.measure, row.currency, row.day)
        sums[key] = sums.get(key, 0) + row.amount_minor
    currencies = {row.currency for row in moved if row.day >= days[0]}
    currency = first if first in currencies or not currencies else min(currencies)
    return {
        "currency": currency,
        "others": sorted(currencies - {currency}),
        "chart": json.dumps(_chart(sums, days, currency)),
        "rows": [
            {
                "day": formats.day(on),
                "sent": _of_day(sums, Measure.SENT, on),
                "paid": _of_day(sums, Measure.PAID, on),
            }
            for on in reversed(days)
            if any(key[2] == on for key in sums)
        ],
    }


def _chart(
    sums: dict[tuple[str, str, date], int], days: list[date], currency: str
) -> dict[str, Any]:
    """As Unfold's chart takes it; amounts as text in major units, never floats."""

    def series(measure: str, label: str, color: str) -> dict[str, Any]:
        return {
            "label": f"{label} ({currency})",
            "data": [
                str(Money(sums.get((measure, currency, on), 0), currency).decimal)
                for on in days
            ],
            "backgroundColor": f"var({color})",
            "borderColor": f"var({color})",
            "displayYAxis": True,
            "grouped": True,
            "maxBarThickness": 8,
            "maxTicksXLimit": 10,
        }

    return {
        "labels": [formats.short_day(on) for on in days],
        "datasets": [
            series(Measure.PAID, _("Paid"), "--color-primary-600"),
            series(Measure.SENT, _("Sent"), "--color-base-300"),
        ],
    }


def _of_day(sums: dict[tuple[str, str, date], int], measure: str, on: date) -> str:
    found = [
        formats.money(minor, currency)
        for (which, currency, day), minor in sorted(sums.items())
        if which == measure and day == on
    ]
    return " · ".join(found) or formats.NOTHING


def _recent(user: User, zone: Any) -> list[dict[str, Any]]:
    """The newest lines of all timelines that this reader may see."""
    rows = (
        Activity.objects.exclude(kind="link.activated")  # said by what caused it
        .select_related("link__customer")
        .order_by("-id")
    )
    if not user.may(Right.LINKS_ALL):
        rows = rows.filter(link__created_by=user)
    newest = list(rows[:RECENT])
    entries = [
        Entry(f"act_{row.pk}", row.kind, row.at, row.actor, row.detail)
        for row in newest
    ]
    return [
        {"line": line, "link": row.link}
        for line, row in zip(history.lines(entries, zone), newest, strict=True)
    ]
