"""Tables as files, CSV or XLSX: harmless whatever they hold, and never whole in memory.

A row holds text, counts (int), amounts (Money), other numbers (Decimal), days and
moments; the first row is the headings.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import BinaryIO

from django.http import FileResponse, StreamingHttpResponse

from . import workbooks
from .money import EXPONENTS, Money

Rows = Iterable[Sequence[object]]
_FORMULA = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# What begins so is computed, and may fetch or send: OWASP, "CSV injection". Some take the
# full-width forms for the same.
BYTE_ORDER_MARK = "\ufeff"
# Without it Excel takes UTF-8 for the machine's own code page.


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


MEDIA_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class _Echo:
    def write(self, text: str) -> str:
        return text


def cell(value: object) -> str:
    """As text; an apostrophe in front keeps a spreadsheet from computing it. A number is
    one, below zero as well; an amount is in major units with a point."""
    if isinstance(value, Money):
        return f"{value.decimal:.{EXPONENTS[value.currency]}f}"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = "" if value is None else str(value).replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def lines(rows: Rows) -> Iterator[str]:
    """One line of CSV a row, made when it is asked for."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def workbook(rows: Rows, zone: tzinfo = UTC) -> BinaryIO:
    """The same as XLSX, in a temporary file; moments as clocks in `zone` show them."""
    return workbooks.write(rows, zone)


def pack(rows: Rows, kind: Format, zone: tzinfo = UTC) -> bytes:
    """The whole file, to be attached to a mail."""
    if kind == Format.CSV:
        return "".join(lines(rows)).encode()
    with workbook(rows, zone) as file:
        return file.read()


def download(
    name: str, rows: Rows, kind: Format = Format.CSV, zone: tzinfo = UTC
) -> StreamingHttpResponse:
    """An answer that is saved as a file and leaves piece by piece."""
    response = (
        StreamingHttpResponse(lines(rows))
        if kind == Format.CSV
        else FileResponse(workbook(rows, zone))
    )
    response["Content-Type"] = MEDIA_TYPES[kind]
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    response["Cache-Control"] = "private, no-store"
    return response
