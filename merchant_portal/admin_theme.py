"""Unfold's configuration as data: names, navigation and colours of the admin.

Callbacks are dotted paths, so that settings can read this before any app is loaded.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def _asset(path: str) -> Callable[[HttpRequest], str]:
    """The address of one of our files, looked up when a page is drawn."""
    return lambda request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Merchant portal"),
    "SITE_HEADER": _("Merchant portal"),
    "SITE_SYMBOL": "payments",
    "SITE_URL": None,
    "DASHBOARD_CALLBACK": "merchant_portal.dashboard.callback",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": False,
    "BORDER_RADIUS": "6px",
    "ENVIRONMENT": "links.admin.badge.environment",
    "STYLES": [_asset("portal/admin.css")],
    "SCRIPTS": [_asset("portal/admin.js")],
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": _asset("portal/favicon.svg"),
        }
    ],
    "COLORS": {
        "primary": {
            "50": "#eef4ff",
            "100": "#dbe6fe",
            "200": "#bfd3fe",
            "300": "#93b4fd",
            "400": "#6090fa",
            "500": "#3b6cf6",
            "600": "#1f4fd8",
            "700": "#1d43b8",
            "800": "#1e3a94",
            "900": "#1e3575",
            "950": "#172247",
        },
        # Unfold's own is too pale on a grey ground
        "font": {"subtle-light": "var(--color-base-600)"},
    },
    "ACCOUNT": {
        "navigation": [
            {
                "title": _("What I am told"),
                "link": reverse_lazy("admin:links_staffnoticechoice_changelist"),
            },
            {"title": _("Two-factor sign-in"), "link": reverse_lazy("mfa_index")},
            {
                "title": _("Where I am signed in"),
                "link": reverse_lazy("usersessions_list"),
            },
            {
                "title": _("Change password"),
                "link": reverse_lazy("account_change_password"),
            },
        ],
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "merchant_portal.staff.navigation.sidebar",
    },
}
