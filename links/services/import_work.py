"""The work on a file: checking every row, then making the links in one transaction.

A kill undoes whatever it falls into: a check is begun anew, and of the links there are
none or all. While links are written nobody sees any of them, so how far it is, and the
wish to stop, go over a connection of their own where the database has one.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import Error, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.crash import crash_at
from merchant_portal.lib.tables import TableError

from ..models import ImportProgress, ImportState, LinkImport
from . import import_files, imports
from .import_cells import Row
from .import_rows import Rows
from .import_writing import Writer

S = ImportState
SHOWN_PROBLEMS = 50
MOST_TRIES = 5
MAX_PROBLEM = 300
log = structlog.get_logger(__name__)


class Stopped(Exception):
    """Somebody wants no links of this file after all."""


class Changed(Exception):
    """A row that was good when it was checked is so no more."""


def work(pk: int) -> None:
    """Whatever is to be done for this import now."""
    job = LinkImport.objects.select_related("created_by").filter(pk=pk).first()
    if job is None:
        return
    with translation.override(job.language):
        if job.state == S.CHECKING:
            check(job)
        elif job.state == S.RUNNING:
            write(job)


# --- the check ------------------------------------------------------------------------


@dataclass(slots=True)
class Found:
    """What a check counts, row by row. `sums`: currency → minor units of good rows."""

    size: int = 0
    bad: int = 0
    problems: int = 0
    shown: list[list[Any]] = field(default_factory=list)  # row, column, message
    sums: Counter[str] = field(default_factory=Counter)
    new_customers: int = 0
    with_customer: int = 0
    same: int = 0
    same_rows: list[list[int]] = field(default_factory=list)  # row, the row before it

    def add(self, rows: list[Row]) -> None:
        self.size += len(rows)
        for row in rows:
            if row.problems:
                self.bad += 1
                self.problems += len(row.problems)
                room = SHOWN_PROBLEMS - len(self.shown)
                self.shown += [
                    [row.number, one.column, one.message] for one in row.problems[:room]
                ]
                continue
            if row.wanted is not None:
                self.sums[row.wanted.currency] += row.wanted.totals.amount_minor
            self.with_customer += row.customer is not None
            if row.same_as:
                self.same += 1
                if len(self.same_rows) < SHOWN_PROBLEMS:
                    self.same_rows.append([row.number, row.same_as])

    def report(self) -> dict[str, Any]:
        return {
            "problems": self.problems,
            "shown": self.shown,
            "sums": dict(self.sums),
            "new_customers": self.new_customers,
            "with_customer": self.with_customer,
            "same": self.same,
            "same_rows": self.same_rows,
        }


def check(job: LinkImport) -> None:
    """Look at every row and write down what would become of it; changes nothing else."""
    mine = LinkImport.objects.filter(pk=job.pk, state=S.CHECKING, version=job.version)
    found = Found()
    try:
        with (
            import_files.room(),
            import_files.opened(job) as file,
            Rows(job, file) as rows,
        ):
            for chunk in rows.chunks():
                found.add(chunk)
                used = {row.customer for row in chunk if not row.problems}
                found.new_customers += rows.known_again(
                    (person for key, person in rows.new.items() if key in used),
                    chunk[-1].number,
                )
                if not _tell(job, found.size) or not mine.exists():
                    return
    except (TableError, import_files.NoRoom) as exc:
        mine.update(state=S.NEW, problem=str(exc)[:MAX_PROBLEM])
        return
    mine.update(state=S.READY, size=found.size, bad=found.bad, report=found.report())


def _tell(job: LinkImport, done: int) -> bool:
    """Say how far it is; False if somebody wants it stopped."""
    return _told(ImportProgress.objects.filter(pk=job.pk), done)


def _told(progress: Any, done: int) -> bool:
    progress.update(done=done, touched_at=clock.database_now())
    return not progress.filter(is_stop_wanted=True).exists()


# --- the links ------------------------------------------------------------------------


def write(job: LinkImport) -> None:
    """Make the links of a started import, or none of them."""
    if not _try(job):
        return
    try:
        with import_files.room():
            _write_all(job.pk)
    except Stopped:
        imports.stop(job, actor=SYSTEM)
    except (Changed, IntegrityError):
        problem = _("Something changed since the file was checked. Look at it again.")
        _back(job, S.CHECKING, problem)
        queue.nudge(imports.WORK, job.pk)
    except TableError as exc:
        _back(job, S.NEW, str(exc))
    except import_files.NoRoom as exc:
        _back(job, S.READY, str(exc))


def _try(job: LinkImport) -> bool:
    """Count one try; False where somebody else writes it, or none of five went well."""
    with transaction.atomic():
        free = LinkImport.objects.select_for_update(of=("self",), skip_locked=True)
        locked = free.filter(pk=job.pk, state=S.RUNNING).first()
        if locked is None:
            return False
        if locked.tries < MOST_TRIES:
            LinkImport.objects.filter(pk=job.pk).update(tries=F("tries") + 1)
            return True
    _back(job, S.READY, _("It could not be finished. Nothing was imported; try again."))
    return False


def _back(job: LinkImport, state: ImportState, problem: str) -> None:
    """Where it can be looked at, with the reason; nothing of it was written."""
    LinkImport.objects.filter(pk=job.pk, state=S.RUNNING).update(
        state=state, problem=problem[:MAX_PROBLEM]
    )
    log.info("import_not_written", job=job.pk, state=str(state))


def _write_all(pk: int) -> None:
    with transaction.atomic(), Beacon(pk) as beacon:
        free = LinkImport.objects.select_for_update(of=("self",), skip_locked=True)
        job = free.select_related("created_by").filter(pk=pk, state=S.RUNNING).first()
        if job is None:
            return
        now = clock.now()
        writer = Writer(job, now)
        seen = 0
        with import_files.opened(job) as file, Rows(job, file) as rows:
            for chunk in rows.chunks():
                good = [row for row in chunk if not row.problems]
                if len(good) < len(chunk) and not job.is_good_only:
                    raise Changed
                writer.write(good, rows.new)
                seen += len(chunk)
                beacon.tell(seen)
                crash_at("import.after_chunk")
        job.move_to(S.DONE, made=writer.made, ended_at=now, size=seen)
        job.parts.all().delete()  # people's addresses are in it
        audit.record(
            job.created_by.public_id,
            "import.done",
            job.public_id,
            links=writer.made,
            customers=writer.new_customers,
        )
        crash_at("import.before_commit")


class Beacon:
    """Tells how far a transaction is, and hears the wish to stop, outside of it.

    SQLite has one writer: there nobody is told, and a file is written in seconds.
    """

    def __init__(self, pk: int) -> None:
        self._pk = pk
        self._outside = connection.copy() if connection.vendor == "postgresql" else None

    def __enter__(self) -> "Beacon":
        return self

    def __exit__(self, *error: object) -> None:
        if self._outside is not None:
            self._outside.close()

    def tell(self, done: int) -> None:
        """Raises Stopped where somebody wishes it."""
        if self._outside is None:
            return
        try:
            with self._outside.cursor() as cursor:
                cursor.execute(
                    "UPDATE links_importprogress SET done = %s, touched_at = now()"
                    " WHERE job_id = %s RETURNING is_stop_wanted",
                    [done, self._pk],
                )
                row = cursor.fetchone()
        except Error as exc:
            # What is only told is no reason to lose the work; the sweep may look early.
            log.warning("import_not_told", job=self._pk, problem=type(exc).__name__)
            return
        if row is not None and row[0]:
            raise Stopped
