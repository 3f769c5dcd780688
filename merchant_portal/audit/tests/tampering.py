"""What somebody with rights on the tables, but without AUDIT_KEYS, can do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from django.core.management import CommandError, call_command
from django.db import connection

from .. import chain, triggers
from .. import services as audit
from ..models import AuditEntry


def record_five() -> None:
    for number in range(1, 6):
        audit.record("usr_1", "link.canceled", f"plk_{number}", reason="typo")


@contextmanager
def triggers_lifted() -> Iterator[None]:
    """They stop accidents and the product itself, not who owns the table."""
    triggers.remove(connection)
    yield
    triggers.install(connection)


def rewrite_hashes(key_version: str | None = None) -> None:
    """Every hash anew from the first entry on, so that each follows the other.

    `key_version`: None guesses a key, as somebody must who has none.
    """
    previous = chain.GENESIS
    for entry in AuditEntry.objects.order_by("sequence"):
        content = chain.Content(
            entry.at, entry.actor, entry.action, entry.object_id, entry.details
        )
        entry.previous_hash = previous
        entry.hash = previous = chain.entry_hash(
            previous, content, key_version or entry.key_version
        )
        entry.save(update_fields=["previous_hash", "hash"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """`findings`: as they were printed, one a line."""

    is_whole: bool
    findings: list[str]
    said: str


def verdict(heads: Path | None = None) -> Verdict:
    """What `manage.py verify_audit` makes of the tables as they are now."""
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_audit", heads=heads, stdout=out, stderr=err)
    except CommandError as exc:
        return Verdict(False, err.getvalue().splitlines(), str(exc))
    return Verdict(True, err.getvalue().splitlines(), out.getvalue().strip())
