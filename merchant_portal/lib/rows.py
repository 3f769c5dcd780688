"""Queries of the public pages whose SQL is made once.

Making SQL of a queryset costs Django several times what the database takes to answer,
the same each time. Such a query may differ in its values only.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=Model)


class Given(str):
    """Stands in a prepared query for a text that each fetch gives under this name."""

    __slots__ = ()


@dataclass(frozen=True)
class _Statement:
    """What Django works out of a queryset before and after it asks the database."""

    sql: str
    params: tuple[Any, ...]
    converters: dict[int, tuple[Any, Any]]
    compiler: Any
    database: str

    def bound(self, values: dict[str, str]) -> list[Any]:
        return [
            values[param] if isinstance(param, Given) else param
            for param in self.params
        ]


class Prepared(Generic[Row]):
    """Whole objects by a queryset with `select_related` and annotations, no prefetch.

    `build` gives the queryset, with Given where a value will stand.
    """

    def __init__(self, build: Callable[[], QuerySet[Row]]) -> None:
        self._build = build

    def fetch(self, **values: str) -> list[Row]:
        statement = self._statement
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.bound(values))
            rows = cursor.fetchall()
        if statement.converters:
            rows = list(statement.compiler.apply_converters(rows, statement.converters))
        return [self._row_of(statement, row) for row in rows]

    @cached_property
    def _statement(self) -> _Statement:
        queryset = self._build()
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        columns = [column[0] for column in compiler.select]
        return _Statement(
            sql, tuple(params), compiler.get_converters(columns), compiler, queryset.db
        )

    @cached_property
    def _related(self) -> list[Any]:
        found = self._statement
        return list(
            get_related_populators(  # type: ignore[call-arg] # stubs are of Django 6
                found.compiler.klass_info, found.compiler.select, found.database
            )
        )

    @cached_property
    def _fields(self) -> tuple[type[Row], slice, list[str]]:
        """The class, where its columns are, and their names."""
        known = self._statement.compiler
        places = known.klass_info["select_fields"]
        where = slice(places[0], places[-1] + 1)
        names = [column[0].target.attname for column in known.select[where]]
        return known.klass_info["model"], where, names

    def _row_of(self, statement: _Statement, row: Any) -> Row:
        model, where, names = self._fields
        made = model.from_db(statement.database, names, row[where])
        for populator in self._related:
            populator.populate(row, made)
        for name, place in statement.compiler.annotation_col_map.items():
            setattr(made, name, row[place])
        return made


class Kept(Generic[Row]):
    """The few rows of what the merchant has set, asked for once a second at most.

    Under a load all visitors of a second share them; whoever changes them sees that on
    the pages a second later. Not to be written to.
    """

    def __init__(self, query: Prepared[Row]) -> None:
        self._query = query
        self._rows: list[Row] = []
        self._until = 0.0

    def fetch(self) -> list[Row]:
        if time.monotonic() >= self._until:
            self._rows = self._query.fetch()
            self._until = time.monotonic() + settings.KEPT_SECONDS
        return self._rows

    def forget(self) -> None:
        """Read anew at the next fetch of this process."""
        self._until = 0.0
