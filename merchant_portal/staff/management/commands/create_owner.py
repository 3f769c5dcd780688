import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from ...services import owners, people


class Command(BaseCommand):
    help = (
        "Add an owner. Prints a one-time address, good for a day, where they set their"
        " password; or takes the password from standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="")
        parser.add_argument(
            "--password-from-stdin",
            action="store_true",
            help="read the password from the first line of standard input",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        email: str = options["email"].strip()
        password: str | None = None
        if options["password_from_stdin"]:
            password = sys.stdin.readline().rstrip("\r\n")
        try:
            validate_email(email)
            user = owners.create_owner(email, options["name"], password)
        except (ValidationError, people.StaffError) as exc:
            said = exc.messages if isinstance(exc, ValidationError) else [str(exc)]
            raise CommandError(" ".join(said)) from exc
        if password is None:
            self.stdout.write(people.password_address(user))
        else:
            self.stdout.write(f"{user.email} is an owner.")
