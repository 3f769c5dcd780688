"""Stripe's form encoding: a[b][0][c]=v in, nested dicts and lists out."""

import re
import urllib.parse
from typing import Any

LONGEST = 5000  # of any text; Stripe takes more in a few places
NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")


class StripeError(Exception):
    """An error answer: `kind` is Stripe's error type, `param` the name at fault."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param

    def body(self) -> dict[str, Any]:
        error = {"type": self.kind, "message": str(self)}
        if self.code:
            error["code"] = self.code
        if self.param:
            error["param"] = self.param
        return {"error": error}


def decode(text: str) -> dict[str, Any]:
    """Parse a query or form. Raises StripeError on a malformed or repeated name."""
    root: dict[str, Any] = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True):
        found = NAME.match(name)
        if found is None:
            raise StripeError(400, f"Invalid parameter name: {name}", param=name)
        if len(value) > LONGEST:
            raise StripeError(
                400, f"Invalid string: at most {LONGEST} characters.", param=name
            )
        parts = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
        _place(root, parts, name, value)
    return {key: _listed(value) for key, value in root.items()}


def _place(root: dict[str, Any], parts: list[str], name: str, value: str) -> None:
    node = root
    for position, part in enumerate(parts):
        key = str(len(node)) if part == "" else part
        if position == len(parts) - 1:
            if key in node:
                raise StripeError(400, f"Parameter given twice: {name}", param=name)
            node[key] = value
            return
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise StripeError(400, f"Invalid nesting: {name}", param=name)


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(part) for key, part in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def integer(params: dict[str, Any], name: str, *, default: int | None = None) -> int:
    """A whole number from a form. Raises StripeError when it is missing or none."""
    given = params.get(name)
    if given is None and default is not None:
        return default
    if given is None:
        raise missing(name)
    if not isinstance(given, str) or not re.fullmatch(r"-?\d{1,15}", given):
        raise StripeError(400, f"Invalid integer: {given}", param=name)
    return int(given)


def missing(name: str) -> StripeError:
    return StripeError(
        400, f"Missing required param: {name}.", code="parameter_missing", param=name
    )
