"""The web application that waits for a lock as long as it takes: a negative control.

Started as `gunicorn tests.stack.with_patient_locks:application`, never by the product.
"""

from django.conf import settings

from merchant_portal.wsgi import application

__all__ = ["application"]

settings.DATABASES["default"]["OPTIONS"].pop("options")
