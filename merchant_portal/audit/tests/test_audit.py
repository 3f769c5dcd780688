from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from merchant_portal.audit import checks, triggers
from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock

from .tampering import record_five, verdict

AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def entry(db: None) -> AuditEntry:
    with clock.frozen(AT):
        audit.record("usr_1", "link.canceled", "plk_1", reason="typo", was=["a"])
    return AuditEntry.objects.get()


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
        " (id, sequence, at, actor, action, object_id, details, key_version,"
        " previous_hash, hash)"
        " SELECT id, sequence, at, 'usr_2', action, object_id, details, key_version,"
        " previous_hash, hash FROM audit_auditentry"
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

    with pytest.raises(ImproperlyConfigured, match="protect_audit"):
        checks.require_triggers(using="default")

    triggers.install(connection)
    checks.require_triggers(using="default")


def test_cure_that_the_check_names_puts_the_triggers_back(db: None) -> None:
    triggers.remove(connection)

    call_command("protect_audit")

    assert triggers.missing(connection) == []


@pytest.mark.django_db(transaction=True)
def test_entries_from_before_the_chain_are_chained_in_their_order() -> None:
    with transaction.atomic():
        record_five()
    first = list(AuditEntry.objects.values_list("sequence", "object_id", "hash"))

    call_command("migrate", "audit", "0002_append_only_triggers", verbosity=0)
    assert triggers.missing(connection) == []
    call_command("migrate", "audit", verbosity=0)

    assert triggers.missing(connection) == []
    assert verdict().said == "5 entries, whole and in order; 0 heads agree."
    again = AuditEntry.objects.order_by("sequence")
    assert list(again.values_list("sequence", "object_id", "hash")) == first


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("run", [1, 2])
def test_tables_are_emptied_between_transactional_tests(run: int) -> None:
    assert not AuditEntry.objects.exists()
    assert triggers.missing(connection) == []

    with transaction.atomic():
        audit.record("usr_1", "link.canceled", "plk_1")
