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
    """How far a verification has come: `entries` read, number and hash of the last.

    `is_done`: the end of the chain was reached.
    """

    entries: int = 0
    sequence: int = 0
    hash: str = chain.GENESIS
    is_done: bool = False


def verify(
    heads: Iterable[Head], walk: Walk, *, most: int | None = None
) -> Iterator[Finding]:
    """Everything that is wrong, in the order of the entries; memory stays constant.

    `heads`: in the order of their `sequence`, from where `walk` stands; their
    signatures are checked already. `most`: stop after about so many entries, to go on
    later with the same `walk`.
    """
    stop = None if most is None else walk.entries + most
    entry: AuditEntry | None = None
    due = iter(heads)
    head = next(due, None)
    for following in joined(_entries(walk.sequence), [None]):
        if entry is not None:
            yield from _check(entry, following, walk)
        while entry is not None and head and head.sequence <= walk.sequence:
            yield from _check_head(head, walk)
            head = next(due, None)
        if stop is not None and _may_stop(following, walk, stop):
            return
        entry = following
    while head:
        yield from _check_head(head, walk)
        head = next(due, None)
    walk.is_done = True


def _may_stop(following: AuditEntry | None, walk: Walk, stop: int) -> bool:
    """Only between two numbers: whoever goes on later begins after the last one."""
    is_enough = walk.entries >= stop
    return is_enough and following is not None and following.sequence > walk.sequence


def _entries(after: int) -> Iterator[AuditEntry]:
    """All entries, a page at a time: no statement and no transaction lasts long."""
    rows = AuditEntry.objects.order_by("sequence", "pk")
    if after:
        rows = rows.filter(sequence__gt=after)
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
