from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...services import keys


class Command(BaseCommand):
    help = (
        "Make an API key and print it, alone: it is shown this once. A NAME may repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            help="a right such as links:write, or * for all; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"].strip()
        if not name or len(name) > 100:
            raise CommandError("The name has between 1 and 100 characters.")
        try:
            _key, secret = keys.create(name, options["scope"])
        except keys.UnknownScope as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(secret)
