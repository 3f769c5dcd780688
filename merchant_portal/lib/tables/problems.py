"""What every reader of this package may say, and how much it takes."""

from dataclasses import dataclass

MEGABYTE = 1_048_576


class TableError(ValueError):
    """A file that is not read; the message is for people and says what to do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is looked at before anything of a file is parsed, and while it is.

    `ratio`: how many times larger a packed file may become. `blank_rows`: how many empty
    ones are passed over.
    """

    bytes: int = 30 * MEGABYTE
    rows: int = 1_000_000
    columns: int = 100
    cell_characters: int = 5_000
    line_characters: int = 200_000
    members: int = 500
    unpacked_bytes: int = 300 * MEGABYTE
    shared_bytes: int = 60 * MEGABYTE
    ratio: int = 200
    blank_rows: int = 10_000


class Typed(str):
    """A cell that the spreadsheet itself holds as a number or a day, not as text: digits
    and a point, or year-month-day. How people write them does not matter for it."""

    __slots__ = ()
