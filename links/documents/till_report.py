"""A report of the till: a closed shift, or a closed day. Its words come from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import translation

from merchant_portal.business.models import Business

from . import paper, parts
from .parts import Legal, Party, Row


@dataclass(frozen=True, slots=True)
class Section:
    """A table. `lines`: a label, then one text for each other column."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    note: str


@dataclass(frozen=True, slots=True)
class TillReport:
    """`closing`: paragraphs at the end, the signature among them."""

    title: str
    number: str
    facts: Sequence[Row]
    sections: Sequence[Section]
    closing: Sequence[str]
    business: Business


def pdf(report: TillReport, at: datetime) -> bytes:
    """In the active language. The same report and time give the same bytes."""
    language = translation.get_language() or "en"
    data: dict[str, Any] = {
        **parts.sheet(
            report.business,
            Party(),
            language,
            title=report.title,
            number=report.number,
            facts=report.facts,
            legal=Legal(),
        ),
        "sections": [
            {
                "title": one.title,
                "columns": list(one.columns),
                "lines": [list(line) for line in one.lines],
                "note": one.note,
            }
            for one in report.sections
        ],
        "closing": list(report.closing),
    }
    return paper.pdf(paper.SHEET, data, at)
