"""Ninja with one way to say no: every error is a problem document (RFC 9457)."""

import re
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from . import database, problems
from .problems import Problem
from .strict_json import MAX_BYTES, pointer

logger = structlog.get_logger(__name__)

MAX_ERRORS = 20
# enough to mend a request; a hostile body could have thousands
_STATUSES = (400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429, 500, 503)
_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "description": "RFC 6901"},
                    "parameter": {"type": "string"},
                    "header": {"type": "string"},
                },
            },
        },
    },
}
_IDEMPOTENCY_PARAMETER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key and request get the same answer for seven days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class ProblemAPI(NinjaAPI):
    """A NinjaAPI that turns whatever is raised into a problem document."""

    _document: OpenAPISchema | None = None

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        return problems.response(problem_of(exc))

    def get_openapi_schema(
        self,
        *,
        path_prefix: str | None = None,
        path_params: dict[str, Any] | None = None,
    ) -> OpenAPISchema:
        """The document with the problems and headers that every operation has.

        Made once: operations do not change while the product runs, and anyone may ask.
        """
        if self._document is not None:
            return self._document
        schema = super().get_openapi_schema(
            path_prefix=path_prefix, path_params=path_params
        )
        schema["components"].setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
        for methods in schema["paths"].values():
            for method, operation in methods.items():
                for status in _STATUSES:
                    operation["responses"][status] = _problem_response(status)
                if method == "post":
                    operation["parameters"].append(_IDEMPOTENCY_PARAMETER)
        self._document = schema
        return schema


def _problem_response(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {problems.CONTENT_TYPE: {"schema": schema}},
    }


def problem_of(exc: BaseException) -> Problem:
    """What to answer for this exception; what nobody foresaw is logged and a 500."""
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, HttpError):
        # Ninja wraps what the parser raises.
        return problem_of(exc.__cause__) if exc.__cause__ else _of_http_error(exc)
    if isinstance(exc, ValidationError):
        return _of_validation_error(exc)
    if isinstance(exc, Http404):
        return problems.not_found()
    if isinstance(exc, RequestDataTooBig):
        detail = f"A body has at most {MAX_BYTES} bytes."
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)
    if isinstance(exc, UnreadablePostError | SuspiciousOperation):
        detail = "The request broke off or cannot be read."
        return Problem(HTTPStatus.BAD_REQUEST, "malformed", detail)
    if database.is_passing(exc):
        logger.warning("api.database_unavailable", exc_info=exc)
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "unavailable",
            "Repeat the request in a few seconds.",
            headers={"Retry-After": database.RETRY_AFTER_SECONDS},
        )
    logger.error("api.failed", exc_info=exc)
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "The error is noted. With an Idempotency-Key the request may be repeated.",
    )


def _of_http_error(exc: HttpError) -> Problem:
    kinds = {400: "malformed", 401: "unauthorized", 403: "forbidden", 404: "not-found"}
    return Problem(exc.status_code, kinds.get(exc.status_code, "internal"), str(exc))


def _of_validation_error(exc: ValidationError) -> Problem:
    errors = [_input_error(error) for error in exc.errors[:MAX_ERRORS]]
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid",
        errors[0]["detail"] if len(errors) == 1 else "Several inputs cannot be taken.",
        errors=errors,
    )


def _input_error(error: dict[str, Any]) -> dict[str, str]:
    source, *path = error["loc"]
    context = error.get("ctx", {})
    detail = str(context["error"] if "error" in context else error["msg"])
    if source == "body":
        # The first step is the name of the view's argument.
        return {"pointer": pointer(tuple(path[1:])), "detail": detail}
    place = "header" if source == "header" else "parameter"
    return {place: str(path[-1]) if path else "", "detail": detail}


def plain(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Wrap a view of ninja so that what it answers by itself is a problem as well."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Exception as exc:
            response = problems.response(problem_of(exc))
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(re.findall(r"[A-Z]+", response["Allow"])))
            response = problems.response(
                Problem(
                    HTTPStatus.METHOD_NOT_ALLOWED,
                    "method-not-allowed",
                    f"Use {allowed}.",
                    headers={"Allow": allowed},
                )
            )
        response["Cache-Control"] = "no-store"
        return response

    wrapped.csrf_exempt = True  # type: ignore[attr-defined]  # no cookie has authority here
    return wrapped
