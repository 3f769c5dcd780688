"""All reports, in the order in which they are offered."""

from collections.abc import Mapping

from .banked import BANKED
from .base import Report
from .fees import FEES
from .money import MONEY
from .outstanding import OUTSTANDING
from .products import PRODUCTS
from .returned import RETURNED
from .sent import SENT
from .sources import Source, sources
from .tax import TAX
from .timing import REMINDED, TIMES

REPORTS: dict[str, Report] = {
    report.name: report
    for report in (
        MONEY,
        SENT,
        OUTSTANDING,
        PRODUCTS,
        TAX,
        FEES,
        RETURNED,
        BANKED,
        TIMES,
        REMINDED,
    )
}


def places() -> Mapping[str, Source]:
    """Measure → where its rows are, of all reports."""
    found = dict(sources())
    for report in REPORTS.values():
        found |= report.sources()
    return found


def headings() -> frozenset[str]:
    return frozenset(by for report in REPORTS.values() for by in report.by)
