"""Makes a small shop's database as large as wanted, by copying what is there.

Reads the tables from PostgreSQL's own catalog, so it knows nothing of the product's code.
Each copy of the shop is as the first one, some time earlier: other people, other numbers,
the same states, amounts and days between.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

YEARS = 5
# over which the copies are spread, so that a month is the larger the more there are
TABLES = (
    "customers_customer",
    "customers_contactpoint",
    "links_paymentlink",
    "links_lineitem",
    "links_checkout",
    "links_payment",
    "links_refund",
    "links_dispute",
    "links_payerreply",
    "notifications_message",
)
# In the order of their foreign keys. Timelines are read by link alone, and stay small.
MAIN = "links_paymentlink"

WORDS: Mapping[str, str] = {
    "public_id": "left(s.public_id, 4) || left(md5(s.public_id || n), 20)",
    "reference": "left(s.reference, 4) || left(md5(s.reference || n), 20)",
    "token_sha256": "encode(sha256((s.token_sha256 || n)::bytea), 'hex')",
    "creation_key": "NULL",
    **{
        name: f"CASE s.{name} WHEN '' THEN '' ELSE s.{name} || '-' || n END"
        for name in (
            "provider_session_id",
            "provider_payment_id",
            "provider_refund_id",
            "provider_dispute_id",
            "provider_message_id",
            "external_ref",
            "dedupe_key",
        )
    },
    "number": "left(s.number, 8) || lpad((s.id + n * {size})::text, 9, '0')",
    "name": "s.name || ' ' || n",
    "value": "regexp_replace(s.value, '@', n || '@')",
    "recipient": "regexp_replace(s.recipient, '@', n || '@')",
    "search_text": "regexp_replace(s.search_text, '@', n || '@') || chr(10) || n",
}
# By the column's name, what makes a copy another one; {size}: rows of one shop.
TYPES: Mapping[str, str] = {
    "timestamp with time zone": "s.{column} - n * {step}",
    "date": "(s.{column} - n * {step})::date",
}


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    refers_to: str


def grow(url: str, wanted: int) -> int:
    """So many payment links, or up to one shop more; returns how many there are.

    The shop's rows must be numbered from 1 without gaps of the next hundredfold.
    """
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("SET maintenance_work_mem = '512MB'")
        # Copies of what is right are right; nothing is looked up again for each row.
        session.execute("SET session_replication_role = replica")
        sizes = {table: _number(session, table, "max(id)") for table in TABLES}
        copies = max(-(-wanted // _number(session, MAIN, "count(*)")) - 1, 0)
        for table in TABLES:
            if copies and sizes[table]:
                with _without_indexes(session, table):
                    _copy(session, table, sizes, copies)
                _count_on(session, table)
        session.execute("VACUUM ANALYZE")
        return _number(session, MAIN, "count(*)")


def _number(session: psycopg.Connection, table: str, what: LiteralString) -> int:
    query = sql.SQL("SELECT coalesce({}, 0) FROM {}").format(
        sql.SQL(what),
        sql.Identifier(table),
    )
    row = session.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _copy(
    session: psycopg.Connection, table: str, sizes: Mapping[str, int], copies: int
) -> None:
    columns = _columns(session, table)
    step = f"interval '{YEARS * 365 * 86_400 // copies} seconds'"
    values = [_value(column, sizes, table, step) for column in columns]
    statement = (
        "INSERT INTO {table} ({names}) SELECT {values} FROM {table} s,"
        " generate_series(1, {copies}) n WHERE s.id <= {size} ORDER BY n DESC, s.id"
    )
    session.execute(
        sql.SQL(statement).format(
            table=sql.Identifier(table),
            names=sql.SQL(", ").join(sql.Identifier(each.name) for each in columns),
            values=sql.SQL(", ").join(map(sql.SQL, values)),
            copies=copies,
            size=sizes[table],
        )
    )


def _value(column: Column, sizes: Mapping[str, int], table: str, step: str) -> str:
    name = column.name
    if name == "id":
        return f"s.id + n * {sizes[table]}"
    if column.refers_to in sizes:
        return f"s.{name} + n * {sizes[column.refers_to]}"
    if name in WORDS:
        return WORDS[name].format(size=sizes[table])
    if column.kind in TYPES:
        return TYPES[column.kind].format(column=name, step=step)
    return f"s.{name}"


def _columns(session: psycopg.Connection, table: str) -> list[Column]:
    query = """
        SELECT a.attname, split_part(format_type(a.atttypid, a.atttypmod), '(', 1),
            coalesce((SELECT c.confrelid::regclass::text FROM pg_constraint c
                WHERE c.contype = 'f' AND c.conrelid = a.attrelid
                    AND c.conkey = ARRAY[a.attnum]), '')
        FROM pg_attribute a
        WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
    """
    rows = session.execute(query, [table]).fetchall()
    return [Column(*row) for row in rows]


@contextmanager
def _without_indexes(session: psycopg.Connection, table: str) -> Iterator[None]:
    """Only the primary key is kept meanwhile: made at once, an index costs a third."""
    owned = """
        SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
        WHERE c.conrelid = %s::regclass AND c.contype = 'u'
    """
    constraints = session.execute(owned, [table]).fetchall()
    name = sql.Identifier(table)
    for constraint, _definition in constraints:
        _order(session, "ALTER TABLE {} DROP CONSTRAINT {}", name, constraint)
    loose = """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = %s::regclass AND NOT indisprimary
    """
    indexes = session.execute(loose, [table]).fetchall()
    for index, _definition in indexes:
        _order(session, "DROP INDEX {}", sql.SQL(index))
    yield
    for constraint, definition in constraints:
        _order(
            session,
            "ALTER TABLE {} ADD CONSTRAINT {} {}",
            name,
            constraint,
            sql.SQL(definition),
        )
    for _index, definition in indexes:
        _order(session, "{}", sql.SQL(definition))


def _order(
    session: psycopg.Connection, words: LiteralString, *names: str | sql.Composable
) -> None:
    parts = [sql.Identifier(n) if isinstance(n, str) else n for n in names]
    session.execute(sql.SQL(words).format(*parts))


def _count_on(session: psycopg.Connection, table: str) -> None:
    """New rows are numbered behind the copies."""
    session.execute(
        sql.SQL(
            "SELECT setval(pg_get_serial_sequence({name}, 'id'), max(id)) FROM {table}"
        ).format(name=sql.Literal(table), table=sql.Identifier(table))
    )
