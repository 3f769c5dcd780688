"""Fill an empty database with a sample business, one sign-in per role and an API key."""

import json
import os
import secrets
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from customers.models import Customer
from links.models import FeeRate
from links.providers.training import FEE_BP, FEE_MINOR
from links.sample import till, today
from links.services import accounts
from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys

# Short, easy to spell, told apart at a glance.
# fmt: off
WORDS = [
    "amber", "anchor", "apple", "arrow", "autumn", "bamboo", "basket", "beacon",
    "birch", "bridge", "bright", "canyon", "cedar", "cherry", "cloud", "clover",
    "copper", "coral", "cotton", "crane", "dawn", "desert", "ember", "falcon",
    "feather", "fern", "forest", "garden", "ginger", "glacier", "harbor", "hazel",
    "heron", "honey", "indigo", "island", "ivory", "jasmine", "juniper", "kettle",
    "lagoon", "lantern", "laurel", "lemon", "lilac", "linen", "lotus", "maple",
]
# fmt: on
NAMES = {
    Role.OWNER: "Olivia Owner",
    Role.MANAGER: "Max Manager",
    Role.AGENT: "Ada Agent",
    Role.FINANCE: "Finn Finance",
    Role.AUDITOR: "Aude Auditor",
}
KEY_NAME = "Demo"
SAMPLE_LINKS = 120
# enough for lists and charts to show something; a few seconds to make


class Command(BaseCommand):
    help = (
        "Make a sample business, one member of staff per role and an API key, and"
        " write their sign-ins to a file. What the file says already, stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--record", type=Path, required=True, help="a JSON file")

    def handle(self, *args: Any, **options: Any) -> None:
        record_file: Path = options["record"]
        if Customer.objects.filter(is_sample=False).exists():
            raise CommandError(
                "This database holds a customer that is not sample data, so it will"
                " not be used for the demo. Use `make run` for real work, or move"
                f" {settings.DATABASES['default']['NAME']} away."
            )
        before = _read(record_file)
        with transaction.atomic():
            _seed_business()
            _seed_fees()
            users = [_seed_user(role, before) for role in Role]
            api_key = _seed_key(str(before.get("api_key", "")))
        _write_private(
            record_file,
            {
                "url": settings.PUBLIC_URL,
                "database_url": _database_url(),
                "api_key": api_key,
                "users": users,
            },
        )
        call_command("simulate", links=SAMPLE_LINKS, if_empty=True, stdout=self.stdout)
        today.add(User.objects.get(email=users[0]["email"]))
        till.add(User.objects.get(role=Role.MANAGER, email="manager@demo.example"))


def _database_url() -> str:
    return f"sqlite:///{settings.DATABASES['default']['NAME']}"


def _read(record_file: Path) -> dict[str, Any]:
    """What an earlier start wrote; {} when there is none or it is damaged."""
    try:
        found = json.loads(record_file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_private(record_file: Path, record: dict[str, Any]) -> None:
    fresh = record_file.with_name(f"{record_file.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(record, out, indent=1)
    fresh.replace(record_file)


def _seed_business() -> None:
    business = Business.objects.current()
    if business.is_sample:
        return
    business.name = "Willow & Pine"
    business.legal_name = "Willow & Pine Ltd"
    business.address = "12 Harbour Street\nBristol BS1 4RB\nUnited Kingdom"
    business.tax_id = "GB123456789"
    business.email = "hello@willow-and-pine.example"
    business.phone = "+442079460018"
    business.country = "GB"
    business.currency = "EUR"
    business.time_zone = "Europe/London"
    business.is_sample = True
    business.save()


def _seed_fees() -> None:
    """As the rehearsal provider takes them, so that the create screen has an estimate."""
    account = accounts.get("training")
    for currency in ("EUR", "GBP", "USD"):
        FeeRate.objects.get_or_create(
            account=account,
            currency=currency,
            valid_from=date(2026, 1, 1),
            defaults={"share_bp": FEE_BP, "fixed_minor": FEE_MINOR},
        )


def _seed_user(role: Role, before: dict[str, Any]) -> dict[str, str]:
    """The account of a role; what is printed always opens it."""
    email = f"{role.value}@demo.example"
    known = {user["email"]: user["password"] for user in before.get("users", [])}
    password = known.get(email) or _new_password()
    user = User.objects.filter(email=email).first()
    if user is None:
        User.objects.create_user(email, password, role=role, name=NAMES[role])
    elif not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"role": role.value, "email": email, "password": password}


def _new_password() -> str:
    words = [secrets.choice(WORDS) for _ in range(3)]
    return "-".join([*words, str(secrets.randbelow(900) + 100)])


def _seed_key(known: str) -> str:
    if known and keys.authenticate(known) is not None:
        return known
    return keys.create(KEY_NAME, [keys.EVERYTHING])[1]
