"""Errors of the API as RFC 9457 says them: application/problem+json."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpResponse

CONTENT_TYPE = "application/problem+json"

TITLES: dict[str, str] = {
    "malformed": "The request cannot be read",
    "unauthorized": "The key is missing or not valid",
    "forbidden": "The key may not do this",
    "not-found": "There is nothing here",
    "method-not-allowed": "This address does not know this method",
    "conflict": "The record is not in a state that allows this",
    "in-flight": "The first request with this Idempotency-Key is still at work",
    "length-required": "The length of the body must be given",
    "too-large": "The body is too large",
    "unsupported-media-type": "The body must be JSON",
    "invalid": "Some of the input cannot be taken",
    "key-reused": "This Idempotency-Key came with another request before",
    "throttled": "Too many requests",
    "internal": "Something went wrong on our side",
    "unavailable": "The service is not available for the moment",
}
"""Kind of problem → its title; the kind is the end of the `type` address."""


class Problem(Exception):
    """An answer other than success.

    `kind`: of TITLES. `errors`: one mapping for each input at fault, with `detail`
    and one of `pointer` (into the body), `parameter` (of the query) or `header`.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, kind, detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = [dict(error) for error in errors]
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The members of the problem document."""
        found: dict[str, Any] = {
            "type": f"{settings.PUBLIC_URL}/api/v1/docs#{self.kind}",
            "title": TITLES[self.kind],
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            found["errors"] = self.errors
        return found


def invalid(detail: str, **place: str) -> Problem:
    """422 for one input; `place` is `pointer=`, `parameter=` or `header=`."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        detail,
        errors=[{**place, "detail": detail}] if place else (),
    )


def not_found(what: str = "Nothing is known under this address.") -> Problem:
    """404, the same for what never was and what this key may not see."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", what)


def response(problem: Problem) -> HttpResponse:
    """The problem as an HTTP answer."""
    return HttpResponse(
        json.dumps(problem.body()),
        status=problem.status,
        content_type=CONTENT_TYPE,
        headers=problem.headers,
    )
