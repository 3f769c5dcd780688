"""Puts the triggers back, and prints what leaves the product nothing but adding."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from merchant_portal.audit import triggers


class Command(BaseCommand):
    help = "Install missing triggers; with ROLE, print the statements that bind it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "role", nargs="?", help="the role that web and workers sign in with"
        )

    def handle(self, *args: Any, role: str | None, **options: Any) -> None:
        with transaction.atomic():
            triggers.install(connection)
        if role is None:
            return
        if connection.vendor != "postgresql":
            raise CommandError("SQLite has no roles: whoever opens the file owns it.")
        name = connection.ops.quote_name(role)
        self.stdout.write(
            "-- For the role that migrates and owns the table; the other must not.\n"
            f"REVOKE ALL ON {triggers.TABLE} FROM PUBLIC, {name};\n"
            f"GRANT SELECT, INSERT ON {triggers.TABLE} TO {name};"
        )
