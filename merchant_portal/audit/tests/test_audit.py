from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from merchant_portal.audit import checks, triggers
from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock

AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def entry(db: None) -> AuditEntry:
    with clock.frozen(AT):
        return audit.record("usr_1", "link.canceled", "plk_1", reason="typo", was=["a"])


def test_records_who_did_what_and_when(entry: AuditEntry) -> None:
    kept = AuditEntry.objects.get()

    assert (kept.actor, kept.action, kept.object_id) == (
        "usr_1",
        "link.canceled",
        "plk_1",
    )
    assert kept.at == AT
    assert kept.details == {"reason": "typo", "was": ["a"]}


def test_is_gone_with_the_transaction_that_failed(db: None) -> None:
    with transaction.atomic():
        audit.record("usr_1", "link.canceled", "plk_1")
        transaction.set_rollback(True)

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditentry SET actor = 'usr_2'",
        "DELETE FROM audit_auditentry",
    ],
)
def test_database_refuses_to_change_an_entry(entry: AuditEntry, statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert AuditEntry.objects.get().actor == "usr_1"


def test_database_refuses_the_engines_own_way_around(entry: AuditEntry) -> None:
    statement = (
        "TRUNCATE audit_auditentry"
        if connection.vendor == "postgresql"
        else "INSERT OR REPLACE INTO audit_auditentry"
        " (id, at, actor, action, object_id, details)"
        " SELECT id, at, 'usr_2', action, object_id, details FROM audit_auditentry"
    )

    with (
        pytest.raises(DatabaseError, match="only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert AuditEntry.objects.get().actor == "usr_1"


def test_migrate_says_so_when_a_trigger_is_missing(db: None) -> None:
    lost = triggers.missing(connection)
    assert lost == []
    triggers.remove(connection)

    with pytest.raises(ImproperlyConfigured, match="migrate --fake audit 0001_initial"):
        checks.require_triggers(using="default")

    triggers.install(connection)
    checks.require_triggers(using="default")


@pytest.mark.django_db(transaction=True)
def test_cure_that_the_check_names_puts_the_triggers_back() -> None:
    triggers.remove(connection)

    call_command("migrate", "audit", "0001_initial", fake=True, verbosity=0)
    call_command("migrate", "audit", verbosity=0)

    assert triggers.missing(connection) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", [1, 2])
def test_tables_are_emptied_between_transactional_tests(run: int) -> None:
    assert not AuditEntry.objects.exists()
    assert triggers.missing(connection) == []

    audit.record("usr_1", "link.canceled", "plk_1")
