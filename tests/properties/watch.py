"""What the database says: all rows that matter in one query, and every move of a state.

The moves are noted by triggers that exist for these tests only, so that a state that
lasted for one statement is seen as well.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

Row = dict[str, Any]
WATCHED = {
    "links_paymentlink": "status",
    "links_checkout": "state",
    "links_payment": "state",
    "links_webhookevent": "state",
    "links_reminderdue": "state",
    "notifications_message": "state",
}
_NOTE = """
CREATE TABLE property_moves (
    id bigserial PRIMARY KEY, thing text, pk bigint, old text, new text,
    old_fence int, new_fence int, old_paid_at text, new_paid_at text
);
CREATE FUNCTION property_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE o jsonb := '{}'; n jsonb := '{}'; state text := TG_ARGV[0];
BEGIN
    IF TG_OP <> 'INSERT' THEN o := to_jsonb(OLD); END IF;
    IF TG_OP <> 'DELETE' THEN n := to_jsonb(NEW); END IF;
    IF o->>state IS DISTINCT FROM n->>state OR o->'fence' IS DISTINCT FROM n->'fence'
        OR o->'paid_at' IS DISTINCT FROM n->'paid_at' THEN
        INSERT INTO property_moves
            (thing, pk, old, new, old_fence, new_fence, old_paid_at, new_paid_at)
        VALUES (TG_TABLE_NAME, coalesce(n->>'id', o->>'id')::bigint,
            o->>state, n->>state, (o->>'fence')::int, (n->>'fence')::int,
            o->>'paid_at', n->>'paid_at');
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION property_note_opt_out() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    IF TG_OP = 'INSERT' THEN r := NEW; ELSE r := OLD; END IF;
    INSERT INTO property_moves (thing, pk, old, new)
    VALUES (TG_TABLE_NAME, r.id, CASE WHEN TG_OP = 'DELETE' THEN 'there' END,
        concat_ws('|', r.channel, r.address, r.scope));
    RETURN NULL;
END $$;
CREATE TRIGGER property_opt_outs AFTER INSERT OR DELETE ON notifications_optout
    FOR EACH ROW EXECUTE FUNCTION property_note_opt_out();
"""
_COLUMNS = {
    "links_paymentlink": "id, public_id, status, currency, amount_minor,"
    " amount_paid_minor, paid_at, closed_at, is_reusable, use_limit, uses",
    "links_checkout": "id, link_id, state, close_ordered_at, provider_session_id,"
    " tip_minor",
    "links_payment": "p.id, public_id, link_id, p.state, amount_minor, currency,"
    " surplus_minor, tip_minor, checkout_id, provider_payment_id, a.slug",
    "links_webhookevent": "id, state, tries",
    "notifications_message": "id, public_id, kind, category, channel, reference,"
    " subject_id, recipient, dedupe_key, state, lease_until, fence",
    "notifications_attempt": "message_id, fence, outcome",
    "links_activity": "link_id, kind, detail->>'payment' AS payment,"
    " detail->>'checkout' AS checkout",
    "audit_auditentry": "action, object_id",
    "links_dailytotal": "measure, currency, count, amount_minor",
    "property_moves": "id, thing, pk, old, new, old_fence, new_fence, old_paid_at,"
    " new_paid_at",
}
_FROM = {
    "links_payment": "links_payment p JOIN links_provideraccount a ON a.id=account_id",
    "audit_auditentry": "audit_auditentry WHERE id > %(audit)s",
    "property_moves": "property_moves WHERE id > %(move)s",
}
_ORDER = {"links_dailytotal": "currency", "links_payment": "p.id"}


def _query() -> str:
    parts = []
    for table, columns in _COLUMNS.items():
        order = _ORDER.get(table, "message_id" if "attempt" in table else "id")
        inner = f"SELECT {columns} FROM {_FROM.get(table, table)} ORDER BY {order}"  # noqa: S608
        rows = f"(SELECT coalesce(json_agg(r), '[]') FROM ({inner}) r)"  # noqa: S608
        parts.append(f"'{table}', {rows}")
    return f"SELECT json_build_object({', '.join(parts)})::text"


_QUERY = _query()


@dataclass(frozen=True, slots=True)
class Books:
    """The rows as they are now; `moves`: those since the last reading."""

    links: list[Row]
    checkouts: list[Row]
    payments: list[Row]
    events: list[Row]
    messages: list[Row]
    attempts: list[Row]
    activities: list[Row]
    audit: list[Row]
    totals: list[Row]
    moves: list[Row]


def read(*, audit_after: int, moves_after: int) -> Books:
    """Everything in one query; `audit_after`: the newest entry before the example."""
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, {"audit": audit_after, "move": moves_after})
        found = json.loads(cursor.fetchone()[0])
    return Books(*(found[table] for table in _COLUMNS))


@contextmanager
def watching() -> Iterator[None]:
    """The triggers are in the test's database inside the block."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE)
        for table, state in WATCHED.items():
            cursor.execute(
                f"CREATE TRIGGER property_moves AFTER INSERT OR UPDATE ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION property_note('{state}')"
            )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION property_note() CASCADE")
            cursor.execute("DROP FUNCTION property_note_opt_out() CASCADE")
            cursor.execute("DROP TABLE property_moves")


_COUNTERS = frozenset({"django_session"})
# When staff last did something: written once a minute, by any page.


def fingerprint() -> dict[str, str]:
    """table → digest of all its rows, of every table of the database."""
    tables = sorted(set(connection.introspection.table_names()) - _COUNTERS)
    parts = [
        f"SELECT '{table}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"  # noqa: S608
        f' FROM "{table}" t'
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


def vacuum() -> None:
    """Clear away what rolled-back examples left; outside any transaction."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
