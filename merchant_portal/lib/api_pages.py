"""The OpenAPI document told in plain rows, for a page that people read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One name of a body or query. `kind`: its type in words."""

    name: str
    kind: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class OperationPage:
    method: str
    path: str
    summary: str
    description: str
    scope: str
    parameters: list[Field]
    body: list[Field]
    status: str
    answer: list[Field]


def operations(document: Schema) -> list[OperationPage]:
    """Every operation of the document in its order."""
    return [
        _page(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _page(document: Schema, method: str, path: str, operation: Schema) -> OperationPage:
    status = next(code for code in operation["responses"] if int(code) < 400)
    body = operation.get("requestBody", {})
    return OperationPage(
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        scope=operation.get("x-scope", ""),
        parameters=[
            Field(found["name"], _kind(document, found["schema"]), found["required"])
            for found in operation["parameters"]
        ],
        body=list(_fields(document, _json_schema(body))),
        status=str(status),
        answer=list(_fields(document, _json_schema(operation["responses"][status]))),
    )


def _json_schema(content: Schema) -> Schema:
    media: Schema = content.get("content", {}).get("application/json", {})
    schema: Schema = media.get("schema", {})
    return schema


def _fields(document: Schema, schema: Schema, prefix: str = "") -> Iterator[Field]:
    """The names of an object, those inside lists of objects as `lines[].quantity`."""
    target = _object(document, schema)
    required = target.get("required", ())
    for name, found in target.get("properties", {}).items():
        yield Field(prefix + name, _kind(document, found), name in required)
        if found.get("type") == "array":
            yield from _fields(document, found["items"], f"{prefix}{name}[].")


def _object(document: Schema, schema: Schema) -> Schema:
    for part in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            found: Schema = document["components"]["schemas"][name]
            return found
    return schema


def _kind(document: Schema, schema: Schema) -> str:
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            kinds = [_kind(document, part) for part in schema[several]]
            return " or ".join(dict.fromkeys(kinds))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "anything")
