"""Find the sums per day anew from payments, refunds, disputes and links."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from links.services import rebuilding
from links.services.rebuilding import Difference
from merchant_portal.lib.money import Money


class Command(BaseCommand):
    help = (
        "Adds up anew what reports show by day and corrects what differs. Run it after"
        " changing the business's time zone; at any other time it should change nothing."
        " Safe while the product is in use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what differs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        is_dry = options["dry_run"]
        count = 0
        for difference in rebuilding.rebuild(is_dry=is_dry):
            count += 1
            self.stdout.write(_said(difference))
        if not count:
            self.stdout.write("The sums are right; nothing was changed.")
        elif is_dry:
            self.stdout.write(f"{count} differ; nothing was changed.")
        else:
            self.stdout.write(f"{count} corrected.")


def _said(one: Difference) -> str:
    heading = one.heading
    kept, found = (
        f"{Money(sums[1], heading.currency).format('en')} ({sums[0]})"
        for sums in (one.kept, one.found)
    )
    return f"{heading.day} {heading.measure} {heading.method}: {kept} → {found}"
