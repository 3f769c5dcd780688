"""`manage.py import_customers FILE`: customers out of a CSV or XLSX."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.tables import TableError

from ...services import import_files

SHOWN = 100


class Command(BaseCommand):
    help = (
        "Add customers from a CSV or XLSX file, and change those who are known by their"
        " reference, e-mail address or phone number. All rows or none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--source",
            default="",
            help="the system that the references are of, e.g. crm",
        )
        parser.add_argument(
            "--good-rows-only",
            action="store_true",
            help="leave out rows with a mistake instead of importing nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open("rb") as file:
                outcome = import_files.import_file(
                    file,
                    source=options["source"],
                    good_only=options["good_rows_only"],
                    actor=SYSTEM,
                )
        except (TableError, OSError) as exc:
            raise CommandError(str(exc)) from exc
        for one in outcome.mistakes[:SHOWN]:
            self.stderr.write(f"row {one.row}, {one.column or 'all'}: {one.message}")
        if len(outcome.mistakes) > SHOWN:
            self.stderr.write(f"… and {len(outcome.mistakes) - SHOWN} more")
        if outcome.ignored:
            self.stderr.write(f"not read: {', '.join(outcome.ignored)}")
        if not outcome.is_written:
            raise CommandError(
                f"Nothing was imported: {len(outcome.mistakes)} mistakes in"
                f" {outcome.rows} rows. Mend them, or give --good-rows-only."
            )
        self.stdout.write(f"{outcome.added} added, {outcome.changed} changed")
