"""Headings of tables: compared as people mean them, whatever way they are written."""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence


def plain(heading: str) -> str:
    """Letters and digits only, without case and accents: `E-Mail:` and `email` are one."""
    split = unicodedata.normalize("NFKD", heading).casefold()
    return "".join(character for character in split if character.isalnum())


def key(headings: Sequence[str]) -> str:
    """The same for the same headings in the same order."""
    joined = "\n".join(plain(heading) for heading in headings)
    return hashlib.sha256(joined.encode()).hexdigest()


def propose(
    headings: Sequence[str], names: Mapping[str, Iterable[str]]
) -> dict[str, int]:
    """Field → column whose heading is one of its names; each column once.

    `names`: field → what its column may be called, in `plain` form or not.
    """
    columns: dict[str, int] = {}
    for place, heading in enumerate(headings):
        columns.setdefault(plain(heading), place)
    found: dict[str, int] = {}
    taken: set[int] = set()
    for field, called in names.items():
        for name in called:
            column = columns.get(plain(name))
            if column is not None and column not in taken:
                found[field] = column
                taken.add(column)
                break
    return found
