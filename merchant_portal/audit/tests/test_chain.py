"""The chain of hashes: what a forger does, and where it shows."""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import transaction
from django.db.models import QuerySet
from django.db.transaction import TransactionManagementError
from pytest_django import DjangoAssertNumQueries

from merchant_portal.audit import chain, heads, verifying
from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry, AuditHead

from .tampering import record_five, rewrite_hashes, triggers_lifted, verdict

pytestmark = pytest.mark.django_db
MOVED = "moved, copied or renumbered: it does not follow the one before it"


@pytest.fixture
def five() -> None:
    record_five()


def entry(sequence: int) -> AuditEntry:
    return AuditEntry.objects.get(sequence=sequence)


def at(sequence: int) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(sequence=sequence)


def test_numbers_have_no_gap_and_each_names_the_one_before(five: None) -> None:
    rows = list(AuditEntry.objects.order_by("sequence"))

    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].previous_hash == chain.GENESIS
    assert [row.previous_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]
    assert verdict().said == "5 entries, whole and in order; 0 heads agree."


def test_number_of_an_act_that_was_undone_is_given_again(five: None) -> None:
    with transaction.atomic():
        audit.record("usr_1", "link.canceled", "plk_6")
        transaction.set_rollback(True)

    audit.record("usr_1", "link.canceled", "plk_7")

    assert entry(6).object_id == "plk_7"
    assert verdict().is_whole


def test_empty_log_is_whole() -> None:
    assert verdict().said == "0 entries, whole and in order; 0 heads agree."


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "usr_2"},
        {"action": "link.created"},
        {"object_id": "plk_9"},
        {"details": {"reason": "typos"}},
        {"at": "2020-01-01T00:00:00Z"},
    ],
)
def test_edited_entry_is_found(five: None, change: dict[str, object]) -> None:
    with triggers_lifted():
        at(3).update(**change)

    assert verdict().findings == ["entry 3: edited"]


def test_edited_last_entry_is_found(five: None) -> None:
    with triggers_lifted():
        at(5).update(actor="usr_2")

    assert verdict().findings == ["entry 5: edited or inserted"]


@pytest.mark.parametrize(
    ("first", "last", "finding"),
    [
        (1, 1, "entry 2: removed before it: 1"),
        (3, 3, "entry 4: removed before it: 3"),
        (2, 4, "entry 5: removed before it: 2 to 4"),
    ],
)
def test_removed_entries_are_found(
    five: None, first: int, last: int, finding: str
) -> None:
    with triggers_lifted():
        AuditEntry.objects.filter(sequence__range=(first, last)).delete()

    assert verdict().findings == [finding]


def test_removed_and_closed_up_is_found(five: None) -> None:
    with triggers_lifted():
        at(3).delete()
        at(4).update(sequence=3)
        at(5).update(sequence=4)

    assert verdict().findings == [f"entry 3: {MOVED}"]


def test_two_entries_in_each_others_place_are_found(five: None) -> None:
    with triggers_lifted():
        at(2).update(sequence=99)
        at(3).update(sequence=2)
        at(99).update(sequence=3)

    assert verdict().findings == [f"entry {number}: {MOVED}" for number in (2, 3, 4)]


def test_inserted_entry_is_found(five: None) -> None:
    with triggers_lifted():
        for number in (5, 4, 3):
            at(number).update(sequence=number + 1)
    forged = entry(2)
    forged.pk, forged.sequence, forged.previous_hash = None, 3, forged.hash
    forged.hash = "a" * 64
    forged.save(force_insert=True)

    assert verdict().findings == ["entry 3: inserted"]


def test_copy_of_an_entry_at_the_end_is_found(five: None) -> None:
    copy = entry(2)
    copy.pk, copy.sequence = None, 6
    copy.save(force_insert=True)

    assert verdict().findings == [f"entry 6: {MOVED}"]


def test_who_rewrites_every_hash_without_the_key_is_found(
    five: None, settings: LazySettings
) -> None:
    ours = settings.AUDIT_KEYS
    with triggers_lifted():
        at(3).update(actor="usr_2")
        settings.AUDIT_KEYS = {"v1": "what an attacker would guess for a key"}
        rewrite_hashes("v1")
        assert verdict().is_whole  # their forgery fits together
        settings.AUDIT_KEYS = ours

    findings = verdict().findings

    assert [line.partition(":")[0] for line in findings] == [
        f"entry {number}" for number in range(1, 6)
    ]


def test_plain_hash_instead_of_the_key_would_hide_it(
    five: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with nothing secret in it, whoever can write can make it fit."""

    def plain(version: str, data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()

    monkeypatch.setattr(chain, "keyed_hash", plain)
    with triggers_lifted():
        rewrite_hashes()
        at(3).update(actor="usr_2")
        rewrite_hashes()

    assert verdict().is_whole
    assert entry(3).actor == "usr_2"


# Heads: the tail, and whoever has the key too.


@pytest.fixture
def kept_outside(five: None, tmp_path: Path) -> Path:
    heads.keep(date(2026, 6, 14))
    heads.export(tmp_path)
    return tmp_path / heads.FILE_NAME


def test_heads_agree_with_the_chain(kept_outside: Path) -> None:
    audit.record("usr_1", "link.canceled", "plk_6")

    assert verdict(kept_outside).said == (
        "6 entries, whole and in order; 2 heads agree."
    )


def test_removed_tail_is_found_by_the_head(kept_outside: Path) -> None:
    with triggers_lifted():
        AuditEntry.objects.filter(sequence__gte=4).delete()
    AuditHead.objects.all().delete()
    assert verdict().is_whole  # the control: without heads nothing shows

    assert verdict(kept_outside).findings == [
        "entry 5: removed: 4 to 5; the head of 2026-06-14 names it"
    ]


def test_tail_that_grew_again_is_found_by_the_head(kept_outside: Path) -> None:
    with triggers_lifted():
        AuditEntry.objects.filter(sequence__gte=4).delete()
    AuditHead.objects.all().delete()
    for _each in range(3):
        audit.record("usr_2", "link.created", "plk_9")

    assert verdict(kept_outside).findings == [
        "entry 5: not the entry that the head of 2026-06-14 names"
    ]


def test_whole_log_removed_is_found_by_the_head(kept_outside: Path) -> None:
    with triggers_lifted():
        AuditEntry.objects.all().delete()

    assert verdict().findings == [
        "entry 5: removed: 1 to 5; the head of 2026-06-14 names it"
    ]


def test_who_has_the_key_too_is_found_by_the_head_outside(kept_outside: Path) -> None:
    with triggers_lifted():
        at(3).update(actor="usr_2")
        rewrite_hashes()
    AuditHead.objects.all().delete()
    heads.keep(date(2026, 6, 14))
    assert verdict().is_whole

    assert verdict(kept_outside).findings == [
        "entry 5: not the entry that the head of 2026-06-14 names"
    ]


def test_changed_head_is_found(kept_outside: Path) -> None:
    changed = json.loads(kept_outside.read_text()) | {"sequence": 3}
    kept_outside.write_text(f"{json.dumps(changed)}\nnot a head\n")
    AuditHead.objects.update(sequence=4)

    assert verdict(kept_outside).findings == [
        "head 1 of database: changed since it was signed",
        f"head 1 of {kept_outside}: changed since it was signed",
        f"head 2 of {kept_outside}: no head of an audit log",
    ]


def test_file_of_heads_that_is_not_there_is_said(five: None, tmp_path: Path) -> None:
    assert "cannot be read" in verdict(tmp_path / "absent").said


# Keys, engines, sizes.


def test_new_key_goes_on_where_the_old_one_ended(
    five: None, settings: LazySettings
) -> None:
    settings.AUDIT_KEYS = {"v2": "n" * 40, **settings.AUDIT_KEYS}

    audit.record("usr_1", "link.canceled", "plk_6")

    assert entry(6).key_version == "v2"
    assert verdict().is_whole


def test_key_that_is_gone_is_named(five: None, settings: LazySettings) -> None:
    settings.AUDIT_KEYS = {"v2": "n" * 40}

    assert verdict().findings[0] == (
        "entry 1: AUDIT_KEYS holds no key 'v1' to check it with"
    )


@pytest.mark.django_db(transaction=True)
def test_act_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionManagementError):
        audit.record("usr_1", "link.canceled", "plk_1")


def test_fraction_in_the_details_is_refused() -> None:
    with pytest.raises(TypeError, match="minor units"):
        audit.record("usr_1", "payment.recorded", "pay_1", amount=12.5)


def test_acts_of_several_services_are_recorded_last() -> None:
    with audit.recorded_last():
        audit.record("usr_1", "customer.created", "cus_1")
        audit.record("usr_1", "link.created", "plk_1")
        assert not AuditEntry.objects.exists()

    assert [row.action for row in AuditEntry.objects.order_by("sequence")] == [
        "customer.created",
        "link.created",
    ]


def test_acts_of_what_failed_are_not_recorded() -> None:
    def fail() -> None:
        with audit.recorded_last():
            audit.record("usr_1", "customer.created", "cus_1")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - raised right here
        fail()
    audit.record("usr_1", "customer.created", "cus_2")

    assert AuditEntry.objects.get().object_id == "cus_2"


def test_chain_survives_the_move_to_another_database(tmp_path: Path) -> None:
    audit.record("usr_1", "a", "é\u2028", reason="ß", was=[1, True, None, {"b": {}}])
    record_five()
    dump = tmp_path / "data.json"
    call_command("dumpdata", "audit", output=str(dump))
    with triggers_lifted():
        AuditEntry.objects.all().delete()

    call_command("loaddata", str(dump), verbosity=0)

    assert verdict().said == "6 entries, whole and in order; 0 heads agree."


def test_reads_a_page_at_a_time(
    five: None,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    monkeypatch.setattr(verifying, "PAGE", 2)
    with triggers_lifted():
        at(4).delete()

    with django_assert_num_queries(4):  # heads, and three pages of the four entries
        assert verdict().findings == ["entry 5: removed before it: 4"]


def test_head_of_a_day_is_kept_once(five: None, tmp_path: Path) -> None:
    first = heads.keep(date(2026, 6, 14))
    audit.record("usr_1", "link.canceled", "plk_6")

    assert heads.keep(date(2026, 6, 14)) is None
    assert heads.keep(date(2026, 6, 15)) is not None
    assert first is not None
    assert (first.sequence, AuditHead.objects.count()) == (5, 2)


def test_export_adds_what_is_missing_and_nothing_twice(
    kept_outside: Path,
) -> None:
    kept_outside.write_text(kept_outside.read_text() + '{"on": "2026-06-1')
    heads.keep(date(2026, 6, 15))

    exported = [heads.export(kept_outside.parent) for _each in range(2)]

    assert exported == [1, 0]
    lines = kept_outside.read_text().splitlines()
    assert [line[:19] for line in lines] == [
        '{"on":"2026-06-14",',
        '{"on":"2026-06-15",',
    ]
    assert kept_outside.stat().st_mode & 0o777 == 0o600
