"""Closing a shift: counted without knowing what is expected, then signed and numbered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.lib.money import MAX_MINOR
from merchant_portal.staff.models import User

from ..models import CashCount, Shift, ShiftState
from . import till, till_figures, till_signing, words
from .errors import LinkConflict, LinkError
from .till_figures import Books, Cash


class CountDiffers(LinkError):
    """The drawer does not hold what the books say, and nobody has said why yet.

    `apart`: currency → what is over, or below zero short; those that agree as well.
    """

    def __init__(self, apart: Mapping[str, int]) -> None:
        super().__init__(
            _(
                "The drawer does not agree with the books. Count once more, or say why"
                " and close."
            ),
            "note",
        )
        self.apart = dict(apart)


@dataclass(frozen=True, slots=True)
class Count:
    """What a person counted, by currency in minor units.

    `seen`: how far apart they were told that it is; a note says why of that alone.
    """

    counted: Mapping[str, int]
    note: str = ""
    seen: Mapping[str, int] = field(default_factory=dict)


def currencies(shift: Shift) -> list[str]:
    """Of which there may be cash in the drawer: all have to be counted."""
    return list(till_figures.of(shift).cash())


def close(shift: Shift, count: Count, *, user: User) -> Shift:
    """Close it, with the next number and a signature; nothing can be added afterwards.

    Raises CountDiffers, LinkError for a currency that was not counted, LinkConflict when
    it is closed already.
    """
    note = words.clean_line(count.note, "note", max_length=300)
    with transaction.atomic(), clock.one_moment():
        # Whoever books in this shift holds the same row: it is in the report, or finds
        # the shift closed.
        locked = till.lock(shift.pk)
        if not locked.is_open:
            raise LinkConflict(_("This shift was closed before."))
        books = till_figures.of(locked)
        apart = _apart(books.cash(), count.counted)
        is_explained = bool(note) and apart == dict(count.seen)
        is_closed = not any(apart.values()) or is_explained
        if is_closed:
            _close(locked, books, count.counted, note, user)
        else:
            _note_count(locked, apart, user)
    if not is_closed:
        raise CountDiffers(apart)
    shift.refresh_from_db()
    return shift


def _apart(cash: Mapping[str, Cash], counted: Mapping[str, int]) -> dict[str, int]:
    for currency in cash:
        if currency not in counted:
            raise LinkError(
                _("Count %s as well; there may be some in the drawer.") % currency,
                f"counted_{currency}",
            )
    for currency, minor in counted.items():
        if not 0 <= minor <= MAX_MINOR:
            raise LinkError(_("The amount is too large."), f"counted_{currency}")
    return {code: counted[code] - one.expected for code, one in cash.items()}


def _note_count(shift: Shift, apart: Mapping[str, int], user: User) -> None:
    """A count that did not agree is written down, so that none is made to fit unseen."""
    if shift.counts < 1000:
        shift.counts += 1
    shift.save(update_fields=["counts"])
    audit.record(user.public_id, "shift.counted", shift.public_id, apart=dict(apart))


def _close(
    shift: Shift, books: Books, counted: Mapping[str, int], note: str, user: User
) -> None:
    cash = books.cash()
    for currency, one in cash.items():
        CashCount.objects.update_or_create(
            shift=shift,
            currency=currency,
            defaults={
                "expected_minor": one.expected,
                "counted_minor": counted[currency],
            },
        )
    shift.number = till_signing.next_number(Shift)
    shift.state, shift.closed_at = ShiftState.CLOSED, clock.now()
    shift.closed_by, shift.note = user, note
    shift.counts += 1
    shift.figures = _figures(shift, books, counted)
    shift.key_version, shift.signature = till_signing.sign(shift.figures)
    shift.save()
    audit.record(
        user.public_id,
        "shift.closed",
        shift.public_id,
        number=shift.number,
        signature=shift.signature,
    )


def _figures(shift: Shift, books: Books, counted: Mapping[str, int]) -> dict[str, Any]:
    """All that its report says."""
    if shift.closed_at is None or shift.closed_by is None:
        raise ValueError("Only a closed shift has figures to keep.")
    plain = books.plain()
    for row in plain["cash"]:
        row["counted"] = counted[row["currency"]]
        row["over"] = row["counted"] - row["expected"]
    return {
        **plain,
        "number": shift.number,
        "shift": shift.public_id,
        "register": shift.register,
        "opened_by": str(shift.opened_by),
        "opened_at": shift.opened_at.isoformat(timespec="seconds"),
        "closed_by": str(shift.closed_by),
        "closed_at": shift.closed_at.isoformat(timespec="seconds"),
        "note": shift.note,
        "counts": shift.counts,
        "online": till_figures.online(shift.opened_at, shift.closed_at),
        "previous": till_signing.last_signature(Shift),
    }


def problems(shift: Shift) -> list[str]:
    """What a closed report and the books disagree about, in words; empty where nothing.

    What was paid online meanwhile is not compared: a webhook may tell of it later.
    """
    found = till_signing.problems(shift)
    kept: dict[str, Any] = shift.figures or {}
    now = till_figures.of(shift).plain()
    counts = {row.currency: row for row in shift.cash.all()}
    for row in now["cash"]:
        known = counts.get(row["currency"])
        row["counted"] = known.counted_minor if known else None
        row["over"] = (row["counted"] or 0) - row["expected"]
    said = {
        "cash": _("The cash in the tables is not what this report says."),
        "taken": _("The payments in the tables are not what this report says."),
        "given": _("The refunds in the tables are not what this report says."),
        "moves": _("Cash put in or taken out is not what this report says."),
    }
    return found + [text for name, text in said.items() if kept.get(name) != now[name]]
