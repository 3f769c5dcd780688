"""The rows of a file as they would become links, some hundred at a time.

The check, the preview, the list of mistakes and the writing all go through here, so that
none of them says what another does not do.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from types import TracebackType
from typing import IO, Self

from django.utils.translation import gettext as _

from customers.services import importing
from customers.services.importing import Person
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, tables
from merchant_portal.lib.tables.seen import Seen

from ..models import LinkImport, PaymentLink
from . import import_files
from .import_cells import Cells, Row
from .import_fields import Setup

CHUNK = 500
Raw = tuple[int, Sequence[str]]


class Rows:
    """The rows of one file; open while they are read."""

    def __init__(self, job: LinkImport, file: IO[bytes]) -> None:
        self._setup = Setup.of(job.setup)
        business = Business.objects.current()
        self._cells = Cells(self._setup, business, clock.now())
        self._found = tables.rows(
            file,  # type: ignore[arg-type]
            import_files.shape_of(job),
            import_files.LIMITS,
        )
        self._raw = islice(self._found, 1, None)  # behind the headings
        self._seen = Seen()
        self.new: dict[int, Person] = {}
        # of the chunk given last: negative key → customer to come

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._found.close()  # before its file is
        self._seen.__exit__(kind, error, trace)

    def chunks(self, size: int = CHUNK) -> Iterator[list[Row]]:
        while some := list(islice(self._raw, size)):
            yield self._chunk(some)

    def known_again(self, people: Iterable[Person], number: int) -> int:
        """How many of these customers to come nobody met before in this file."""
        marks = [person.mark for person in people]
        named = {f"who:{mark}": number for mark in marks if mark}
        before = self._seen.note(named)
        fresh = sum(before[mark] == number for mark in named)
        return fresh + sum(not mark for mark in marks)

    def _chunk(self, some: list[Raw]) -> list[Row]:
        rows, prints = [], {}
        for number, cells in some:
            texts = self._cells.texts(cells)
            row = self._cells.read(number, texts)
            rows.append(row)
            said = "\x1f".join(texts.values()).encode("utf-8", "replace")
            prints[number] = blake2b(said, digest_size=16).hexdigest()
        self._find_same(rows, prints)
        self._find_references(rows)
        self._find_customers(rows)
        return rows

    def _find_same(self, rows: list[Row], prints: dict[int, str]) -> None:
        first: dict[str, int] = {}
        for number, found in prints.items():
            first.setdefault(f"row:{found}", number)
        met = self._seen.note(first)
        for row in rows:
            before = met[f"row:{prints[row.number]}"]
            row.same_as = before if before != row.number else 0

    def _find_references(self, rows: list[Row]) -> None:
        """Each belongs to one link: of this file, and of all there are."""
        mine = {
            row: row.wanted.reference
            for row in _good(rows)
            if row.wanted and row.wanted.reference
        }
        if not mine:
            return
        first: dict[str, int] = {}
        for row, reference in mine.items():
            first.setdefault(f"ref:{reference}", row.number)
        met = self._seen.note(first)
        taken = set(
            PaymentLink.objects.filter(external_ref__in=set(mine.values())).values_list(
                "external_ref", flat=True
            )
        )
        for row, reference in mine.items():
            before = met[f"ref:{reference}"]
            if before != row.number:
                row.refuse(
                    "reference", _("Row %d has the same reference already.") % before
                )
            elif reference in taken:
                row.refuse("reference", _("A link has this reference already."))

    def _find_customers(self, rows: list[Row]) -> None:
        asked = [row for row in _good(rows) if row.person is not None]
        placed = importing.place(
            [row.person for row in asked if row.person is not None],
            self._setup.source,
        )
        self.new = placed.new
        for row, key in zip(asked, placed.keys, strict=True):
            if key is None:
                row.refuse(
                    "email" if row.person and row.person.email else "phone",
                    _("Several customers have this address. Give their reference."),
                )
            row.customer = key


def _good(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not row.problems]
