"""What is answered when a request failed as its view did not foresee."""

import sys
from http import HTTPStatus

import structlog
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from .lib import database, problem_api, problems

log = structlog.get_logger(__name__)


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler500, called while the exception is handled: 503 if it will pass.

    Middleware fails here too: a session is read before any view is called.
    """
    exc = sys.exc_info()[1]
    if exc is not None and request.path.startswith("/api/"):
        return problems.response(problem_api.problem_of(exc))
    if not database.is_passing(exc):
        return server_error(request)
    log.warning("database_unavailable", problem=type(exc).__name__)
    return HttpResponse(
        render_to_string("503.html"),
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={
            "Retry-After": database.RETRY_AFTER_SECONDS,
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'self';"
            " img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        },
    )
