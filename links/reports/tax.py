"""Tax by rate: what was paid and given back, with the tax that is in it."""

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.services.customers import zone_of

from ..models import Measure
from . import apportion, products
from .apportion import Share
from .base import Ask, Column, Report, Row
from .headings import HEADINGS, Titles
from .products import PAID, REFUNDED
from .ranged import Moved, moved

Key = int | date | None
_PREFIX = {Measure.PAID: "paid", Measure.REFUNDED: "refunded"}


def _shares(one: Moved) -> list[Share]:
    """Of its lines as receipts and credit notes say it, and what is of no line."""
    found = apportion.shares(one.lines, one.used_minor) if one.used_minor else []
    rest = one.amount_minor - one.used_minor
    return [*found, Share(None, rest, 0)] if rest else found


def _sums(ask: Ask, zone: ZoneInfo) -> Mapping[tuple[Key, str], dict[str, int]]:
    names = [name for p in _PREFIX.values() for name in (p, f"{p}_net", f"{p}_tax")]
    found: dict[tuple[Key, str], dict[str, int]] = {}
    for one in moved(ask):
        prefix = _PREFIX[Measure(one.measure)]
        month = one.day(zone).replace(day=1) if ask.by == "month" else None
        for share in _shares(one):
            key = month or share.tax_bp
            sums = found.setdefault((key, one.currency), dict.fromkeys(names, 0))
            sums[prefix] += share.total_minor
            sums[f"{prefix}_net"] += share.net_minor
            sums[f"{prefix}_tax"] += share.tax_minor
    return found


def _find(ask: Ask) -> list[Row]:
    found = _sums(ask, zone_of(None))
    keys = {key for key, _currency in found}
    titles: Titles = {key: _rate(key) for key in keys if isinstance(key, int | None)}
    if ask.by == "month":
        titles = HEADINGS["month"].name(keys)
    return [
        Row(
            *titles[key],
            currency,
            {**figures, "tax": figures["paid_tax"] - figures["refunded_tax"]},
        )
        for (key, currency), figures in sorted(found.items(), key=_order)
    ]


def _order(found: tuple[tuple[Key, str], object]) -> tuple[str, bool, str]:
    """By currency, then the highest rate or the newest month last; of no rate at last."""
    (key, currency), _figures = found
    shown = f"{key:06d}" if isinstance(key, int) else str(key)
    return currency, key is None, shown


def _rate(bp: int | None) -> tuple[str, str]:
    if bp is None:
        return "", _("At no rate: tips, surplus, money without a link")
    whole, rest = divmod(bp, 100)
    shown = f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)
    return str(bp), f"{shown}\u00a0%"


TAX = Report(
    name="tax",
    title=gettext_lazy("Tax"),
    about=gettext_lazy(
        "The tax in what was paid and given back in these days, as receipts and credit"
        " notes say it. Of a part of the amount, each rate has its share."
    ),
    by={"rate": gettext_lazy("Tax rate"), "month": HEADINGS["month"].title},
    columns=[
        Column("paid", gettext_lazy("Paid"), measure=PAID),
        Column("paid_net", gettext_lazy("Paid, net")),
        Column("paid_tax", gettext_lazy("Paid, tax")),
        Column("refunded", gettext_lazy("Given back"), measure=REFUNDED),
        Column("refunded_net", gettext_lazy("Given back, net")),
        Column("refunded_tax", gettext_lazy("Given back, tax")),
        Column("tax", gettext_lazy("Tax that is left")),
    ],
    charted=("paid_tax", "refunded_tax"),
    find=_find,
    sources=products.places,
)
