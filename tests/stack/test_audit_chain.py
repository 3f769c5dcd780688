"""The record of acts, written by two at once, and against a role with few rights."""

from collections.abc import Iterator
from functools import partial

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction

from customers.services import customers
from customers.services.customers import CustomerData
from links.tests.factories import make_customer, make_link
from merchant_portal.audit import chain, triggers
from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry
from merchant_portal.audit.tests.tampering import record_five, verdict
from merchant_portal.lib.actors import SYSTEM

from .gaps import Gap, without_constraint
from .threads import all_well

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
WRITERS, ACTS = 8, 25


def act(name: str) -> None:
    with transaction.atomic():
        audit.record("usr_1", "link.canceled", name)


@pytest.fixture
def after_the_tail(monkeypatch: pytest.MonkeyPatch) -> Gap:
    """One has read the end of the chain and has not written yet."""
    gap = Gap()
    monkeypatch.setattr(audit, "tail", gap.after(audit.tail))
    return gap


@pytest.fixture
def without_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "take_lock", lambda: None)


def test_many_writers_make_one_chain() -> None:
    def write(writer: int) -> None:
        for number in range(ACTS):
            act(f"{writer}:{number}")

    all_well([partial(write, writer) for writer in range(WRITERS)])

    assert AuditEntry.objects.count() == WRITERS * ACTS
    assert verdict().said == "200 entries, whole and in order; 0 heads agree."


def test_second_writer_waits_for_the_first(after_the_tail: Gap) -> None:
    after_the_tail.run_well(partial(act, "a"), partial(act, "b"))

    assert AuditEntry.objects.count() == 2
    assert verdict().is_whole


@pytest.mark.usefixtures("without_lock")
def test_without_the_lock_an_act_fails_for_its_record(after_the_tail: Gap) -> None:
    """The unique number is the second belt: the chain holds, but the act is lost."""
    results = after_the_tail.run(partial(act, "a"), partial(act, "b"))

    assert sum(isinstance(result, IntegrityError) for result in results) == 1
    assert AuditEntry.objects.count() == 1
    assert verdict().is_whole


@pytest.fixture
def triggers_lifted(transactional_db: None) -> Iterator[None]:
    triggers.remove(connection)
    yield
    triggers.install(connection)


@pytest.mark.usefixtures("without_lock", "triggers_lifted")
def test_without_lock_and_unique_number_the_chain_forks(after_the_tail: Gap) -> None:
    with without_constraint(AuditEntry, "audit_sequence_unique"):
        after_the_tail.run_well(partial(act, "a"), partial(act, "b"))

        numbers = AuditEntry.objects.values_list("sequence", flat=True)
        assert list(numbers) == [1, 1]
        assert verdict().findings == ["entry 1: copied: its number is given twice"]


# A foreign key that is checked at the commit locks the row that it points at.


def ask_while_the_customer_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> list[object]:
    """The link is recorded but not committed; the customer locked, not yet recorded."""
    customer = make_customer()
    gap = Gap()
    record = audit.record

    def stand_between(actor: str, action: str, name: str, **details: object) -> None:
        if action == "customer.changed":
            gap.stand()
        record(actor, action, name, **details)
        if action == "link.created":
            gap.stand()

    def ask() -> object:
        return make_link(customer)

    def change() -> object:
        return customers.update(customer, CustomerData("Ada L."), actor=SYSTEM)

    monkeypatch.setattr(audit, "record", stand_between)
    return gap.run(ask, change)


def test_nobody_waits_in_a_circle_for_the_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = ask_while_the_customer_changes(monkeypatch)

    assert not [result for result in results if isinstance(result, Exception)]
    assert verdict().is_whole


def test_with_foreign_keys_left_to_the_commit_two_wait_in_a_circle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        chain, "_LOCK", f"SELECT pg_advisory_xact_lock({chain.LOCK_ID})"
    )

    results = ask_while_the_customer_changes(monkeypatch)

    (deadlock,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(deadlock, OperationalError)
    assert "deadlock detected" in str(deadlock)


# Rights.


def test_role_of_protect_audit_can_add_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with transaction.atomic():
        record_five()
    role = "portal_clerk"
    call_command("protect_audit", role)
    grants = capsys.readouterr().out
    try:
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE ROLE "{role}"')
            cursor.execute(grants)
        refused = []
        for statement in (
            "UPDATE audit_auditentry SET actor = 'usr_2'",
            "DELETE FROM audit_auditentry",
            "TRUNCATE audit_auditentry",
            "DROP TRIGGER audit_no_change ON audit_auditentry",
            "ALTER TABLE audit_auditentry DISABLE TRIGGER ALL",
        ):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f'SET LOCAL ROLE "{role}"')
                try:
                    with transaction.atomic():
                        cursor.execute(statement)
                except Exception as exc:
                    refused.append(type(exc.__cause__))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f'SET LOCAL ROLE "{role}"')
            audit.record("usr_1", "link.canceled", "plk_6")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP OWNED BY "{role}"')
            cursor.execute(f'DROP ROLE "{role}"')

    assert refused == [psycopg.errors.InsufficientPrivilege] * 5
    assert verdict().said == "6 entries, whole and in order; 0 heads agree."
