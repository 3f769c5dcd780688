"""Outstanding: what was still asked at the end of any day, and for how long already.

Nothing is kept for it. What is open now, and what ended after that day, are found by
partial indexes; of these the payments after that day are taken off again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from customers.services.customers import zone_of
from merchant_portal.lib import clock

from ..models import (
    Activity,
    AmountKind,
    LinkStatus,
    Payment,
    PaymentLink,
    PaymentState,
)
from .base import Ask, Column, Report, Row, Unit, largest_first
from .headings import Titles, by_customer, by_staff
from .sources import Source, end_of

AHEAD = timedelta(days=1)
# how far a provider's clock may be ahead of ours

_AGES = (
    # measure, days late from and to, title
    ("owednot", None, 0, _("Not due yet")),
    ("owed30", 1, 30, _("1\u201330 days late")),
    ("owed60", 31, 60, _("31\u201360 days late")),
    ("owed90", 61, 90, _("61\u201390 days late")),
    ("owedmore", 91, None, _("More than 90 days late")),
)
OWED = "owed"


def at(day: date, zone: ZoneInfo) -> QuerySet[PaymentLink]:
    """Links of which something was open at the end of that day, with `left`: how much.

    Reusable ones owe nothing, nor does a link whose customer says the amount.
    """
    end = end_of(day, zone)
    asked = PaymentLink.objects.filter(is_reusable=False, activated_at__lt=end).exclude(
        amount_kind=AmountKind.CHOSEN
    )
    open_now = F("amount_minor") - F("amount_paid_minor")
    if end > clock.now():  # nothing has happened after it
        return asked.filter(status=LinkStatus.ACTIVE).annotate(left=open_now)
    was_open = asked.filter(
        Q(status=LinkStatus.ACTIVE)
        | Q(paid_at__gte=end - AHEAD)
        | Q(closed_at__gte=end)
    ).filter(Q(closed_at=None) | Q(closed_at__gte=end))
    later = _later(Activity.objects.filter(link=OuterRef("pk"), at__gte=end))
    before = Activity.objects.filter(
        link=OuterRef("pk"), at__lt=end, kind__in=("link.expired", "link.extended")
    )
    came_after = (
        Payment.objects.filter(
            link=OuterRef("pk"),
            currency=OuterRef("currency"),
            state=PaymentState.SUCCEEDED,
            occurred_at__gte=end,
        )
        .order_by()
        .values("link")
        .annotate(used=Sum(F("amount_minor") - F("surplus_minor") - F("tip_minor")))
    )
    return (
        was_open.annotate(
            left=open_now + Coalesce(Subquery(came_after.values("used")), Value(0)),
            was=Coalesce(
                Subquery(before.order_by("-id").values("kind")[:1]), Value("")
            ),
        )
        .exclude(later, was="link.expired")
        .filter(left__gt=0)
    )


def _later(activities: QuerySet[Activity]) -> Exists:
    """Opened again afterwards; it had been expired, and its row does not tell."""
    return Exists(activities.filter(kind="link.extended"))


def _late(first: int | None, last: int | None, day: date) -> Q:
    """Due so many days before that day; without a due date nothing is ever late."""
    if first is None:
        return Q(due_on=None) | Q(due_on__gte=day)
    late = Q(due_on__lte=day - timedelta(days=first))
    return late if last is None else late & Q(due_on__gte=day - timedelta(days=last))


@dataclass(frozen=True, slots=True)
class _Owed(Source):
    """`days`: how late, from and to; None: all."""

    days: tuple[int | None, int | None] | None = None

    def within(self, first: date, last: date, zone: ZoneInfo) -> QuerySet[Any]:
        rows = at(last, zone).order_by()
        return rows if self.days is None else rows.filter(_late(*self.days, last))


def _sources() -> Mapping[str, Source]:
    rows = PaymentLink.objects.all()
    found: dict[str, Source] = {
        OWED: _Owed(_("Outstanding"), rows, "", "left", None, None, None, "")
    }
    for measure, first, last, title in _AGES:
        found[measure] = _Owed(
            title, rows, "", "left", None, None, None, "", days=(first, last)
        )
    return found


def _by_currency(codes: Iterable[str]) -> Titles:
    return {code: (code, code) for code in codes}


_BY: Mapping[str, tuple[str, Callable[[Iterable[Any]], Titles]]] = {
    "customer": ("customer_id", by_customer),
    "staff": ("created_by_id", by_staff),
    "currency": ("currency", _by_currency),
}


def _find(ask: Ask) -> list[Row]:
    """Two queries."""
    links = at(ask.last, zone_of(None)).order_by()
    if ask.staff_pk is not None:
        links = links.filter(created_by=ask.staff_pk)
    name, titles_of = _BY[ask.by]
    ages = [
        When(_late(first, last, ask.last), then=Value(measure))
        for measure, first, last, _title in _AGES
    ]
    sums = links.values("currency", under=F(name), age=Case(*ages)).annotate(
        number=Count("pk"), minor=Sum("left")
    )
    names = ("links", OWED, *(measure for measure, *_rest in _AGES))
    found: dict[tuple[Any, str], dict[str, int]] = {}
    for row in sums:
        under = row["under"], row["currency"]
        figures = found.setdefault(under, dict.fromkeys(names, 0))
        figures["links"] += row["number"]
        figures[OWED] += row["minor"]
        figures[row["age"]] += row["minor"]
    titles = titles_of({under for under, _currency in found})
    rows = [
        Row(*titles[under], currency, figures)
        for (under, currency), figures in found.items()
    ]
    return largest_first(rows, OWED)


OUTSTANDING = Report(
    name="outstanding",
    title=_("Outstanding"),
    about=_(
        "What was still asked at the end of the chosen day, by how late it was then:"
        " payments made since are added back. A refund does not make a link owed again."
        " Due dates are those that links have now."
    ),
    by={
        "customer": _("Customer"),
        "staff": _("Staff"),
        "currency": _("Currency"),
    },
    columns=[
        Column(OWED, _("Outstanding"), measure=OWED),
        Column("links", _("Links"), measure=OWED, unit=Unit.COUNT),
        *(Column(measure, title, measure=measure) for measure, _f, _l, title in _AGES),
    ],
    charted=(OWED,),
    find=_find,
    is_moment=True,
    sources=_sources,
)
