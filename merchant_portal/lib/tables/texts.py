"""Tables as text: which encoding, which separator, and the rows as a stream."""

import codecs
import csv
import io
from collections.abc import Generator, Iterator
from typing import BinaryIO

from django.utils.translation import gettext as _

from .problems import Limits, TableError

ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "mac-roman": "Mac Roman",
}
# What a person may choose from; with the first a byte order mark is passed over.
SEPARATORS = {",": ",", ";": ";", "\t": "Tab", "|": "|"}
CHUNK = 65_536
SAMPLE_ROWS = 30


def encoding_of(file: BinaryIO) -> str:
    """Of the whole file; TableError where it is no text.

    Other than UTF-8 and UTF-16 cannot be told apart: Windows-1252 is then a proposal.
    """
    file.seek(0)
    head = file.read(CHUNK)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _insist(file, "utf-16")
    if b"\x00" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > 4 * even and odd > len(head) / 8:
            return _insist(file, "utf-16-le")
        if even > 4 * odd and even > len(head) / 8:
            return _insist(file, "utf-16-be")
        raise _no_text()
    if _reads(file, "utf-8"):
        return "utf-8-sig"
    return _insist(file, "cp1252")


def _insist(file: BinaryIO, encoding: str) -> str:
    if not _reads(file, encoding):
        raise _no_text()
    return encoding


def _no_text() -> TableError:
    return TableError(
        _("This file holds no table. Save yours as CSV or XLSX and choose that.")
    )


def _reads(file: BinaryIO, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while chunk := file.read(CHUNK):
            if "\x00" in decoder.decode(chunk):
                return False
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def separator_of(file: BinaryIO, encoding: str) -> str:
    """The one that makes the most columns which every one of the first rows has."""
    best, found = (False, 1), ","
    for separator in SEPARATORS:
        widths = _widths(file, encoding, separator)
        if not widths:
            continue
        seen = (len(set(widths)) == 1 and widths[0] > 1, max(widths[0], 1))
        if seen > best:
            best, found = seen, separator
    return found


def _widths(file: BinaryIO, encoding: str, separator: str) -> list[int]:
    widths: list[int] = []
    try:
        for cells in rows(file, encoding, separator, Limits()):
            if any(cells):
                widths.append(len(cells))
            if len(widths) == SAMPLE_ROWS:
                break
    except TableError:
        pass  # not by this separator; what is wrong is said when the file is read
    return widths


def rows(
    file: BinaryIO, encoding: str, separator: str, limits: Limits
) -> Generator[list[str]]:
    """The cells of each record, trimmed; a quoted cell may hold line ends."""
    file.seek(0)
    stream = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield from _records(stream, separator, limits)
    except UnicodeError as exc:
        raise TableError(
            _("This file is not written in %s. Choose another encoding.")
            % ENCODINGS.get(encoding, encoding)
        ) from exc
    finally:
        if not file.closed:
            stream.detach()  # the file stays its owner's to close


def _records(
    stream: io.TextIOWrapper, separator: str, limits: Limits
) -> Iterator[list[str]]:
    reader = csv.reader(_lines(stream, limits), delimiter=separator, strict=True)
    try:
        for record in reader:
            yield [cell.strip() for cell in record]
    except csv.Error as exc:
        raise TableError(
            _("Line %d cannot be read: a quotation mark opens or closes out of place.")
            % reader.line_num
        ) from exc


def _lines(stream: io.TextIOWrapper, limits: Limits) -> Iterator[str]:
    while line := stream.readline(limits.line_characters + 1):
        if len(line) > limits.line_characters:
            raise TableError(_("This file has a line that is too long to read."))
        yield line
