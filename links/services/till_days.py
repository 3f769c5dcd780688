"""Closing a day of the business: all shifts and all money, each in one close.

Money is read from the daily totals, which every booking keeps right. A close keeps, as
its lines, by how much they differ from what all closes before have told. So whatever is
heard of late, or undone, is told by the next one, and all closes together always add up
to the reports; there is no moment at which a payment could fall between two of them.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.audit import services as audit
from merchant_portal.business import services as business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from ..models import (
    DailyTotal,
    DayClose,
    DayCloseLine,
    Measure,
    Payment,
    PaymentState,
    ProviderAccount,
    Shift,
    ShiftState,
)
from . import till_signing, totals
from .errors import LinkConflict, LinkError
from .till_figures import HAND, Plain, summed

MEASURES = [Measure.PAID, Measure.REFUNDED, Measure.LOST]
_KEY = ("day", "measure", "currency", "account_pk", "method")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What closing a day would put into its report. `open`: shifts to close first."""

    day: date
    lines: list[DayCloseLine]
    shifts: list[Shift]
    open: list[Shift]


def last_closed() -> date | None:
    return DayClose.objects.order_by("-day").values_list("day", flat=True).first()


def next_day() -> date:
    """The day that is closed next, most probably: the one after the last, or today."""
    today = totals.business_day(clock.now())
    last = last_closed()
    return today if last is None or last >= today else last + timedelta(days=1)


def outlook(day: date) -> Outlook:
    """For the page that asks whether to close it; a handful of queries."""
    started = Shift.objects.filter(day_close__isnull=True, opened_at__lt=_end(day))
    shifts = list(started.select_related("opened_by").order_by("opened_at", "id"))
    return Outlook(
        day,
        _news(day),
        [shift for shift in shifts if not shift.is_open],
        [shift for shift in shifts if shift.is_open],
    )


def close(day: date, *, user: User) -> DayClose:
    """Close this day, and every one before it. Raises LinkError for a day that cannot
    be, LinkConflict where it is closed or a shift of it is open."""
    now = clock.now()
    if day > totals.business_day(now):
        raise LinkError(_("This day has not begun yet."), "day")
    with transaction.atomic():
        # First, so that of two who close at once the second sees what the first told.
        number = till_signing.next_number(DayClose)
        last = last_closed()
        if last is not None and day <= last:
            raise LinkConflict(_("This day is closed. What came since is on the next."))
        seen = outlook(day)
        if seen.open:
            raise LinkConflict(_("Close the open shifts of this day first."))
        made = DayClose.objects.create(
            number=number, day=day, closed_by=user, closed_at=now
        )
        DayCloseLine.objects.bulk_create(_of(made, seen.lines))
        mine = Shift.objects.filter(pk__in=[shift.pk for shift in seen.shifts])
        mine.update(day_close=made)
        made.figures = _figures(made, seen)
        made.key_version, made.signature = till_signing.sign(made.figures)
        made.save(update_fields=["figures", "key_version", "signature"])
        audit.record(
            user.public_id,
            "day.closed",
            number,
            day=day.isoformat(),
            signature=made.signature,
        )
    return made


def _of(made: DayClose, lines: list[DayCloseLine]) -> Iterator[DayCloseLine]:
    for line in lines:
        line.close = made
        yield line


def _news(day: date) -> list[DayCloseLine]:
    """What the daily totals up to this day say beyond all closes; sorted."""
    first = DayClose.objects.order_by("day").values_list("day", flat=True).first()
    since = first or day
    counts: Counter[tuple[Any, ...]] = Counter()
    amounts: Counter[tuple[Any, ...]] = Counter()
    kept = DailyTotal.objects.filter(day__gte=since, day__lte=day, measure__in=MEASURES)
    told = DayCloseLine.objects.all()
    for sign, rows in ((1, kept), (-1, told)):
        summed = rows.order_by().values_list(*_KEY)
        for *key, count, minor in summed.annotate(
            all_counts=Sum("count"), all_minor=Sum("amount_minor")
        ):
            counts[tuple(key)] += sign * count
            amounts[tuple(key)] += sign * minor
    return [
        DayCloseLine(
            **dict(zip(_KEY, key, strict=True)),
            count=counts[key],
            amount_minor=amounts[key],
        )
        for key in sorted(counts)
        if counts[key] or amounts[key]
    ]


def figures_of(seen: Outlook) -> Plain:
    """What its report says, but for who closed it: plain text and whole numbers."""
    slugs = dict(ProviderAccount.objects.values_list("pk", "slug"))
    lines = [_plain(line, slugs) for line in seen.lines]
    today = seen.day.isoformat()
    return {
        "day": today,
        "money": [line for line in lines if line["day"] == today],
        "late": [line for line in lines if line["day"] != today],
        "shifts": [_shift(shift) for shift in seen.shifts],
        "outside": _outside(seen.day),
    }


def _figures(made: DayClose, seen: Outlook) -> Plain:
    return {
        **figures_of(seen),
        "number": made.number,
        "closed_by": str(made.closed_by),
        "closed_at": made.closed_at.isoformat(timespec="seconds"),
        "previous": _before(made),
    }


def _before(made: DayClose) -> str:
    others = DayClose.objects.exclude(pk=made.pk).order_by("-number")
    return others.values_list("signature", flat=True).first() or ""


def _plain(line: DayCloseLine, slugs: dict[int, str]) -> Plain:
    return {
        "day": line.day.isoformat(),
        "measure": str(line.measure),
        "account": slugs.get(line.account_pk, ""),
        "method": line.method,
        "currency": line.currency,
        "count": line.count,
        "amount": line.amount_minor,
    }


def _shift(shift: Shift) -> Plain:
    figures = shift.figures or {}
    return {
        "number": shift.number,
        "register": shift.register,
        "opened_by": figures.get("opened_by", ""),
        "opened_at": shift.opened_at.isoformat(timespec="seconds"),
        "cash": figures.get("cash", []),
    }


def _outside(day: date) -> list[Plain]:
    """Money of this day that people took in no shift: it was in no counted drawer."""
    rows = Payment.objects.filter(
        account__slug=HAND,
        state=PaymentState.SUCCEEDED,
        shift__isnull=True,
        occurred_at__gte=_begin(day),
        occurred_at__lt=_end(day),
    )
    return summed(rows.values("method", "currency"))


def problems(made: DayClose) -> list[str]:
    """What a closed day's report and its rows disagree about, in words."""
    found = till_signing.problems(made)
    kept: Plain = made.figures or {}
    slugs = dict(ProviderAccount.objects.values_list("pk", "slug"))
    lines = [_plain(line, slugs) for line in made.lines.all()]
    if _sorted([*kept.get("money", []), *kept.get("late", [])]) != _sorted(lines):
        found.append(_("The sums in the tables are not what this report says."))
    shifts = made.shifts.filter(state=ShiftState.CLOSED).order_by("opened_at", "id")
    if kept.get("shifts") != [_shift(shift) for shift in shifts]:
        found.append(_("The shifts of this day are not what this report says."))
    return found


def _sorted(lines: list[Plain]) -> list[Plain]:
    return sorted(lines, key=lambda line: sorted((k, str(v)) for k, v in line.items()))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone_of(None, business.kept()))


def _end(day: date) -> datetime:
    return _begin(day + timedelta(days=1))
