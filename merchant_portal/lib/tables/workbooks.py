"""Tables as XLSX: looked over as a packed file before a parser sees any of it."""

import io
import zipfile
import zlib
from collections.abc import Generator
from datetime import date, datetime, time
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml.common import DefusedXmlException
from django.utils.translation import gettext as _
from openpyxl.utils.exceptions import InvalidFileException

from .problems import Limits, TableError, Typed

CHUNK = 65_536
_NEEDED = {"[Content_Types].xml", "xl/workbook.xml"}
_SHARED = "xl/sharedStrings.xml"
# Programs, what is fetched from elsewhere, and other files inside: none is a table.
_REFUSED = (
    "vbaproject",
    "externallinks/",
    "embeddings/",
    "activex/",
    "connections.xml",
)
_DECLARATIONS = tuple(
    word.encode(encoding)
    for word in ("<!DOCTYPE", "<!ENTITY")
    for encoding in ("utf-8", "utf-16-le", "utf-16-be")
)
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    DefusedXmlException,
    ParseError,
    NotImplementedError,  # a packing that nobody uses
    RuntimeError,  # a password
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
)
# What openpyxl and zipfile raise for a file that is none, or was tampered with.


def check(file: BinaryIO, limits: Limits) -> None:
    """Refuse by TableError what is no plain workbook, or would unpack to too much."""
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as packed:
            members = packed.infolist()
            _check_members(members, limits)
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    _check_declarations(packed, member)
    except _BROKEN as exc:
        if isinstance(exc, TableError):
            raise
        raise _broken() from exc


def _check_members(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    names = {member.filename for member in members}
    if not names >= _NEEDED:
        raise TableError(_("This is a packed file, but no XLSX. Unpack it first."))
    lower = [name.lower() for name in names]
    if any(part in name for name in lower for part in _REFUSED):
        raise TableError(
            _("This workbook holds macros, or fetches from elsewhere. Save it as CSV.")
        )
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members) or 1
    shared = sum(m.file_size for m in members if m.filename == _SHARED)
    if (
        len(members) > limits.members
        or unpacked > limits.unpacked_bytes
        or shared > limits.shared_bytes
        or unpacked / packed > limits.ratio
    ):
        raise TableError(_("This workbook unpacks to far too much. Save it as CSV."))


def _check_declarations(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    longest = max(map(len, _DECLARATIONS))
    tail = b""
    with packed.open(member) as part:
        while chunk := part.read(CHUNK):
            window = tail + chunk
            if any(word in window for word in _DECLARATIONS):
                raise TableError(
                    _("This workbook was not written by a spreadsheet. Save it as CSV.")
                )
            tail = window[-longest:]


def rows(file: BinaryIO, limits: Limits) -> Generator[list[str]]:
    """The cells of each row of the first sheet, as text; formulas by their last value."""
    check(file, limits)
    file.seek(0)
    try:
        # A view of its own: openpyxl closes what it is given.
        book = openpyxl.load_workbook(
            _Unclosed(file), read_only=True, data_only=True, keep_links=False
        )
        if not book.worksheets:
            raise TableError(_("This workbook has no sheet with a table."))
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        for cells in sheet.iter_rows(values_only=True):
            yield [_text(cell) for cell in _without_empty_end(cells)]
    except _BROKEN as exc:
        if isinstance(exc, TableError):
            raise
        raise _broken() from exc


class _Unclosed(io.RawIOBase):
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _broken() -> TableError:
    return TableError(_("This workbook is damaged. Save it anew, or as CSV."))


def _without_empty_end(cells: tuple[Any, ...]) -> tuple[Any, ...]:
    end = len(cells)
    while end and cells[end - 1] is None:
        end -= 1
    return cells[:end]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int):
        return Typed(cell)
    if isinstance(cell, float):
        # 15 digits, as the spreadsheet shows them: 0.1 + 0.2 is 0.3 there.
        return Typed(f"{cell:.15g}")
    if isinstance(cell, datetime):
        is_day = cell.time() == time(0)
        return Typed(cell.date().isoformat() if is_day else cell.isoformat(" "))
    if isinstance(cell, date):
        return Typed(cell.isoformat())
    return str(cell).strip()
