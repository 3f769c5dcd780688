"""Mounts the routers of all apps under /api/v1/; the work is done in the apps."""

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, re_path
from django.views.decorators.http import require_safe
from ninja.operation import Operation

import customers.api
import links.api

from .lib import api_pages, problems
from .lib.problem_api import ProblemAPI, plain
from .staff.api_auth import Guard, StrictParser

api = ProblemAPI(
    title="Merchant portal",
    version="1",
    description="Customers, payment links, payments, disputes, payouts, messages and reports of one merchant.",
    docs_url=None,
    parser=StrictParser(),
    urls_namespace="api",
)
api.add_router("customers", customers.api.router)
api.add_router("links", links.api.links_router)
api.add_router("links", links.api.sends_router)
api.add_router("payments", links.api.payments_router)
api.add_router("disputes", links.api.disputes_router)
api.add_router("payouts", links.api.payouts_router)
api.add_router("messages", links.api.messages_router)
api.add_router("reminder-plans", links.api.plans_router)
api.add_router("reports", links.api.reports_router)


def operations(of: ProblemAPI) -> Iterator[Operation]:
    """Every operation that is mounted."""
    for router in of._get_bound_routers():
        for view in router.path_operations.values():
            yield from view.operations


def close_doors(of: ProblemAPI) -> None:
    """Refuse to start with an operation that is not guarded as it must be.

    Raises ImproperlyConfigured naming the operation. Tells each guard which query
    names its operation knows.
    """
    for operation in operations(of):
        name = f"{'/'.join(operation.methods)} {operation.view_func.__name__}"
        guards = operation.auth_callbacks
        if len(guards) != 1 or not isinstance(guards[0], Guard):
            raise ImproperlyConfigured(f"{name} has no Guard: who may call it?")
        guard = guards[0]
        if guard.query_names is not None:
            raise ImproperlyConfigured(f"{name} shares a Guard; give it its own.")
        guard.query_names = _query_names(operation)
        if "POST" in operation.methods and not getattr(
            operation.view_func, "is_idempotent", False
        ):
            raise ImproperlyConfigured(f"{name} is not idempotent.")
        extra = operation.openapi_extra or {}
        operation.openapi_extra = {**extra, "x-scope": guard.scope.value}


def _query_names(operation: Operation) -> frozenset[str]:
    return frozenset(
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in getattr(model, "__ninja_flatten_map__", model.model_fields)
    )


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """A page for people, made from the schema: no script, nothing from elsewhere."""
    shown = {
        "title": api.title,
        "operations": api_pages.operations(api.get_openapi_schema()),
        "problems": problems.TITLES,
    }
    return render(request, "api/docs.html", shown)


def _unknown(request: HttpRequest) -> HttpResponse:
    return problems.response(problems.not_found())


def _patterns() -> list[URLPattern]:
    close_doors(api)
    patterns = [found for found in api.urls[0] if isinstance(found, URLPattern)]
    for pattern in patterns:
        pattern.callback = plain(pattern.callback)
    return [
        path("docs", docs, name="docs"),
        *patterns,
        re_path(r"", plain(_unknown)),
    ]


urlpatterns = _patterns()
