"""Rows copied in a spreadsheet, as lines of the create screen."""

import csv
import re

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from merchant_portal.staff.roles import Right

from ..services import amounts
from .entry import needs

COLUMNS = ("description", "quantity", "unit_amount", "discount", "tax")
FEWER = {1: ("description",), 2: ("description", "unit_amount")}
# How rows with fewer columns are meant; of others the last ones are left out.
MAX_LENGTH = 200_000
_AROUND = re.compile(r"[^\d.,+-]+")
_GROUPED = re.compile(r"\A\d{1,3}(?:[.,]\d{3}){2,}\Z")
_DECIMAL = re.compile(r"\A(\d+)[.,](\d{1,2}|\d{4,})\Z")
_BOTH = re.compile(
    r"\A(\d{1,3}(?:,\d{3})+)\.(\d+)\Z|\A(\d{1,3}(?:\.\d{3})+),(\d+)\Z", re.ASCII
)


@require_POST
@needs(Right.LINKS_WRITE)
def view(request: HttpRequest) -> JsonResponse:
    """`text` → the cells of each line, and what to tell; stores nothing."""
    found = lines(request.POST.get("text", "")[:MAX_LENGTH])
    kept = found[: amounts.MAX_LINES]
    said = ngettext("%d line was pasted.", "%d lines were pasted.", len(kept))
    said %= len(kept)
    if len(found) > len(kept):
        said += " " + _("A link has at most %d lines.") % amounts.MAX_LINES
    return JsonResponse({"lines": kept, "said": said})


def lines(text: str) -> list[dict[str, str]]:
    """Cells by name; blank rows and a row of headings are left out.

    A figure that can be read in one way alone is written as the form wants it; any other
    stays as it is, and the form says what is wrong with it.
    """
    rows = [
        [cell.strip() for cell in row]
        for row in csv.reader(_rows(text), delimiter="\t")
    ]
    rows = [row for row in rows if any(row)]
    width = max((len(row) for row in rows), default=0)
    names = FEWER.get(width, COLUMNS[:width])
    if rows and width > 1 and not any(_has_digit(cell) for cell in rows[0][1:]):
        rows = rows[1:]
    return [_line(dict(zip(names, row, strict=False))) for row in rows]


def _rows(text: str) -> list[str]:
    """A quoted cell may go over several rows, so they keep their ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)


def _has_digit(cell: str) -> bool:
    return any(character.isdigit() for character in cell)


def _line(cells: dict[str, str]) -> dict[str, str]:
    found = {name: figure(cells.get(name, "")) for name in COLUMNS}
    return found | {"description": " ".join(cells.get("description", "").split())}


def figure(cell: str) -> str:
    """`1.234,50 €` → `1234.50`, `19 %` → `19`; what may mean two things as it is."""
    bare = _AROUND.sub("", cell)
    if match := _BOTH.match(bare):
        whole, rest = match[1] or match[3], match[2] or match[4]
        return f"{re.sub('[.,]', '', whole)}.{rest}"
    if match := _DECIMAL.match(bare):
        return f"{match[1]}.{match[2]}"
    if _GROUPED.match(bare) and len(set(re.sub(r"\d", "", bare))) == 1:
        return re.sub("[.,]", "", bare)
    return bare if bare.isdecimal() else cell
