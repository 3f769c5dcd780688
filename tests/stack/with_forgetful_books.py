"""A worker that takes all money for new: a negative control.

Started as `celery -A tests.stack.with_forgetful_books worker`, never by the product.
"""

from typing import Any

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from links.services import payments  # noqa: E402

__all__ = ["app"]

_merge = payments._merge


def _as_if_new(*facts: Any) -> payments._Before:
    _merge(*facts)
    return payments._Before("", None)


payments._merge = _as_if_new  # type: ignore[assignment] # whatever it is told
