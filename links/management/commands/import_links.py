"""`manage.py import_links FILE --by EMAIL`: payment links out of a CSV or XLSX."""

from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from merchant_portal.lib import queue
from merchant_portal.lib.tables.values import Days, Style
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ...models import ImportState, LinkImport
from ...services import import_results, import_work, imports
from ...services.errors import LinkError
from ...services.import_fields import Setup

SHOWN = 100


class Command(BaseCommand):
    help = (
        "Make payment links from a CSV or XLSX file: all rows or none, and nothing is"
        " sent. Columns are known by their headings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, help="e-mail of the member of staff")
        parser.add_argument("--currency", help="of rows that say none")
        parser.add_argument("--description", help="of rows that say none")
        parser.add_argument("--source", help="system of the customers' references")
        parser.add_argument(
            "--amounts", choices=list(Style), help="how they are written"
        )
        parser.add_argument("--days", choices=list(Days), help="how they are written")
        parser.add_argument("--good-rows-only", action="store_true")
        parser.add_argument(
            "--again", action="store_true", help="although it was imported before"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        by = User.objects.filter(email__iexact=options["by"], is_active=True).first()
        if by is None or not by.may(Right.LINKS_WRITE):
            raise CommandError("Nobody with that e-mail may make payment links.")
        try:
            # This process does the work itself.
            with queue.silenced(), options["file"].open("rb") as file:
                job = imports.take(file, options["file"].name, by=by)
                self._check(job, options)
                self._write(job, options)
        except (LinkError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{job.made} links made ({job.public_id})")

    def _check(self, job: LinkImport, options: dict[str, Any]) -> None:
        said = {
            "style": Style(options["amounts"]) if options["amounts"] else None,
            "days": Days(options["days"]) if options["days"] else None,
            **{name: options[name] for name in ("currency", "description", "source")},
        }
        known = {name: value for name, value in said.items() if value}
        imports.set_up(job, replace(Setup.of(job.setup), **known))
        self._work(job)
        if job.state != ImportState.READY:
            raise CommandError(job.problem)
        if job.bad and not options["good_rows_only"]:
            self._name_mistakes(job)
            raise CommandError(
                f"Nothing was imported: {job.bad} of {job.size} rows have mistakes. Mend"
                " them, or give --good-rows-only."
            )

    def _name_mistakes(self, job: LinkImport) -> None:
        shown = 0
        for row in import_results.all_rows(job):
            for one in row.problems:
                self.stderr.write(f"row {row.number}, {one.column}: {one.message}")
                shown += 1
            if shown >= SHOWN:
                self.stderr.write("…")
                return

    def _write(self, job: LinkImport, options: dict[str, Any]) -> None:
        imports.start(
            job,
            good_only=options["good_rows_only"],
            again=options["again"],
            version=job.version,
            actor=job.created_by.actor(),
        )
        self._work(job)
        if job.state != ImportState.DONE:
            raise CommandError(job.problem or "Nothing was imported.")

    @staticmethod
    def _work(job: LinkImport) -> None:
        import_work.work(job.pk)
        job.refresh_from_db()
