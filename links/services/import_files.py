"""The bytes of an import: kept in rows, and laid out as a file while they are read."""

import errno
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO

from django.conf import settings
from django.db import Error, transaction
from django.utils.translation import gettext as _

from merchant_portal.lib import tables
from merchant_portal.lib.tables import Limits, Shape

from ..models import ImportPart, LinkImport

PART_BYTES = 524_288
SAMPLE_ROWS = 200
# so many rows show how amounts are written
UPLOAD_BYTES = 30 * 1_048_576
# of a file that comes over the web; an operator's command takes a larger one
LIMITS = Limits(bytes=200 * 1_048_576, rows=20_000 if settings.ON_SQLITE else 1_000_000)
# The embedded database has one lock for all, held while the links are written.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EIO}


class NoRoom(Exception):
    """A disk is full: nothing was kept, and it can be tried again once there is room."""

    def __str__(self) -> str:
        return _(
            "The server has no room left for this file. Nothing was imported; try again"
            " later, or tell whoever runs it."
        )


@contextmanager
def room() -> Iterator[None]:
    """NoRoom instead of what a full disk makes Python or the database raise."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise NoRoom from exc
        raise
    except Error as exc:
        is_full = getattr(exc.__cause__, "sqlstate", "") == "53100"
        if is_full or "disk is full" in str(exc):
            raise NoRoom from exc
        raise


def digest(file: IO[bytes]) -> tuple[str, int]:
    """SHA-256 in hex, and the size."""
    found, size = hashlib.sha256(), 0
    for part in _parts(file):
        found.update(part)
        size += len(part)
    return found.hexdigest(), size


def keep(job: LinkImport, file: IO[bytes]) -> None:
    """Store the bytes of a job, one statement each half megabyte."""
    with room(), transaction.atomic():
        for position, part in enumerate(_parts(file)):
            ImportPart.objects.create(job=job, position=position, data=part)


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while part := file.read(PART_BYTES):
        yield part


@contextmanager
def opened(job: LinkImport) -> Iterator[IO[bytes]]:
    """The file again, without a name, gone with the block."""
    with room(), tempfile.TemporaryFile() as file:
        parts = job.parts.order_by("position").values_list("data", flat=True)
        for part in parts.iterator(8):
            file.write(bytes(part))
        yield file


def shape_of(job: LinkImport) -> Shape:
    return Shape(tables.Kind(job.kind), job.encoding, job.separator)


def head(file: IO[bytes], shape: Shape) -> list[tuple[int, Sequence[str]]]:
    """The headings and the first rows."""
    return list(islice(tables.rows(file, shape, LIMITS), SAMPLE_ROWS + 1))  # type: ignore[arg-type]
