"""Whether closed shifts and days say what they said; ends non-zero and says where not."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from links.models import DayClose, Shift
from links.services import till_closing, till_days

CHUNK = 200
SHOWN = 50


class Command(BaseCommand):
    help = "Check the signature of every Z and day report, and the books against them."

    def handle(self, *args: Any, **options: Any) -> None:
        checked = wrong = 0
        for number, problems in self._checked():
            checked += 1
            for problem in problems:
                wrong += 1
                if wrong <= SHOWN:
                    self.stderr.write(f"{number}: {problem}")
        if wrong > SHOWN:
            self.stderr.write("… and more")
        if wrong:
            raise CommandError(
                f"The reports of the till are not whole: {wrong} findings."
            )
        self.stdout.write(f"{checked} reports, whole and in order.")

    def _checked(self) -> Iterator[tuple[str, list[str]]]:
        closed = Shift.objects.filter(number__isnull=False).order_by("number")
        for shift in closed.iterator(CHUNK):
            yield str(shift), till_closing.problems(shift)
        for made in DayClose.objects.order_by("number").iterator(CHUNK):
            yield str(made), till_days.problems(made)
