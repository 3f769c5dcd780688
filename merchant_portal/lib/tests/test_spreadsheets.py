"""Files of tables: what is a number is one, nothing is computed, memory stays flat."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from merchant_portal.lib import spreadsheets, workbooks
from merchant_portal.lib.money import Money
from merchant_portal.lib.spreadsheets import Format

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "#REF!"]
AT = datetime(2026, 3, 10, 23, 30, 5, tzinfo=UTC)
HEAD = ["What", "How much", "Why"]


def read(*row: object) -> list[Any]:
    """Its cells, as they are read again."""
    file = spreadsheets.pack(
        [HEAD[: len(row)], row], Format.XLSX, ZoneInfo("Europe/Berlin")
    )
    sheet = load_workbook(io.BytesIO(file)).active
    assert sheet is not None
    (cells,) = list(sheet.iter_rows(min_row=2))
    return list(cells)


@pytest.mark.parametrize(
    ("value", "csv", "number", "shape"),
    [
        (Money(1250, "EUR"), "12.50", 12.5, "#,##0.00\\ [$EUR]"),
        (Money(-5, "JPY"), "-5", -5, "#,##0\\ [$JPY]"),
        (Money(1, "KWD"), "0.001", 0.001, "#,##0.000\\ [$KWD]"),
        (7, "7", 7, "0"),
        (Decimal("12.5"), "12.5", 12.5, "General"),
        (date(2026, 3, 10), "2026-03-10", datetime(2026, 3, 10), "yyyy-mm-dd"),  # noqa: DTZ001
        (
            AT,
            "2026-03-10T23:30:05+00:00",
            datetime(2026, 3, 11, 0, 30, 5),  # noqa: DTZ001 - as its cell has it
            "yyyy-mm-dd hh:mm:ss",
        ),
    ],
)
def test_numbers_amounts_and_moments_are_what_they_are(
    value: object, csv: str, number: object, shape: str
) -> None:
    (cell,) = read(value)

    assert spreadsheets.cell(value) == csv
    assert (cell.value, cell.number_format) == (number, shape)


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_is_a_formula(evil: str) -> None:
    (cell,) = read(evil)

    assert (cell.data_type, cell.value) == ("s", evil)
    file = spreadsheets.pack([HEAD, [evil]], Format.XLSX)
    sheet = zipfile.ZipFile(io.BytesIO(file)).read("xl/worksheets/sheet1.xml")
    assert b"<f" not in sheet.replace(b"<formula", b"")


def test_what_no_cell_can_hold_is_left_out_or_text() -> None:
    text, number, empty = read("a\x00b\x1f", 10**16, None)

    assert text.value == "ab"
    assert number.value == "10000000000000000"
    assert empty.value is None


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workbooks, "MOST_ROWS", 4)
    rows: list[Sequence[object]] = [HEAD]
    rows += [[str(number), number] for number in range(7)]

    book = load_workbook(io.BytesIO(spreadsheets.pack(rows, Format.XLSX)))

    found = [[row[0] for row in sheet.values] for sheet in book.worksheets]
    assert found == [["What", "0", "1", "2"], ["What", "3", "4", "5"], ["What", "6"]]


def test_memory_does_not_grow_with_the_rows() -> None:
    def rows(count: int) -> Iterator[Sequence[object]]:
        yield HEAD
        for number in range(count):
            yield [f"Row {number} of a long table", Money(number, "EUR")]

    def peak(count: int) -> int:
        tracemalloc.start()
        spreadsheets.workbook(rows(count)).close()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(4000) < peak(400) + 200_000
