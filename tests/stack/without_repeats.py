"""The web application that does nothing a second time: a negative control.

Started as `gunicorn tests.stack.without_repeats:application`, never by the product.
"""

from merchant_portal.lib import database
from merchant_portal.wsgi import application

__all__ = ["application"]

database.TRIES = 1
