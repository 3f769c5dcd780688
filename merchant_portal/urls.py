"""Every address of the product."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path

from links.admin import command

from . import api, dashboard, errors, front_setup, health


def _to_index(request: HttpRequest) -> HttpResponse:
    return redirect("admin:index")


def _to_password_change(request: HttpRequest) -> HttpResponse:
    return redirect("account_change_password")


def _to_favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("portal/favicon.svg"))


# The admin's own forms know no second factor and no limits: nobody reaches them.
admin.site.login = secure_admin_login(_to_index)  # type: ignore[method-assign]
admin.site.password_change = _to_password_change  # type: ignore[method-assign,assignment]

handler500 = errors.failed

urlpatterns: list[URLPattern | URLResolver] = [
    path("", _to_index),
    path("favicon.ico", _to_favicon),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include((api.urlpatterns, "api"))),
    path(
        "admin/front/live/",
        admin.site.admin_view(dashboard.live_view),
        name="front_live",
    ),
    path(
        "admin/front/test-mail/",
        admin.site.admin_view(front_setup.test_view),
        name="front_setup_test",
    ),
    path(
        "admin/front/setup-closed/",
        admin.site.admin_view(front_setup.close_view),
        name="front_setup_close",
    ),
    path(
        "admin/search/", admin.site.admin_view(command.search_view), name="staff_search"
    ),
    path("admin/", admin.site.urls),
    path("accounts/", include("merchant_portal.staff.urls")),
    path("", include("merchant_portal.business.urls")),
    path("", include("links.urls")),
    path("", include("notifications.urls")),
]
