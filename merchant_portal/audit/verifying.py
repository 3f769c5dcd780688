"""Reading the whole chain again: what was edited, removed, moved or slipped in."""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain as joined

from django.conf import settings

from . import chain
from .heads import Head
from .models import AuditEntry

PAGE = 2_000  # entries in memory at a time


@dataclass(frozen=True, slots=True)
class Finding:
    """`sequence`: the number of the entry at which it shows."""

    sequence: int
    what: str

    def __str__(self) -> str:
        return f"entry {self.sequence}: {self.what}"


@dataclass(slots=True)
class Walk:
    """How far a verification has come: `entries` read, number and hash of the last."""

    entries: int = 0
    sequence: int = 0
    hash: str = chain.GENESIS


def verify(heads: Iterable[Head], walk: Walk) -> Iterator[Finding]:
    """Everything that is wrong, in the order of the entries; memory stays constant.

    `heads`: in the order of their `sequence`; their signatures are checked already.
    """
    entry: AuditEntry | None = None
    due = iter(heads)
    head = next(due, None)
    for following in joined(_entries(), [None]):
        if entry is not None:
            yield from _check(entry, following, walk)
        while entry is not None and head and head.sequence <= walk.sequence:
            yield from _check_head(head, walk)
            head = next(due, None)
        entry = following
    while head:
        yield from _check_head(head, walk)
        head = next(due, None)


def _entries() -> Iterator[AuditEntry]:
    """All entries, a page at a time: no statement and no transaction lasts long."""
    rows = AuditEntry.objects.order_by("sequence", "pk")
    page = list(rows[:PAGE])
    while page:
        yield from page
        last = page[-1]
        page = list(
            # not only "greater": who lifts the constraint can give a number twice
            rows.filter(sequence__gte=last.sequence).exclude(
                sequence=last.sequence, pk__lte=last.pk
            )[:PAGE]
        )


def _check(
    entry: AuditEntry, following: AuditEntry | None, walk: Walk
) -> Iterator[Finding]:
    """Judge one entry by itself and by its two neighbours, and walk past it."""
    number, expected = entry.sequence, walk.sequence + 1
    next_link = following.previous_hash if following else ""
    problem = ""
    if number > expected:
        yield Finding(number, f"removed before it: {_span(expected, number)}")
    if not _has_key(entry):
        problem = f"AUDIT_KEYS holds no key {entry.key_version!r} to check it with"
    elif not _is_authentic(entry):
        problem = {entry.hash: "edited", walk.hash: "inserted"}.get(
            next_link, "edited or inserted"
        )
    elif number < expected:
        problem = "copied: its number is given twice"
    elif number == expected and entry.previous_hash != walk.hash:
        problem = "moved, copied or renumbered: it does not follow the one before it"
    if problem:
        yield Finding(number, problem)
    walk.entries += 1
    walk.sequence = number
    if problem != "inserted":  # the next one then follows the one before
        walk.hash = entry.hash


def _has_key(entry: AuditEntry) -> bool:
    return entry.key_version in settings.AUDIT_KEYS


def _is_authentic(entry: AuditEntry) -> bool:
    """Whether the product wrote it, wherever it may stand now."""
    content = chain.Content(
        entry.at, entry.actor, entry.action, entry.object_id, entry.details
    )
    try:
        wanted = chain.entry_hash(entry.previous_hash, content, entry.key_version)
    except ValueError:  # a previous_hash that is not even hex
        return False
    return hmac.compare_digest(wanted, entry.hash)


def _check_head(head: Head, walk: Walk) -> Iterator[Finding]:
    if head.sequence > walk.sequence:
        yield Finding(
            head.sequence,
            f"removed: {_span(walk.sequence + 1, head.sequence + 1)}; the head of"
            f" {head.on} names it",
        )
    elif head.sequence == walk.sequence and head.hash != walk.hash:
        yield Finding(head.sequence, f"not the entry that the head of {head.on} names")


def _span(first: int, end: int) -> str:
    return f"{first}" if end - first == 1 else f"{first} to {end - 1}"
