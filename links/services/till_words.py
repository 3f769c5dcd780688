"""A report of the till in words: the same tables for the page and for the paper."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from babel.dates import format_date, format_datetime
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.business import services as business
from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import Money

from ..models import Measure, MoveKind
from ..providers.registry import PROVIDERS, get_provider
from ..reports.headings import method_title
from .till_figures import CASH, HAND, Plain

_SUMMED = (Measure.PAID, Measure.REFUNDED, Measure.LOST)


@dataclass(frozen=True, slots=True)
class Table:
    """`rows`: a label, then one cell a column; `note`: below it."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def of_shift(figures: Plain, *, is_blind: bool = False) -> list[Table]:
    """All that has anything in it. `is_blind`: leave out what the cash adds up to."""
    tables = [] if is_blind else [_drawer(figures["cash"])]
    tables += [
        _methods("taken", _("Taken"), figures["taken"], is_blind),
        _methods("given", _("Given back"), figures["given"], is_blind),
        _moves(figures["moves"]),
        _online(figures["online"]),
    ]
    return [table for table in tables if table.rows]


def of_day(figures: Plain) -> list[Table]:
    tables = [
        _totals(figures["money"]),
        _money("money", _("Money of this day"), figures["money"]),
        _money("late", _("After the close of earlier days"), figures["late"]),
        _shifts(figures["shifts"]),
        _outside(figures["outside"]),
    ]
    return [table for table in tables if table.rows]


def money(minor: int, currency: str) -> str:
    return Money(minor, currency).format(get_language() or "en")


def apart(minor: int, currency: str) -> str:
    """How far a counted drawer is from what is expected."""
    if not minor:
        return _("agrees")
    words = _("%s over") if minor > 0 else _("%s short")
    return words % money(abs(minor), currency)


def moment(text: str) -> str:
    """Day and time where the business is, of a moment as the figures write it."""
    at = datetime.fromisoformat(text).astimezone(zone_of(None, business.kept()))
    return format_datetime(at, "d MMM y, HH:mm", locale=locale_of(get_language() or ""))


def day(text: str) -> str:
    on = date.fromisoformat(text)
    return format_date(on, "d MMM y", locale=locale_of(get_language() or ""))


def counted(times: int) -> str:
    return ngettext("%d time", "%d times", times) % times


def _drawer(rows: Iterable[Plain]) -> Table:
    cash = list(rows)
    lines = [
        (_("Float"), "float", 1),
        (_("Cash taken"), "taken", 1),
        (_("Cash given back"), "given", -1),
        (_("Put in"), "put_in", 1),
        (_("Taken out"), "taken_out", -1),
        (_("Expected in the drawer"), "expected", 1),
        (_("Counted"), "counted", 1),
    ]
    table = [
        [title, *(money(sign * row[name], row["currency"]) for row in cash)]
        for title, name, sign in lines
        if all(name in row for row in cash)
    ]
    if all("over" in row for row in cash):
        table.append(
            [_("Over or short"), *(apart(row["over"], row["currency"]) for row in cash)]
        )
    return Table(
        "drawer",
        _("The drawer"),
        ["", *(row["currency"] for row in cash)],
        table if cash else [],
    )


def _methods(name: str, title: str, rows: Iterable[Plain], is_blind: bool) -> Table:
    hidden = _("after the count")
    table = [
        [
            method_title(row["method"]),
            str(row["count"]),
            hidden
            if is_blind and row["method"] == CASH
            else money(row["amount"], row["currency"]),
        ]
        for row in rows
    ]
    return Table(name, title, [_("Method"), _("How many"), _("Sum")], table)


def _moves(rows: Iterable[Plain]) -> Table:
    table = [
        [
            f"{moment(row['at'])}: {row['reason']}",
            str(MoveKind(row["kind"]).label),
            money(row["amount"], row["currency"]),
        ]
        for row in rows
    ]
    columns = [_("When and what for"), _("Cash"), _("Amount")]
    return Table("moves", _("Cash put in or taken out"), columns, table)


def _online(rows: Iterable[Plain]) -> Table:
    table = [
        [
            _way(row),
            f"{row['count']} · {money(row['amount'], row['currency'])}",
            f"{row['back_count']} · {money(row['back'], row['currency'])}",
        ]
        for row in rows
    ]
    return Table(
        "online",
        _("Paid online in the same time"),
        [_("Provider"), _("Paid"), _("Given back")],
        table,
        _("For information: none of it is in the drawer."),
    )


def _money(name: str, title: str, rows: Iterable[Plain]) -> Table:
    is_late = name == "late"
    table = [
        [
            *([day(row["day"])] if is_late else []),
            _way(row),
            str(Measure(row["measure"]).label),
            str(row["count"]),
            money(row["amount"], row["currency"]),
        ]
        for row in rows
    ]
    columns = [
        *([_("Day")] if is_late else []),
        _("Method"),
        _("What"),
        _("How many"),
        _("Sum"),
    ]
    note = _(
        "What was heard of, or undone, after those days were closed. It is in no other"
        " report."
    )
    return Table(name, title, columns, table, note if is_late else "")


def _totals(rows: Iterable[Plain]) -> Table:
    """One row a currency."""
    sums: Counter[tuple[str, str]] = Counter()
    for row in rows:
        sums[row["currency"], row["measure"]] += row["amount"]
    table = [
        [code, *(money(sums[code, measure], code) for measure in _SUMMED)]
        for code in sorted({code for code, _measure in sums})
    ]
    columns = [_("Currency"), *(str(Measure(one).label) for one in _SUMMED)]
    return Table("totals", _("All together"), columns, table)


def _shifts(rows: Iterable[Plain]) -> Table:
    table = [
        [
            f"{shift['number']} · {shift['register']} · {shift['opened_by']}",
            money(row["counted"], row["currency"]),
            apart(row["over"], row["currency"]),
        ]
        for shift in rows
        for row in shift["cash"]
    ]
    return Table(
        "shifts",
        _("Shifts"),
        [_("Shift"), _("Counted"), _("Over or short")],
        table,
    )


def _outside(rows: Iterable[Plain]) -> Table:
    table = _methods("outside", "", rows, is_blind=False).rows
    return Table(
        "outside",
        _("Taken by hand in no shift"),
        [_("Method"), _("How many"), _("Sum")],
        table,
        _("Part of the money of this day. Nobody counted it with a drawer."),
    )


def _way(row: Plain) -> str:
    """Provider and method; what people take themselves needs no provider's name."""
    slug, method = row["account"], method_title(row["method"])
    if slug == HAND:
        return method
    provider = str(get_provider(slug).title) if slug in PROVIDERS else slug
    return f"{provider} · {method}"
