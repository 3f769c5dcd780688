"""What was paid for: each payment spread over the lines of its link."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import LineItem, Measure
from . import apportion
from .base import Ask, Column, Report, Row, Unit, largest_first
from .ranged import Moved, moved
from .sources import Source, sources

_NAMES = {Measure.PAID: ("payments", "paid"), Measure.REFUNDED: ("refunds", "refunded")}
PAID, REFUNDED = "linepaid", "linerefunded"
REST = None
# beside the descriptions: what is of no line


class OfLines(Source):
    """Payments or refunds of which a part is of the lines meant by the key."""

    __slots__ = ()

    def under(
        self, rows: QuerySet[Any], by: str, key: str, zone: ZoneInfo
    ) -> QuerySet[Any]:
        prefix = self.link
        if by not in ("product", "rate"):
            return rows
        lines = LineItem.objects.filter(link=OuterRef(f"{prefix}id"))
        if by == "product" and key:
            return rows.filter(_of_lines(prefix), Exists(lines.filter(description=key)))
        if by == "rate" and key:
            rate = int(key) if key.isdecimal() and len(key) < 9 else -1
            return rows.filter(_of_lines(prefix), Exists(lines.filter(tax_bp=rate)))
        # Not by exclude(): of what has no link, nothing of this is true or false.
        of_lines_alone = rows.filter(_of_lines(prefix), _whole(prefix))
        return rows.exclude(pk__in=of_lines_alone.values("pk"))


def _of_lines(prefix: str) -> Q:
    """Of those some part is of the lines of its link."""
    payment = prefix.removesuffix("link__")
    says_all = Q(**{f"{prefix}is_reusable": False}) | ~Q(
        **{f"{prefix}amount_kind__in": apportion.PAYER_CHOOSES}
    )
    same = Q(**{f"{prefix}currency": F("currency")})
    over = F(f"{payment}surplus_minor") + F(f"{payment}tip_minor")
    some = Q(**{f"{payment}amount_minor__gt": over})
    found = says_all & same & some
    return found & ~Q(origin="surplus") if payment else found


def _whole(prefix: str) -> Q:
    """Of those nothing is of no line."""
    payment = prefix.removesuffix("link__")
    if payment:
        over = F(f"{payment}surplus_minor") + F(f"{payment}tip_minor")
        return Q(amount_minor__lte=F(f"{payment}amount_minor") - over)
    return Q(surplus_minor=0, tip_minor=0)


def places() -> Mapping[str, Source]:
    """Both measures, with the titles and moments of the daily sums."""
    return {
        name: OfLines(
            of.title,
            of.rows,
            of.at,
            of.amount,
            of.fee,
            of.account,
            of.method,
            of.link,
        )
        for name, of in (
            (PAID, sources()[Measure.PAID]),
            (REFUNDED, sources()[Measure.REFUNDED]),
        )
    }


def _spread(one: Moved) -> Mapping[str | None, int]:
    """Description → its part; REST: what is of no line."""
    found: dict[str | None, int] = {}
    weights = [line.net_minor + line.tax_minor for line in one.lines]
    used = one.used_minor if sum(weights) else 0
    if used:
        for line, part in zip(one.lines, apportion.parts(weights, used), strict=True):
            found[line.description] = found.get(line.description, 0) + part
    if one.amount_minor > used:
        found[REST] = one.amount_minor - used
    return found


def _find(ask: Ask) -> list[Row]:
    names = [name for both in _NAMES.values() for name in both]
    found: dict[tuple[str | None, str], dict[str, int]] = {}
    for one in moved(ask):
        count, total = _NAMES[Measure(one.measure)]
        for product, minor in _spread(one).items():
            key = product, one.currency
            figures = found.setdefault(key, dict.fromkeys(names, 0))
            figures[count] += 1
            figures[total] += minor
    rows = [
        Row(product or "", product or _("Of no line"), currency, figures)
        for (product, currency), figures in found.items()
    ]
    return largest_first(rows, "paid")


PRODUCTS = Report(
    name="products",
    title=gettext_lazy("What was paid for"),
    about=gettext_lazy(
        "Payments and refunds spread over the lines of their links, by the words of the"
        " line; of a link paid in parts each line gets its share. Tips, surplus and"
        " money without a link are of no line."
    ),
    by={"product": gettext_lazy("Line")},
    columns=[
        Column("paid", gettext_lazy("Paid"), measure=PAID),
        Column(
            "payments",
            gettext_lazy("Payments"),
            measure=PAID,
            unit=Unit.COUNT,
            adds_up=False,
        ),
        Column("refunded", gettext_lazy("Given back"), measure=REFUNDED),
        Column(
            "refunds",
            gettext_lazy("Refunds"),
            measure=REFUNDED,
            unit=Unit.COUNT,
            adds_up=False,
        ),
    ],
    charted=("paid", "refunded"),
    find=_find,
    sources=places,
)
