"""Unfold's configuration as data: names, navigation and colours of the admin."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Merchant portal",
    "SITE_HEADER": "Merchant portal",
    "SITE_SYMBOL": "payments",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
}
