"""Fees: what providers kept, and what the price lists of the others say of the same.

From the sums of each day: a share of a day's sum and the fixed part once a payment. Each
payment is not rounded for itself, so this is an estimate, and is called one.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib.rates import FULL_BP, half_up, share

from ..models import DailyTotal, FeeRate, Measure, ProviderAccount
from .base import Ask, Column, Report, Row, Unit, largest_first
from .headings import HEADINGS
from .sources import Source, sources

TITLES = {"stripe": "Stripe", "paypal": "PayPal", "square": "Square"}
# as the providers call themselves; asking their adapters would load their SDKs
_BY = ("provider", "method", "month", "week", "day")
ONLINE = "paidonline"
Rates = Mapping[tuple[str, str], list[FeeRate]]
# provider and currency → the newest first


def _with(slug: str) -> str:
    """The name of the figure: what this provider would take."""
    return f"with_{slug}"


def _rates() -> Rates:
    found: dict[tuple[str, str], list[FeeRate]] = {}
    rates = FeeRate.objects.select_related("account").order_by("-valid_from")
    for rate in rates.filter(account__slug__in=TITLES):
        found.setdefault((rate.account.slug, rate.currency), []).append(rate)
    return found


def _estimate(rates: Rates, slug: str, row: Mapping[str, Any]) -> int | None:
    """By the list of that day; None where there was none. Never more than was paid."""
    day: date = row["day"]
    minor: int = row["minor"]
    for rate in rates.get((slug, row["currency"]), ()):
        if rate.valid_from <= day:
            fee = share(minor, rate.share_bp) + rate.fixed_minor * int(row["number"])
            return min(fee, minor)
    return None


def _find(ask: Ask) -> list[Row]:
    """Three queries at most."""
    heading = HEADINGS[ask.by]
    days = DailyTotal.objects.filter(
        day__gte=ask.first, day__lte=ask.last, measure=Measure.PAID
    )
    if ask.staff_pk is not None:
        days = days.filter(staff_pk=ask.staff_pk)
    sums = days.values("day", "currency", under=heading.of).annotate(
        number=Sum("count"), minor=Sum("amount_minor"), kept=Sum("fee_minor")
    )
    rates = _rates()
    found: dict[tuple[Any, str], dict[str, int | None]] = {}
    for row in sums.filter(account_pk__in=_accounts()).order_by():
        figures = found.setdefault((row["under"], row["currency"]), _nothing())
        more = {"payments": row["number"], "paid": row["minor"], "fees": row["kept"]}
        more |= {_with(slug): _estimate(rates, slug, row) for slug in TITLES}
        for name, figure in more.items():
            figures[name] = _sum(figures[name], figure)
    titles = heading.name({under for under, _currency in found})
    rows = [
        Row(*titles[under], currency, _derived(figures))
        for (under, currency), figures in sorted(found.items(), key=lambda one: one[0])
        if figures["paid"]
    ]
    return rows if heading.is_time else largest_first(rows, "paid")


def _sum(one: int | None, other: int | None) -> int | None:
    """Of what is not known, no sum is."""
    return None if one is None or other is None else one + other


def _accounts() -> QuerySet[Any]:
    """Of those that charge: what was taken by hand costs nothing, whoever is chosen."""
    return ProviderAccount.objects.exclude(slug="manual").values("pk")


def _nothing() -> dict[str, int | None]:
    names = ("payments", "paid", "fees", *map(_with, TITLES))
    return dict.fromkeys(names, 0)


def _derived(figures: Mapping[str, int | None]) -> dict[str, int]:
    """Those that are known, with what comes of them."""
    known = {name: figure for name, figure in figures.items() if figure is not None}
    known["net"] = known["paid"] - known["fees"]
    if known["paid"] > 0:
        known["rate"] = half_up(known["fees"] * FULL_BP, known["paid"])
    listed = [known[name] for name in map(_with, TITLES) if name in known]
    if listed:
        known["saved"] = known["fees"] - min(listed)
    return known


def _sources() -> Mapping[str, Source]:
    paid = sources()[Measure.PAID]
    rows = paid.rows.exclude(account__slug="manual")
    return {ONLINE: replace(paid, rows=rows)}


FEES = Report(
    name="fees",
    title=_("Fees"),
    about=_(
        "What providers kept of the payments of these days, as far as they have told,"
        " and what others would have taken for the same payments by the price lists of"
        " their accounts. That is an estimate: a price list knows one share and one"
        " fixed part, and no cards from abroad. Money taken by hand is left out."
    ),
    by={name: HEADINGS[name].title for name in _BY},
    columns=[
        Column("paid", _("Paid"), measure=ONLINE),
        Column("payments", _("Payments"), measure=ONLINE, unit=Unit.COUNT),
        Column("fees", _("Fees")),
        Column("net", _("Net")),
        Column("rate", _("Share"), unit=Unit.SHARE, adds_up=False),
        *(
            Column(_with(slug), format_lazy(_("{provider}, estimated"), provider=title))
            for slug, title in TITLES.items()
        ),
        Column("saved", _("The cheapest would have saved"), adds_up=False),
    ],
    charted=("fees",),
    find=_find,
    sources=_sources,
)
