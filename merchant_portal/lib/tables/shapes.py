"""What kind of table some bytes are, and its rows."""

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from django.utils.translation import gettext as _

from . import texts, workbooks
from .problems import Limits, TableError

__all__ = ["ENCODINGS", "SEPARATORS", "Kind", "Limits", "Shape", "TableError"]
ENCODINGS = texts.ENCODINGS
SEPARATORS = texts.SEPARATORS
_ZIP = b"PK\x03\x04"
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "XLS",
    b"%PDF": "PDF",
    b"\x1f\x8b": "GZIP",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7Z",
    b"MZ": "EXE",
    b"\x7fELF": "ELF",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
}
DEFAULT = Limits()


class Kind(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Shape:
    """How to read a file. `encoding`, `separator`: of a text, empty for a workbook."""

    kind: Kind
    encoding: str = ""
    separator: str = ""


def look(file: BinaryIO, limits: Limits = DEFAULT) -> Shape:
    """What these bytes are, from nothing but themselves; TableError for anything else."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size == 0:
        raise TableError(_("This file is empty."))
    if size > limits.bytes:
        raise TableError(
            _("This file is too large: at most %d MB. Split it in two.")
            % (limits.bytes // 1_048_576)
        )
    head = file.read(8)
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise TableError(
                _("This is a %s file. Save the table as CSV or XLSX and choose that.")
                % name
            )
    if head.startswith(_ZIP):
        workbooks.check(file, limits)
        return Shape(Kind.XLSX)
    encoding = texts.encoding_of(file)
    return Shape(Kind.CSV, encoding, texts.separator_of(file, encoding))


def rows(
    file: BinaryIO, shape: Shape, limits: Limits = DEFAULT
) -> Generator[tuple[int, Sequence[str]]]:
    """Number and cells of each row that is not blank, numbered as a spreadsheet does.

    Raises TableError where the file cannot be read on, or holds more than `limits`.
    """
    if shape.kind is Kind.XLSX:
        found = workbooks.rows(file, limits)
    else:
        found = texts.rows(file, shape.encoding, shape.separator, limits)
    with closing(found):  # while the file is open, also where somebody stops early
        yield from _within(found, limits)


def _within(
    found: Iterator[list[str]], limits: Limits
) -> Iterator[tuple[int, Sequence[str]]]:
    count = blank = 0
    for number, cells in enumerate(found, start=1):
        if not any(cells):
            blank += 1
            if blank > limits.blank_rows:
                raise TableError(_("This file holds too many empty rows. Delete them."))
            continue
        count += 1
        if count > limits.rows + 1:
            raise TableError(
                _("This file has too many rows: at most %d at once. Split it.")
                % limits.rows
            )
        _check_row(number, cells, limits)
        yield number, cells


def _check_row(number: int, cells: list[str], limits: Limits) -> None:
    if len(cells) > limits.columns:
        raise TableError(
            _("Row %(row)d has too many columns: at most %(most)d.")
            % {"row": number, "most": limits.columns}
        )
    if max(map(len, cells)) > limits.cell_characters:
        raise TableError(
            _("A cell of row %(row)d is too long: at most %(most)d characters.")
            % {"row": number, "most": limits.cell_characters}
        )
