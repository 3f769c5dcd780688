"""Hold the books against the providers' own, here and now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from links.providers.base import ProviderError
from links.services import accounts, comparing


class Command(BaseCommand):
    help = (
        "Reads the last days' payments and refunds at every account in use, books what"
        " is missing, and says what differed. Ends with 1 if anything did."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider", help="one alone, for example stripe")
        parser.add_argument("--days", type=int, default=7, help="1 to 28; 7")

    def handle(self, *args: Any, **options: Any) -> None:
        in_use = [slug for slug in accounts.configured() if slug != "manual"]
        wanted = options["provider"]
        if wanted and wanted not in in_use:
            raise CommandError(
                f"{wanted!r} is not in use; in use: {', '.join(in_use)}."
            )
        if not 1 <= options["days"] <= 28:
            raise CommandError("--days is 1 to 28.")
        differences = 0
        for slug in [wanted] if wanted else in_use:
            differences += self._compared(slug, options["days"])
        if differences:
            raise CommandError(f"{differences} differences; see above.")

    def _compared(self, slug: str, days: int) -> int:
        try:
            result = comparing.compare(slug, days)
        except ProviderError as exc:
            self.stdout.write(f"{slug}: not compared. {exc}")
            return 1
        said = "no difference" if not result.found else ""
        self.stdout.write(f"{slug}: {result.seen} payments looked at. {said}".strip())
        for sentence in result.found:
            self.stdout.write(f"  {sentence}")
        return len(result.found)
