"""The PDFs of closed shifts and days, drawn from what was kept when they were closed."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from merchant_portal.business import services as business

from ..documents import till_report
from ..documents.parts import Row
from ..documents.till_report import Section, TillReport
from ..models import DayClose, Shift
from . import till_words
from .till_words import Table

GROUP = 8
# letters of a signature between two spaces, so that people can compare it


def of_shift(shift: Shift) -> bytes:
    """Of a closed one; again it gives the same bytes."""
    figures, at = shift.figures or {}, shift.closed_at
    facts = [
        (_("Number"), figures["number"]),
        (_("Till"), figures["register"]),
        (_("Opened"), till_words.moment(figures["opened_at"])),
        (_("Opened by"), figures["opened_by"]),
        (_("Closed"), till_words.moment(figures["closed_at"])),
        (_("Closed by"), figures["closed_by"]),
        (_("Counted"), till_words.counted(figures["counts"])),
    ]
    note = [_("Note: %s") % figures["note"]] if figures["note"] else []
    tables = till_words.of_shift(figures)
    return _pdf(_("Z report"), facts, tables, note, shift, at or shift.opened_at)


def of_day(made: DayClose) -> bytes:
    figures = made.figures or {}
    facts = [
        (_("Number"), figures["number"]),
        (_("Day"), till_words.day(figures["day"])),
        (_("Closed"), till_words.moment(figures["closed_at"])),
        (_("Closed by"), figures["closed_by"]),
    ]
    tables = till_words.of_day(figures)
    note = [] if tables else [_("Nothing happened on this day.")]
    return _pdf(_("Day report"), facts, tables, note, made, made.closed_at)


def signature(report: Shift | DayClose) -> str:
    """In groups, for people."""
    text = report.signature
    return " ".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))


def _pdf(
    title: str,
    facts: Sequence[Row],
    tables: Sequence[Table],
    note: Sequence[str],
    report: Shift | DayClose,
    at: datetime,
) -> bytes:
    closing = [
        *note,
        _("Signature (key %(version)s): %(signature)s")
        % {"version": report.key_version, "signature": signature(report)},
    ]
    sections = [Section(one.title, one.columns, one.rows, one.note) for one in tables]
    return till_report.pdf(
        TillReport(
            title, report.number or "", facts, sections, closing, business.kept()
        ),
        at,
    )
