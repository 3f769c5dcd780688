"""After every migrate: are the triggers still there? SQLite drops them in a rebuild."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from . import triggers

MIGRATION = ("audit", "0002_append_only_triggers")


def require_triggers(using: str, **_kwargs: Any) -> None:
    """Receiver of post_migrate; ImproperlyConfigured when one is missing."""
    connection = connections[using]
    if MIGRATION not in MigrationRecorder(connection).applied_migrations():
        return  # on the way up to it, or back down
    absent = triggers.missing(connection)
    if absent:
        raise ImproperlyConfigured(
            f"The audit log is not protected: {', '.join(absent)} missing on"
            f" {triggers.TABLE}. Put them back with: manage.py protect_audit. Then find"
            " out who removed them, and what manage.py verify_audit says."
        )
