"""What is shown of an import: its first rows, its mistakes, the links that came of it."""

from collections.abc import Iterator

from ..models import LinkImport, PaymentLink
from . import import_files, pages
from .import_cells import Row
from .import_rows import Rows

SHOWN_ROWS = 10
CHUNK = 500


def first_rows(job: LinkImport) -> list[Row]:
    """As they would become links now."""
    with import_files.opened(job) as file, Rows(job, file) as rows:
        return next(rows.chunks(SHOWN_ROWS), [])


def all_rows(job: LinkImport) -> Iterator[Row]:
    with import_files.opened(job) as file, Rows(job, file) as rows:
        for chunk in rows.chunks():
            yield from chunk


def links_of(job: LinkImport) -> Iterator[tuple[PaymentLink, str]]:
    """Each link with its address, in the order of the rows; some hundred at a time."""
    after = 0
    made = job.links.select_related("customer").order_by("import_row")
    while found := list(made.filter(import_row__gt=after)[:CHUNK]):
        yield from ((link, pages.url_of(link)) for link in found)
        after = found[-1].import_row or 0
