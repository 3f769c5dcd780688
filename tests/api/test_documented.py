"""What docs/api.md shows is sent, and answers what it shows."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from .client import Caller

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
_EXAMPLE = re.compile(r"```sh\n(.*?)```\n(?:\n```json\n(.*?)```)?", re.S)
_VARIABLE = re.compile(r"\$([A-Z]+)")


def examples() -> list[tuple[str, Any]]:
    """(command, the answer that is shown or None) in the order of the page."""
    return [
        (command, json.loads(answer) if answer else None)
        for command, answer in _EXAMPLE.findall(PAGE.read_text())
    ]


def run(command: str, variables: dict[str, str]) -> Any:
    """Do what this curl command does; an option that is not known here fails."""
    joined = command.replace("\\\n", " ")
    filled = _VARIABLE.sub(lambda found: variables[found[1]], joined)
    words = iter(shlex.split(filled))
    assert next(words) == "curl"
    method, url, body = "", "", b""
    headers: dict[str, str] = {}
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        elif word == "-X":
            method = next(words)
        elif word != "-sS":
            assert word.startswith("http"), word
            url = word
    parts = urlsplit(url)
    response = Client().generic(
        method or ("POST" if body else "GET"),
        parts.path,
        body,
        content_type=headers.pop("Content-Type", ""),
        headers=headers,
        QUERY_STRING=parts.query,
    )
    return json.loads(response.content)


def shape(value: Any) -> Any:
    """Names and kinds without values; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items() if name != "detail"}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.mark.django_db
def test_every_example_answers_as_shown(caller: Caller) -> None:
    variables = {"PORTAL": "http://portal.example", "KEY": caller.secret}
    seen = examples()

    for command, shown in seen:
        answer = run(command, variables)
        if "status" in answer and isinstance(answer["status"], int):
            assert answer["status"] == (shown or {}).get("status"), answer
        if shown is not None:
            assert shape(answer) == shape(shown), command
        for prefix, name in (("cus_", "CUSTOMER"), ("plk_", "LINK")):
            if str(answer.get("id", "")).startswith(prefix):
                variables[name] = answer["id"]

    assert len(seen) == 13


@pytest.mark.django_db
def test_the_sums_on_the_page_are_right(caller: Caller) -> None:
    variables = {"PORTAL": "http://portal.example", "KEY": caller.secret}
    (add_customer, _customer), (make_link, shown) = examples()[1:3]
    variables["CUSTOMER"] = run(add_customer, variables)["id"]

    answer = run(make_link, variables)

    for name in ("amount", "net", "tax", "balance"):
        assert answer[name] == shown[name]
    assert answer["lines"][0] == shown["lines"][0]
