"""A caller of the API, as short as a test wants it."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.test import Client

from merchant_portal.lib.problems import CONTENT_TYPE

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


@dataclass(frozen=True)
class Caller:
    """`secret`: the bearer key; "" sends none."""

    secret: str

    def headers(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        own = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        return {**own, **(extra or {})}

    def get(self, path: str, **query: str) -> "Response":
        return Client().get(f"/api/v1/{path}", query, headers=self.headers())

    def send(
        self, method: str, path: str, body: object = None, *, once: str = ""
    ) -> "Response":
        """`body`: bytes go out as they are, anything else as JSON; `once`: the key."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client().generic(
            method,
            f"/api/v1/{path}",
            b"" if body is None else raw,
            content_type="application/json",
            headers=self.headers({"Idempotency-Key": once} if once else None),
        )

    def post(self, path: str, body: object = None, *, once: str = "") -> "Response":
        return self.send("POST", path, body, once=once)

    def patch(self, path: str, body: object) -> "Response":
        return self.send("PATCH", path, body)


def problem(response: "Response", status: int) -> dict[str, Any]:
    """The problem document of a refusal, whose form is checked on the way."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == CONTENT_TYPE
    found: dict[str, Any] = json.loads(response.content)
    assert found["status"] == status
    assert found["title"]
    assert found["detail"]
    assert "#" in found["type"]
    return found


def pointers(response: "Response", status: int = 422) -> list[str]:
    """Where the body is at fault."""
    return [error["pointer"] for error in problem(response, status)["errors"]]
