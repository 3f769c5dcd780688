"""Whether the record of acts is whole; ends non-zero and says where it is not."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from merchant_portal.audit import heads, verifying
from merchant_portal.audit.heads import Head, MalformedHead

SHOWN = 50
# Who rewrote everything need not be told of every entry.


class Command(BaseCommand):
    help = "Check every audit entry, and that the chain is as long as its heads say."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--heads",
            type=Path,
            metavar="FILE",
            help="heads kept outside the database, one a line, as they were exported"
            " or mailed; those in the database are checked always",
        )

    def handle(self, *args: Any, heads: Path | None, **options: Any) -> None:
        self._wrong = 0
        known = [*self._stored(), *(self._read(heads) if heads else [])]
        known.sort(key=lambda head: (head.sequence, head.on))
        walk = verifying.Walk()
        for finding in verifying.verify(known, walk):
            self._tell(str(finding))
        if self._wrong:
            raise CommandError(f"The audit log is not whole: {self._wrong} findings.")
        self.stdout.write(
            f"{walk.entries} entries, whole and in order; {len(known)} heads agree."
        )

    def _stored(self) -> Iterator[Head]:
        yield from self._parsed("database", (each.line() for each in heads.stored()))

    def _read(self, path: Path) -> Iterator[Head]:
        try:
            with path.open() as file:
                yield from self._parsed(str(path), file)
        except (OSError, UnicodeDecodeError) as exc:
            raise CommandError(f"{path} cannot be read: {exc}") from exc

    def _parsed(self, source: str, lines: Iterator[str]) -> Iterator[Head]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield heads.parse(line)
            except MalformedHead as exc:
                self._tell(f"head {number} of {source}: {exc}")

    def _tell(self, problem: str) -> None:
        self._wrong += 1
        if self._wrong <= SHOWN:
            self.stderr.write(problem)
        elif self._wrong == SHOWN + 1:
            self.stderr.write("… and more")
