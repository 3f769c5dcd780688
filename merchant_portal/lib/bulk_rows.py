"""Many new rows of one table, the fastest way that its database has.

PostgreSQL takes them by COPY, SQLite by one prepared statement. What all rows share is
worked out once, by Django's own fields, so that no object is made for a row. Nothing here
sends a signal or checks a rule but those of the database.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Model

Cell = str | int | bool | date | datetime | None
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f"}
)


class BulkRows:
    """`varying`: the columns (attnames) that each row gives; JSON as text. All others
    have the default of their field, or what `shared` says."""

    def __init__(
        self, model: type[Model], varying: Sequence[str], **shared: object
    ) -> None:
        sample = model(**shared)
        fixed = [
            field
            for field in model._meta.concrete_fields
            if field.attname not in varying and not field.primary_key
        ]
        values = [
            field.get_db_prep_save(getattr(sample, field.attname), connection)
            for field in fixed
        ]
        self._table = model._meta.db_table
        by_name = {
            field.attname: str(field.column) for field in model._meta.concrete_fields
        }
        self._columns = [by_name[name] for name in varying]
        self._columns += [str(field.column) for field in fixed]
        self._values = tuple(values)

    def insert(self, rows: Iterable[tuple[Cell, ...]]) -> None:
        """Inside the caller's transaction."""
        if connection.vendor == "postgresql":
            self._copy(rows)
        else:
            self._execute(rows)

    def _copy(self, rows: Iterable[tuple[Cell, ...]]) -> None:
        shared = "".join("\t" + _written(_plain(value)) for value in self._values)
        columns = ", ".join(map(connection.ops.quote_name, self._columns))
        statement = (
            f"COPY {connection.ops.quote_name(self._table)} ({columns}) FROM STDIN"
        )
        lines = "".join(
            "\t".join([_written(cell) for cell in row]) + shared + "\n" for row in rows
        )
        # COPY is psycopg's own: without this its errors would not be Django's.
        with (
            connection.cursor() as cursor,
            connection.wrap_database_errors,
            cursor.copy(statement) as copy,
        ):
            copy.write(lines)

    def _execute(self, rows: Iterable[tuple[Cell, ...]]) -> None:
        columns = ", ".join(map(connection.ops.quote_name, self._columns))
        marks = ", ".join(["%s"] * len(self._columns))
        table = connection.ops.quote_name(self._table)
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608 - our own names
                [(*map(_for_sqlite, row), *self._values) for row in rows],
            )


def reserve_keys(model: type[Model], count: int) -> list[int]:
    """Primary keys for rows to come; insert them before reserving more, and inside one
    transaction: SQLite gives them to whoever holds its only lock."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            column = model._meta.pk.column
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s))"
                " FROM generate_series(1, %s)",
                [table, column, count],
            )
            return [key for (key,) in cursor.fetchall()]
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
    last = int(row[0]) if row else 0
    return list(range(last + 1, last + 1 + count))


def _written(cell: Any) -> str:
    """As COPY reads it."""
    if cell is None:
        return r"\N"
    if cell is True:
        return "t"
    if cell is False:
        return "f"
    if isinstance(cell, str):
        return cell.translate(_ESCAPES)
    return str(cell)


def _plain(value: Any) -> Any:
    """What Django wraps for psycopg, as text: only JSON is wrapped."""
    dumps = getattr(value, "dumps", None)
    return value if dumps is None else dumps(value.obj)


def _for_sqlite(cell: Cell) -> Cell:
    return cell.isoformat() if type(cell) is date else cell
