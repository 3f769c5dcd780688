"""Which of the eight masks makes a QR code easiest to read, judged on integers.

ISO/IEC 18004:2015, 7.8: of the eight patterns that may be laid over the data, the one
with the fewest penalty points is taken. Segno counts module by module; here a symbol is
one number, a module a bit, and the choice is the same in a tenth of the time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import segno

MASKS: Final = 8
GAP: Final = 4
# Light modules behind each row: no run, block or finder reaches over them, and what
# lies beyond the edge counts as light.
FINDER_SIZE: Final = 7
MOST_FORMS: Final = 32
# Sizes and levels whose patterns are kept; ours are of three or four.
_DIGITS: Final = bytes.maketrans(b"\x00\x01", b"01")
_MODULES: Final = bytes.maketrans(b"01", b"\x00\x01")
Matrix = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class _Form:
    """What all symbols of one size and level share; each number is a whole symbol.

    `judged`: modules that count; format and version, which come later, do not.
    `turned`, `turned_across`: modules that another mask turns in a symbol of mask 0,
    by row and by column. `is_left`, `cells`: modules with one on their right; all.
    """

    size: int
    judged: int
    turned: tuple[int, ...]
    turned_across: tuple[int, ...]
    is_left: int
    cells: int


def best(code: segno.QRCode) -> tuple[int, Matrix]:
    """The mask for a symbol that wears mask 0, and its modules with that one."""
    form = _form(int(code.version), code.error)
    by_row = number(code.matrix)
    by_column = number(zip(*code.matrix, strict=True))
    points = [
        _points(
            (by_row ^ rows) & form.judged, (by_column ^ columns) & form.judged, form
        )
        for rows, columns in zip(form.turned, form.turned_across, strict=True)
    ]
    mask = points.index(min(points))
    return mask, _matrix(by_row ^ form.turned[mask], form.size)


def number(rows: Iterable[Iterable[int]]) -> int:
    """A symbol as one number; its lowest bit is the module at the upper left."""
    flat = bytes(GAP).join(map(bytes, rows))
    return int(flat[::-1].translate(_DIGITS), 2)


def _matrix(symbol: int, size: int) -> Matrix:
    stride = size + GAP
    bits = f"{symbol:0{stride * size}b}"[::-1].encode().translate(_MODULES)
    return [bits[start : start + size] for start in range(0, stride * size, stride)]


def _points(by_row: int, by_column: int, form: _Form) -> int:
    stride = form.size + GAP
    alike = ~(by_row ^ by_row >> 1) & form.is_left
    alike_across = ~(by_column ^ by_column >> 1) & form.is_left
    below = ~(by_row ^ by_row >> stride)
    # Two pairs of one colour, one above the other. Under the last row lies nothing.
    blocks = alike & alike >> stride & below
    dark_percent = by_row.bit_count() / form.size**2 * 100
    return (
        _runs(alike)
        + _runs(alike_across)
        + 3 * blocks.bit_count()
        + 40 * (_finders(by_row, form.cells) + _finders(by_column, form.cells))
        + 10 * int(abs(dark_percent - 50) / 5)
    )


def _runs(alike: int) -> int:
    """Points for runs of five modules of one colour and more: their length less two."""
    pairs = alike & alike >> 1
    fives = pairs & pairs >> 2
    return fives.bit_count() + 2 * (fives & ~(fives << 1)).bit_count()


def _finders(dark: int, cells: int) -> int:
    """How many 1:1:3:1:1 have four light modules before or behind them."""
    dark_pairs = dark & dark >> 1
    found = dark & ~dark >> 1 & dark_pairs >> 2 & dark >> 4 & ~dark >> 5 & dark >> 6
    if not found:
        return 0
    light_pairs = ~(dark | dark >> 1)
    quiet = light_pairs & light_pairs >> 2
    before = (quiet << GAP | (1 << GAP) - 1) & cells
    # Of the very first module too.
    counted = found & (before | quiet >> FINDER_SIZE)
    if found & (found << 4 | found << 6):
        return _apart(found, counted)
    return counted.bit_count()


def _apart(found: int, counted: int) -> int:
    """As `_finders` where some share modules: behind one that counts the next begins
    where it ends."""
    total = free_from = 0
    while found:
        lowest = found & -found
        place = lowest.bit_length() - 1
        found ^= lowest
        if place >= free_from and lowest & counted:
            total += 1
            free_from = place + FINDER_SIZE
    return total


@lru_cache(MOST_FORMS)
def _form(version: int, error: str) -> _Form:
    """Learned from eight symbols of one text, which differ by their masks alone."""
    worn = [
        segno.make("0", version=version, error=error, mask=mask, boost_error=False)
        for mask in range(MASKS)
    ]
    size = len(worn[0].matrix)
    rows = [number(code.matrix) for code in worn]
    columns = [number(zip(*code.matrix, strict=True)) for code in worn]
    places = range(size)
    return _Form(
        size=size,
        judged=number([[not _is_format(y, x, size) for x in places] for y in places]),
        turned=tuple(each ^ rows[0] for each in rows),
        turned_across=tuple(each ^ columns[0] for each in columns),
        is_left=number([[*[1] * (size - 1), 0]] * size),
        cells=number([[1] * size] * size),
    )


def _is_format(y: int, x: int, size: int) -> bool:
    """ISO/IEC 18004:2015, 7.9 and 7.10; beside the upper left finder, along the others,
    and from version 7 on two blocks of 3 by 6."""
    near, far = min(y, x), max(y, x)
    if far == 8:
        return near != 6
    if near == 8:
        return far >= size - 8
    return size >= 45 and near < 6 and size - 11 <= far < size - 8
