"""What is likely to come in, week by week, and how long what is late has been owed.

The sums of all open links come from their index in one query. Of those whose payment
is due about now the likely day is looked at more closely: the day that the customer
named, else the due date and the delay with which this customer usually pays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median_low
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet, Sum

from ..models import LinkStatus, PaymentLink

WEEKS = 4
LATE, LATER, UNDATED = "late", "later", "undated"
AGES = (30, 60, 90)
# days; what is late stands in the first of these that it does not exceed
MOST_LINKS = 500
MOST_HABITS = 2_000
# Read one by one; all others count by their due date alone.
LEAST_PAID = 2
# times somebody has paid before that is a habit
PATIENCE = timedelta(days=60)
Sums = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Week:
    """`first`, `last`: days of the business. `sums`: currency → minor units; `promised`
    and `by_habit`: the part of them for either reason."""

    first: date
    last: date
    sums: Mapping[str, int]
    promised: Mapping[str, int]
    by_habit: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Expected:
    """`late`: past its likely day, `ages` the whole of what is past its due date by how
    long: key → currency → minor units."""

    weeks: Sequence[Week]
    late: Mapping[str, int]
    later: Mapping[str, int]
    undated: Mapping[str, int]
    ages: Mapping[str, Mapping[str, int]]


def expected(links: QuerySet[PaymentLink], today: date, zone: ZoneInfo) -> Expected:
    """`links`: those that the reader may see. Four queries at most."""
    open_links = links.filter(status=LinkStatus.ACTIVE, is_reusable=False).order_by()
    weeks = _weeks(today)
    sums, ages = _sums(open_links, today, weeks)
    promised: Sums = {}
    by_habit: Sums = {}
    near = _near(open_links, today, weeks, zone)
    delays = _delays(near, zone)
    for link in near:
        moved, reason = _likely(link, delays, zone)
        was, now = _place(link.due_on, today, weeks), _place(moved, today, weeks)
        left = link.balance.amount_minor
        _add(sums, was, link.currency, -left)
        _add(sums, now, link.currency, left)
        if reason and now not in (LATE, LATER):
            kept = promised if reason == "promise" else by_habit
            _add(kept, now, link.currency, left)
    return Expected(
        [
            Week(
                first,
                last,
                _some(sums, first.isoformat()),
                _some(promised, first.isoformat()),
                _some(by_habit, first.isoformat()),
            )
            for first, last in weeks
        ],
        _some(sums, LATE),
        _some(sums, LATER),
        _some(sums, UNDATED),
        {age: _some(ages, age) for age in _ages()},
    )


def _weeks(today: date) -> list[tuple[date, date]]:
    """This one from today on, and those after it from Monday to Sunday."""
    sunday = today + timedelta(days=6 - today.weekday())
    weeks = [(today, sunday)]
    for _week in range(WEEKS - 1):
        first = weeks[-1][1] + timedelta(days=1)
        weeks.append((first, first + timedelta(days=6)))
    return weeks


def _ages() -> list[str]:
    return [*(str(age) for age in AGES), "more"]


def _sums(
    open_links: QuerySet[PaymentLink], today: date, weeks: list[tuple[date, date]]
) -> tuple[Sums, Sums]:
    """Place and age → currency → minor units, by due dates alone; one query."""
    places = {
        LATE: Q(due_on__lt=today),
        LATER: Q(due_on__gt=weeks[-1][1]),
        UNDATED: Q(due_on__isnull=True),
        **{first.isoformat(): Q(due_on__range=(first, last)) for first, last in weeks},
    }
    ages = {}
    until = today
    for age in AGES:
        since = today - timedelta(days=age)
        ages[str(age)] = Q(due_on__gte=since, due_on__lt=until)
        until = since
    ages["more"] = Q(due_on__lt=until)
    left = F("amount_minor") - F("amount_paid_minor")
    columns = {
        **{f"place_{n}": (key, when) for n, (key, when) in enumerate(places.items())},
        **{f"age_{n}": (key, when) for n, (key, when) in enumerate(ages.items())},
    }
    rows: Any = open_links.values("currency").annotate(
        **{name: Sum(left, filter=when) for name, (_key, when) in columns.items()}
    )
    by_place: Sums = {}
    by_age: Sums = {}
    for row in rows:
        for name, (key, _when) in columns.items():
            kept = by_place if name.startswith("place") else by_age
            _add(kept, key, row["currency"], row[name] or 0)
    return by_place, by_age


def _near(
    open_links: QuerySet[PaymentLink],
    today: date,
    weeks: list[tuple[date, date]],
    zone: ZoneInfo,
) -> list[PaymentLink]:
    """Those whose day may be another than the due date; two queries."""
    names = (
        "customer_id",
        "currency",
        "amount_minor",
        "amount_paid_minor",
        "is_reusable",
        "due_on",
        "promise_due_at",
    )
    begins = datetime.combine(today, time.min, tzinfo=zone)
    promised = open_links.filter(promise_due_at__gt=begins).order_by("promise_due_at")
    due = open_links.filter(
        due_on__gte=today - PATIENCE,
        due_on__lte=weeks[-1][1],
        customer__isnull=False,
    ).order_by("due_on", "pk")
    found = [*promised.only(*names)[:MOST_LINKS], *due.only(*names)[:MOST_LINKS]]
    return list({link.pk: link for link in found}.values())


def _delays(near: Iterable[PaymentLink], zone: ZoneInfo) -> dict[int, int]:
    """Customer → days after the due date on which they usually pay, from what they paid
    before; one query."""
    customers = {link.customer_id for link in near if link.customer_id}
    if not customers:
        return {}
    paid: Any = (
        PaymentLink.objects.filter(
            customer__in=customers,
            status=LinkStatus.PAID,
            due_on__isnull=False,
            paid_at__isnull=False,
        )
        .order_by("-id")
        .values_list("customer_id", "due_on", "paid_at")[:MOST_HABITS]
    )
    found: dict[int, list[int]] = {}
    for customer, due_on, paid_at in paid:
        found.setdefault(customer, []).append(
            (paid_at.astimezone(zone).date() - due_on).days
        )
    return {
        customer: max(median_low(days), 0)
        for customer, days in found.items()
        if len(days) >= LEAST_PAID
    }


def _likely(
    link: PaymentLink, delays: Mapping[int, int], zone: ZoneInfo
) -> tuple[date | None, str]:
    """The day, and why it is another than the due date."""
    if link.promise_due_at is not None:
        named = link.promise_due_at.astimezone(zone).date()
        if link.due_on is None or named > link.due_on:
            return named, "promise"
    delay = delays.get(link.customer_id or 0, 0)
    if link.due_on is None or not delay:
        return link.due_on, ""
    return link.due_on + timedelta(days=delay), "habit"


def _place(day: date | None, today: date, weeks: list[tuple[date, date]]) -> str:
    if day is None:
        return UNDATED
    if day < today:
        return LATE
    for first, last in weeks:
        if first <= day <= last:
            return first.isoformat()
    return LATER


def _add(sums: Sums, place: str, currency: str, minor: int) -> None:
    of_place = sums.setdefault(place, {})
    of_place[currency] = of_place.get(currency, 0) + minor


def _some(sums: Sums, place: str) -> dict[str, Any]:
    return {code: minor for code, minor in sums.get(place, {}).items() if minor}
