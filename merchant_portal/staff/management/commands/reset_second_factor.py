from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchant_portal.lib.actors import SYSTEM

from ...models import User
from ...services import people


class Command(BaseCommand):
    help = "For a lost phone: let EMAIL set up two-factor sign-in anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"].strip()).first()
        if user is None:
            raise CommandError("Nobody with this address works here.")
        if not people.remove_second_factor(user, actor=SYSTEM):
            raise CommandError("Two-factor sign-in is not set up for this account.")
        self.stdout.write(f"{user.email} sets it up anew at the next sign-in.")
