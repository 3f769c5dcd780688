"""The database's own refusal to change or delete audit entries."""

from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "audit_auditentry"
_REFUSAL = "audit entries are only ever added"

_SQLITE = {
    "audit_no_update": f"""
        CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    "audit_no_delete": f"""
        CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    # INSERT OR REPLACE deletes the old row without asking the trigger above.
    "audit_no_replace": f"""
        CREATE TRIGGER audit_no_replace BEFORE INSERT ON {TABLE}
        WHEN NEW.id IN (SELECT id FROM {TABLE})
        BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",  # noqa: S608 - constants
}
_POSTGRESQL = {
    "audit_no_change": f"""
        CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    "audit_no_truncate": f"""
        CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
}
_POSTGRESQL_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"""


def install(connection: BaseDatabaseWrapper) -> None:
    """Make every trigger that is missing."""
    absent = missing(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTION)
        for name in absent:
            cursor.execute(_wanted(connection)[name])


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take all triggers away: to undo the migration, and between tests."""
    on = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in _wanted(connection):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")
        if connection.vendor == "postgresql":
            cursor.execute("DROP FUNCTION IF EXISTS audit_refuse()")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the triggers that are absent or switched off."""
    query = (
        # switched off by ALTER TABLE … DISABLE TRIGGER reads 'D'
        "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s)"
        " AND tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [TABLE])
        present = {row[0] for row in cursor.fetchall()}
    return [name for name in _wanted(connection) if name not in present]


def _wanted(connection: BaseDatabaseWrapper) -> dict[str, str]:
    return _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
