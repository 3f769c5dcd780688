"""Links out of a file: taking the file, saying how it is read, starting, stopping.

`import_work` checks and writes, `import_rows` says what becomes of each row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import IO

from django.db import IntegrityError, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue, tables, text
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.money import MoneyError, parse_currency
from merchant_portal.lib.tables import TableError, headings, values
from merchant_portal.staff.models import User

from ..models import ImportProgress, ImportState, LinkImport
from . import import_fields, import_files, words
from .errors import LinkConflict, LinkError
from .import_fields import Setup

S = ImportState
WORK = "links.tasks.work_import"
FORGOTTEN_AFTER = timedelta(days=7)
# How long a file that nobody imports is kept.
STALE_AFTER = timedelta(seconds=60)
# Who has not been heard of for so long works on it no more.
SHOWN_SAMPLES = 3


def take(file: IO[bytes], name: str, *, by: User) -> LinkImport:
    """Keep a file to import from; LinkError for what is none, or is too much.

    `name`: shown and used for nothing. What fits is proposed: by the headings, or as
    this person, else anybody, said of the same headings before.
    """
    try:
        with import_files.room():
            shape = tables.look(file, import_files.LIMITS)  # type: ignore[arg-type]
            first = import_files.head(file, shape)
            _insist_on_rows(first)
            sha256, size = import_files.digest(file)
    except (TableError, import_files.NoRoom) as exc:
        raise LinkError(str(exc), "file") from exc
    titles = [text.cut(title, 60) for title in first[0][1]]
    job = LinkImport(
        file_name=_shown_name(name),
        file_bytes=size,
        file_sha256=sha256,
        kind=shape.kind,
        encoding=shape.encoding,
        separator=shape.separator,
        headings=titles,
        headings_key=headings.key(titles),
        language=get_language() or "en",
        created_by=by,
        created_at=clock.now(),
    )
    job.setup = _proposed(job, first[1:]).stored()
    try:
        with transaction.atomic():
            with import_files.room():
                job.save()
                ImportProgress.objects.create(job=job, touched_at=job.created_at)
            import_files.keep(job, file)
            audit.record(by.public_id, "import.uploaded", job.public_id, bytes=size)
    except import_files.NoRoom as exc:
        raise LinkError(str(exc), "file") from exc
    return job


def _insist_on_rows(first: Sequence[object]) -> None:
    if len(first) < 2:
        raise TableError(
            _("This file needs a row of headings and at least one row below it.")
        )


def _shown_name(name: str) -> str:
    """The last part of what the browser said, harmless to look at."""
    last = name.replace("\\", "/").rpartition("/")[2].replace("\x00", "")
    kept = "".join(sign if sign.isprintable() else " " for sign in last[:300])
    try:
        return text.cut(text.clean_line(kept, 300), 60)[:100]
    except text.TextError:
        return ""


def _proposed(job: LinkImport, rows: Sequence[tuple[int, Sequence[str]]]) -> Setup:
    """As somebody said for the same headings; else by names and by how it is written."""
    same = LinkImport.objects.filter(headings_key=job.headings_key).exclude(state=S.NEW)
    known = same.filter(created_by=job.created_by).order_by("-id").first()
    known = known or same.order_by("-id").first()
    if known is not None:
        return Setup.of(known.setup)
    columns = import_fields.propose(job.headings)
    return Setup(
        columns=columns,
        style=values.style_of(_column(rows, columns, "amount", "quantity", "tax")),
        days=values.days_of(_column(rows, columns, "due_on")),
        currency=Business.objects.current().currency,
    )


def _column(
    rows: Sequence[tuple[int, Sequence[str]]], columns: Mapping[str, int], *names: str
) -> list[str]:
    places = [columns[name] for name in names if name in columns]
    return [
        cells[place]
        for _number, cells in rows
        for place in places
        if place < len(cells)
    ]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the file, with what stands first in it."""

    place: int
    heading: str
    samples: tuple[str, ...]


def columns(job: LinkImport) -> list[Column]:
    """To choose from; LinkError where the file cannot be read as it is set."""
    try:
        with import_files.opened(job) as file:
            first = import_files.head(file, import_files.shape_of(job))
            _insist_on_rows(first)
    except (TableError, import_files.NoRoom) as exc:
        raise LinkError(str(exc), "encoding") from exc
    titles, rows = first[0][1], first[1:]
    found = []
    for place, title in enumerate(titles):
        cells = [row[place] for _n, row in rows if place < len(row) and row[place]]
        samples = tuple(text.cut(cell, 40) for cell in cells[:SHOWN_SAMPLES])
        found.append(Column(place, text.cut(title, 60), samples))
    return found


def read_as(job: LinkImport, encoding: str, separator: str) -> None:
    """Read a text in another way; what its columns are is proposed anew."""
    if job.kind != tables.Kind.CSV:
        return
    if encoding not in tables.ENCODINGS or separator not in tables.SEPARATORS:
        raise LinkError(_("Choose from the list."), "encoding")
    if (encoding, separator) == (job.encoding, job.separator):
        return
    with transaction.atomic():
        locked = _locked(job)
        if locked.state not in {S.NEW, S.READY}:
            raise LinkConflict(_("It is being worked on. Wait a moment."))
        locked.encoding, locked.separator = encoding, separator
        try:
            with import_files.opened(locked) as file:
                first = import_files.head(file, import_files.shape_of(locked))
                _insist_on_rows(first)
        except (TableError, import_files.NoRoom) as exc:
            raise LinkError(str(exc), "encoding") from exc
        locked.headings = [text.cut(title, 60) for title in first[0][1]]
        locked.headings_key = headings.key(locked.headings)
        locked.setup = _proposed(locked, first[1:]).stored()
        locked.state, locked.version = S.NEW, locked.version + 1
        locked.problem = ""
        locked.save()


def set_up(job: LinkImport, setup: Setup) -> None:
    """Say what the columns are, and have every row checked; LinkError names what lacks."""
    setup = _insist(setup, len(job.headings))
    with transaction.atomic():
        locked = _locked(job)
        if not locked.move_to(
            S.CHECKING,
            setup=setup.stored(),
            version=locked.version + 1,
            problem="",
            language=get_language() or "en",
        ):
            raise LinkConflict(_("It is being worked on. Wait a moment."))
        _begin(locked)


def _begin(locked: LinkImport) -> None:
    ImportProgress.objects.filter(pk=locked.pk).update(
        done=0, is_stop_wanted=False, touched_at=clock.database_now()
    )
    queue.nudge(WORK, locked.pk)


def _insist(setup: Setup, width: int) -> Setup:
    if "amount" not in setup.columns:
        raise LinkError(_("Choose the column that holds the amounts."), "amount")
    places = list(setup.columns.values())
    if len(set(places)) != len(places) or not all(0 <= p < width for p in places):
        raise LinkError(_("A column can be only one thing."), "columns")
    if setup.style is None:
        raise LinkError(_("Choose how amounts are written in this file."), "style")
    if "due_on" in setup.columns and setup.days is None:
        raise LinkError(_("Choose how days are written in this file."), "days")
    try:
        currency = parse_currency(setup.currency)
        source = text.clean_line(setup.source, 40, max_length=40)
    except (MoneyError, text.TextError) as exc:
        field = "currency" if isinstance(exc, MoneyError) else "source"
        raise LinkError(str(exc), field) from exc
    description = words.clean_line(setup.description, "description", max_length=800)
    if "description" not in setup.columns and not description:
        raise LinkError(
            _("Say what the links are for, or choose the column that does."),
            "description",
        )
    return replace(setup, currency=currency, description=description, source=source)


def imported_before(job: LinkImport) -> list[LinkImport]:
    """Imports of the very same file, the newest first."""
    same = LinkImport.objects.filter(
        file_sha256=job.file_sha256, state__in=[S.RUNNING, S.DONE]
    )
    return list(same.exclude(pk=job.pk).select_related("created_by").order_by("-id"))


def start(
    job: LinkImport, *, good_only: bool, again: bool, version: int, actor: Actor
) -> None:
    """Have the links made. `again`: although this very file was imported before.

    `version`: of the settings whose check somebody saw. LinkConflict if they changed.
    """
    try:
        with transaction.atomic():
            locked = _locked(job)
            if locked.state != S.READY or locked.version != version:
                raise LinkConflict(_("It has changed. Look at it again."))
            if not locked.good:
                raise LinkError(_("No row of this file can be imported."), "rows")
            if locked.bad and not good_only:
                raise LinkError(
                    _("Mend the file, or choose to import the good rows only."), "rows"
                )
            before = imported_before(locked)
            if before and not again:
                raise LinkError(
                    _("This file was imported before. Tick that you mean it."), "again"
                )
            locked.move_to(
                S.RUNNING,
                is_good_only=good_only,
                repeat=1 + max((one.repeat for one in before), default=-1),
                problem="",
                tries=0,
            )
            _begin(locked)
            audit.record(actor.id, "import.started", locked.public_id, rows=locked.good)
    except IntegrityError as exc:
        raise LinkConflict(
            _("Somebody else is importing this very file at this moment.")
        ) from exc


def stop(job: LinkImport, *, actor: Actor) -> bool:
    """Make no links of it and drop the file; what is being written is undone whole.

    False where the links were made already. Asks the worker; does not wait for it.
    """
    ImportProgress.objects.filter(pk=job.pk).update(is_stop_wanted=True)
    with transaction.atomic():
        free = LinkImport.objects.select_for_update(of=("self",), skip_locked=True)
        locked = free.filter(pk=job.pk).first()
        if locked is None:  # the worker that holds it sees the wish
            audit.record(actor.id, "import.stop_asked", job.public_id)
            return True
        if not locked.move_to(S.STOPPED, ended_at=clock.now()):
            return locked.state == S.STOPPED
        locked.parts.all().delete()
        audit.record(actor.id, "import.dropped", locked.public_id)
    return True


def _locked(job: LinkImport) -> LinkImport:
    return LinkImport.objects.select_for_update(of=("self",)).get(pk=job.pk)


def due() -> list[int]:
    """Pks of those on which somebody should work and nobody does."""
    stale = clock.database_now() - STALE_AFTER
    return list(
        LinkImport.objects.filter(
            ended_at__isnull=True,
            state__in=[S.CHECKING, S.RUNNING],
            progress__touched_at__lt=stale,
        ).values_list("pk", flat=True)
    )


def forget_files() -> int:
    """Drop files that nobody imported within a week: people's addresses are in them."""
    old = LinkImport.objects.filter(
        ended_at__isnull=True,
        state__in=[S.NEW, S.READY],
        created_at__lt=clock.now() - FORGOTTEN_AFTER,
    )
    forgotten = 0
    for job in old[:20]:
        with transaction.atomic():
            if job.move_to(S.STOPPED, ended_at=clock.now()):
                job.parts.all().delete()
                forgotten += 1
    return forgotten
