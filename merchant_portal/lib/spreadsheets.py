"""Rows for a spreadsheet: CSV as Excel and its kin open it, harmless whatever it holds."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from django.http import StreamingHttpResponse

_FORMULA = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# What begins so is computed, and may fetch or send: OWASP, "CSV injection". Some take the
# full-width forms for the same.
BYTE_ORDER_MARK = "\ufeff"
# Without it Excel takes UTF-8 for the machine's own code page.


class _Echo:
    def write(self, text: str) -> str:
        return text


def cell(value: object) -> str:
    """As text; an apostrophe in front keeps a spreadsheet from computing it. A number is
    one, below zero as well."""
    text = str(value).replace("\x00", "")
    if isinstance(value, int | Decimal):
        return text
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """One line of CSV a row, made when it is asked for."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def download(name: str, rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """An answer that is saved as a file and leaves while it is made."""
    response = StreamingHttpResponse(
        lines(rows), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response
