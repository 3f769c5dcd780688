"""Rows for people's spreadsheets: CSV that no program takes for a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BOM = "\ufeff"
# without it Excel reads UTF-8 as something else


def safe(value: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would calculate."""
    return f"'{value}" if value.lstrip(" ").startswith(_STARTS_FORMULA) else value


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """One piece of text for each row, the first with the mark of UTF-8."""
    mark = BOM
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([safe(value) for value in row])
        yield mark + line.getvalue()
        mark = ""
