"""The web application that repeats what may have been done: a negative control.

Started as `gunicorn tests.stack.with_blind_repeats:application`, never by the product.
"""

from collections.abc import Callable

from merchant_portal.lib import database
from merchant_portal.lib.database import T
from merchant_portal.wsgi import application

__all__ = ["application"]

_careful = database.repeated


def _blind(work: Callable[[], T], *, is_keyed: bool = False) -> T:
    return _careful(work, is_keyed=True)


database.repeated = _blind
