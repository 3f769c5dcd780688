"""All reports, in the order in which they are offered."""

from .base import Report
from .money import MONEY
from .sent import SENT

REPORTS: dict[str, Report] = {report.name: report for report in (MONEY, SENT)}
