"""JSON as it must be: one meaning, bounded, storable in every database."""

import json
from typing import Any, NoReturn

MAX_BYTES = 262_144
# the largest honest body is a link with 100 lines of 500 characters
MAX_DEPTH = 20
MAX_DIGITS = 20
# more than any column holds; Python itself gives up on 4,300


class StrictJSONError(ValueError):
    """A body that is not taken; `pointer` (RFC 6901) is where, if it has a place."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.pointer = pointer


def loads(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Refuses what parsers disagree on or databases choke on: a repeated key, NaN and
    Infinity, NUL and half surrogate pairs, nesting beyond MAX_DEPTH. A number with a
    point or an exponent stays its own text wrapped in `NotWhole`, so that no field
    that wants an integer takes it. Raises StrictJSONError.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_whole,
            parse_float=NotWhole,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as exc:
        raise StrictJSONError("The body is not UTF-8 text.") from exc
    except RecursionError as exc:
        raise StrictJSONError(f"The body nests deeper than {MAX_DEPTH}.") from exc
    except json.JSONDecodeError as exc:
        raise StrictJSONError(
            f"The body is not JSON: {exc.msg} (line {exc.lineno}, column {exc.colno})."
        ) from exc
    _walk(value)
    return value


def canonical(value: Any) -> str:
    """The same text for the same value, whatever the order of keys and the spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)


class NotWhole:
    """A number written with a point or an exponent; never computed with."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _value in pairs:
            if name in seen:
                raise StrictJSONError(f"The name {name[:40]!r} stands twice.")
            seen.add(name)
    return found


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise StrictJSONError("A number has too many digits.")
    return int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise StrictJSONError(f"{text} is not JSON.")


def _walk(value: Any) -> None:
    """Check depth and every string, without recursion."""
    todo: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while todo:
        item, path = todo.pop()
        if len(path) > MAX_DEPTH:
            raise StrictJSONError(f"The body nests deeper than {MAX_DEPTH}.")
        if isinstance(item, str):
            _check_text(item, path)
        elif isinstance(item, list):
            todo.extend((part, (*path, str(i))) for i, part in enumerate(item))
        elif isinstance(item, dict):
            for name, part in item.items():
                _check_text(name, path)
                todo.append((part, (*path, name)))


def _check_text(text: str, path: tuple[str, ...]) -> None:
    if "\x00" in text:
        raise StrictJSONError("A text holds the NUL character.", pointer(path))
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise StrictJSONError(
            "A text holds half a surrogate pair.", pointer(path)
        ) from exc


def pointer(path: tuple[str | int, ...]) -> str:
    """A JSON pointer (RFC 6901) such as `/lines/0/description`."""
    return "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1") for part in path
    )
