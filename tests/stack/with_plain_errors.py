"""The web application that takes no error of the database for passing: a negative control.

Started as `gunicorn tests.stack.with_plain_errors:application`, never by the product.
"""

from merchant_portal.lib import database
from merchant_portal.wsgi import application

__all__ = ["application"]


def _never(exc: BaseException | None) -> bool:
    return False


database.is_passing = _never
