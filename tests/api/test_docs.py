"""The page for people and the document for machines."""

import json
from typing import Any

import pytest
from django.test import Client

from merchant_portal.lib.problems import TITLES


def document() -> dict[str, Any]:
    response = Client().get("/api/v1/openapi.json")
    found: dict[str, Any] = json.loads(response.content)
    return found


def operations() -> list[dict[str, Any]]:
    return [
        operation
        for methods in document()["paths"].values()
        for operation in methods.values()
    ]


def test_the_document_is_open_api() -> None:
    found = document()

    assert found["openapi"].startswith("3.1")
    assert set(found["paths"]) >= {"/api/v1/links", "/api/v1/links/{link_id}/send"}


def test_every_operation_tells_its_problems_and_security() -> None:
    for operation in operations():
        assert operation["security"], operation["operationId"]
        for status in ("400", "401", "403", "404", "413", "415", "422", "429", "500"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"]


def test_every_post_takes_an_idempotency_key() -> None:
    for methods in document()["paths"].values():
        for method, operation in methods.items():
            named = [found["name"] for found in operation["parameters"]]
            assert ("Idempotency-Key" in named) is (method == "post")


def test_every_reference_is_defined() -> None:
    found = document()
    names = set(found["components"]["schemas"])
    text = json.dumps(found)

    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= names


def test_the_document_is_the_same_every_time() -> None:
    assert document() == document()


def test_the_page_lists_every_operation_and_problem() -> None:
    page = Client().get("/api/v1/docs")
    text = page.content.decode()

    assert page.status_code == 200
    for path in document()["paths"]:
        assert path in text
    for kind in TITLES:
        assert f'id="{kind}"' in text
    assert "lines[].unit_amount_minor" in text


def test_the_page_runs_no_script_and_loads_nothing_from_elsewhere() -> None:
    page = Client().get("/api/v1/docs")
    text = page.content.decode()
    policy = page["Content-Security-Policy"]

    assert "<script" not in text
    assert "style=" not in text
    assert "unsafe" not in policy
    for attribute in ('src="', 'href="'):
        for target in text.split(attribute)[1:]:
            assert target.startswith(("#", "/"))


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_the_page_is_only_read(method: str) -> None:
    response = Client().generic(method, "/api/v1/docs")

    assert response.status_code == 405
