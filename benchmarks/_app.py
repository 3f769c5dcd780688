"""The product with the baseline's addresses beside its own; for gunicorn, here only."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
GetResponse = Callable[[HttpRequest], HttpResponse]


def full() -> WSGIHandler:
    """With every middleware of the product."""
    _add_baselines()
    return get_wsgi_application()


def bare() -> WSGIHandler:
    """Without the middleware: what the server, Django and the database cost."""
    full()  # allauth insists on its own while the applications load
    settings.MIDDLEWARE = ["benchmarks._app.with_length"]
    return WSGIHandler()


def _add_baselines() -> None:
    settings.ROOT_URLCONF = "benchmarks._urls"
    engine: dict[str, Any] = settings.TEMPLATES[0]
    engine["DIRS"].append(Path(__file__).parent / "templates")


def with_length(get_response: GetResponse) -> GetResponse:
    """What is left of CommonMiddleware: without it no connection could be kept."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        return response

    return middleware
