import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from ...models import User
from ...roles import Role
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
            user = _waiting(email) if password is None else None
            user = user or owners.create_owner(email, options["name"], password)
        except (ValidationError, people.StaffError) as exc:
            said = exc.messages if isinstance(exc, ValidationError) else [str(exc)]
            raise CommandError(" ".join(said)) from exc
        if password is None:
            self.stderr.write("Open this within a day and set a password:")
            self.stdout.write(people.password_address(user))
        else:
            self.stdout.write(f"{user.email} is an owner.")


def _waiting(email: str) -> User | None:
    """An owner who never set a password: the address was lost, or its day is over."""
    user = User.objects.filter(email__iexact=email, role=Role.OWNER).first()
    return None if user is None or user.has_usable_password() else user
