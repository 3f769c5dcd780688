"""What the sign-in and account pages need to look like the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from . import second_factor


def account_pages(request: HttpRequest) -> dict[str, Any]:
    """Unfold's own context, on allauth's pages only; admin views bring it themselves.

    Its "return to site" leads back to the admin for whom the admin is open.
    """
    match = request.resolver_match
    if match is None or not (match.url_name or "").startswith(
        ("account_", "mfa_", "usersessions_")
    ):
        return {}
    shell = admin.site.each_context(request)
    is_missing = second_factor.is_missing(request.user)
    is_open = request.user.is_authenticated and not is_missing
    shell["site_url"] = reverse("admin:index") if is_open else None
    shell["second_factor_missing"] = is_missing
    shell["passkeys_work"] = second_factor.passkeys_work()
    return shell
