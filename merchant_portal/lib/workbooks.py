"""XLSX, row by row through a temporary file: as much memory for a million rows as for ten."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import chain, islice
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from .money import EXPONENTS, Money

MOST_ROWS = 1_048_576
# of one sheet, as Excel has it; what is more goes on in another
MOST_DIGITS = 10**15
# a number with more is rounded by Excel, so it is written as text
MOST_CHARACTERS = 32_767
WIDTH = 18
DAY, MOMENT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"


def write(rows: Iterable[Sequence[object]], zone: tzinfo) -> BinaryIO:
    """A file at its beginning, gone when it is closed."""
    book = Workbook(write_only=True)
    left = iter(rows)
    head = list(next(left, ()))
    first: Sequence[object] | None = next(left, None)
    while True:
        sheet = book.create_sheet()
        sheet.freeze_panes = "A2"
        for place in range(len(head)):
            sheet.column_dimensions[get_column_letter(place + 1)].width = WIDTH
        sheet.append([_heading(sheet, value) for value in head])
        for row in _next_sheet(first, left):
            sheet.append([_cell(sheet, value, zone) for value in row])
        first = next(left, None)
        if first is None:
            break
    file: BinaryIO = TemporaryFile()  # noqa: SIM115 - the caller's
    book.save(file)
    file.seek(0)
    return file


def _next_sheet(
    first: Sequence[object] | None, left: Iterator[Sequence[object]]
) -> Iterator[Sequence[object]]:
    if first is None:
        return iter(())
    return islice(chain([first], left), MOST_ROWS - 1)


def _heading(sheet: Any, value: object) -> Any:
    cell = _text(sheet, str(value))
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: Any, value: object, zone: tzinfo) -> Any:
    """Numbers, amounts and days as what they are, anything else as text."""
    if value is None or value == "":
        return None
    if isinstance(value, Money):
        shape = "#,##0" + ("." + "0" * EXPONENTS[value.currency]).rstrip(".")
        return _number(sheet, value.decimal, f"{shape}\\ [${value.currency}]")
    if isinstance(value, bool):
        return _text(sheet, str(value))
    if isinstance(value, int):
        return _number(sheet, value, "0")
    if isinstance(value, Decimal):
        return _number(sheet, value, "General")
    if isinstance(value, datetime):
        return _formatted(sheet, value.astimezone(zone).replace(tzinfo=None), MOMENT)
    if isinstance(value, date):
        return _formatted(sheet, value, DAY)
    return _text(sheet, str(value))


def _number(sheet: Any, value: int | Decimal, shape: str) -> Any:
    if not -MOST_DIGITS < value < MOST_DIGITS:
        return _text(sheet, str(value))
    return _formatted(sheet, value, shape)


def _formatted(sheet: Any, value: Any, shape: str) -> Any:
    cell = WriteOnlyCell(sheet, value=value)
    cell.number_format = shape
    return cell


def _text(sheet: Any, value: str) -> Any:
    """Never a formula: its type says text, and editing it does not change that."""
    cell = WriteOnlyCell(sheet)
    text = ILLEGAL_CHARACTERS_RE.sub("", value)[:MOST_CHARACTERS]
    cell.value = text
    if cell.data_type != "s":
        cell.data_type = "s"
        cell.quotePrefix = True
    return cell
