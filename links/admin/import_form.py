"""The form that says what the columns of a file are, and how it is written."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from merchant_portal.lib import tables
from merchant_portal.lib.money import EXPONENTS
from merchant_portal.lib.tables.values import Days, Style

from ..models import LinkImport
from ..services import import_fields, imports
from ..services.errors import LinkError
from ..services.import_fields import Setup

NOTHING = ""
# "not in this file", where a column is chosen
_TEXTS = ("currency", "description", "source")


def posted(data: QueryDict) -> Setup:
    """What was chosen; a value that was not offered is as if nothing was chosen."""
    columns = {
        name: int(value)
        for name in import_fields.LABELS
        if (value := data.get(f"column_{name}", "")).isdecimal() and len(value) < 5
    }
    style, days = data.get("style", ""), data.get("days", "")
    return Setup(
        columns=columns,
        style=Style(style) if style in set(Style) else None,
        days=Days(days) if days in set(Days) else None,
        **{name: data.get(name, "")[:800] for name in _TEXTS},
    )


def context(
    job: LinkImport, setup: Setup, refused: LinkError | None = None
) -> dict[str, Any]:
    """For the template; `refused`: what is wrong with it."""
    problem = refused
    columns: list[imports.Column] = []
    try:
        columns = imports.columns(job)
    except LinkError as exc:
        problem = exc
    return {
        "fields": [_field(name, setup, columns) for name in import_fields.LABELS],
        "columns": columns,
        "number_styles": _choices(list(Style), setup.style),
        "day_styles": _choices(list(Days), setup.days),
        "setup": setup,
        "is_text": job.kind == tables.Kind.CSV,
        "encodings": _options(tables.ENCODINGS, job.encoding),
        "separators": _options(tables.SEPARATORS, job.separator),
        "currencies": sorted(EXPONENTS),
        "error": problem.message if problem else job.problem,
        "error_field": problem.field if problem else "",
    }


def _field(name: str, setup: Setup, columns: list[imports.Column]) -> dict[str, Any]:
    chosen = setup.columns.get(name)
    return {
        "name": name,
        "label": import_fields.LABELS[name],
        "options": [
            (column.place, _title(column), column.place == chosen) for column in columns
        ],
    }


def _title(column: imports.Column) -> str:
    samples = ", ".join(column.samples)
    return f"{column.heading}: {samples}" if samples else column.heading


def _choices(values: list[Any], chosen: Any) -> list[tuple[str, bool]]:
    return [(value.value, value == chosen) for value in values]


def _options(named: Mapping[str, str], chosen: str) -> list[tuple[str, str, bool]]:
    return [(value, name, value == chosen) for value, name in named.items()]
