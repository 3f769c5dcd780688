"""What each provider would keep of an amount, or why it is not offered, in words; and
which of them a link offers, as boxes to tick."""

from collections.abc import Collection, Sequence

from django.utils.translation import gettext as _

from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from ..services import fees, offers, totals
from ..services.fees import Outlook
from . import formats


def rows(amount: Money | None) -> list[dict[str, str]]:
    """`slug`, `title` and `text` of every provider in use; an empty text where only the
    name is known."""
    if amount is None:
        return [_row(way.slug, way.title, "") for way in offers.ways(None)]
    today = totals.business_day(clock.now())
    return [
        _row(one.way.slug, one.way.title, _text(one, amount))
        for one in fees.outlook(amount, today)
    ]


def _row(slug: str, title: str, text: str) -> dict[str, str]:
    return {"slug": slug, "title": title, "text": text}


def _text(one: Outlook, amount: Money) -> str:
    if reason := one.way.why_not(amount.currency):
        return _("not offered: %s") % reason
    net = one.net(amount)
    if one.fee is None or net is None:
        return ""
    return _("keeps about %(fee)s, %(net)s comes in") % {
        "fee": formats.money(one.fee.amount_minor, amount.currency),
        "net": formats.money(net.amount_minor, amount.currency),
    }


def boxes(amount: Money | None, chosen: Collection[str]) -> list[dict[str, object]]:
    """`rows` with `is_ticked`; `chosen`: slugs, empty means all."""
    return [
        {**row, "is_ticked": not chosen or row["slug"] in chosen}
        for row in rows(amount)
    ]


def ticked(shown: Sequence[str], chosen: Sequence[str]) -> tuple[str, ...] | None:
    """What a form's boxes mean: slugs, empty for all; None if every box was cleared.

    `shown`: those that the form had boxes for; without any it asked nothing.
    """
    if not shown:
        return ()
    wanted = tuple(slug for slug in shown if slug in chosen)
    if not wanted:
        return None
    return () if len(wanted) == len(set(shown)) else wanted


def shown_in(text: str) -> list[str]:
    """The slugs of a form's hidden field that says which boxes it had."""
    return text[:200].split()


def names(chosen: Collection[str]) -> str:
    """What a link offers, for people; all of them where nothing else was chosen."""
    if not chosen:
        return _("All providers")
    titles = {way.slug: way.title for way in offers.ways(None)}
    return ", ".join(titles.get(slug, slug) for slug in chosen)
