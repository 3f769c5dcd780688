"""Which languages the shop's customers read."""

import time

from django.conf import settings
from django.db.models import Count

from customers.models import Customer
from merchant_portal.business import services as business_services

SECONDS = 600
# Counting reads every customer; which languages there are changes slowly.
_kept: dict[str, int] = {}
_until = 0.0


def counts() -> dict[str, int]:
    """language → how many customers are written to in it, the most first."""
    global _kept, _until
    if time.monotonic() >= _until:
        _kept = _counted()
        _until = time.monotonic() + (SECONDS if settings.KEPT_SECONDS else 0)
    return dict(_kept)


def _counted() -> dict[str, int]:
    found: dict[str, int] = {}
    usual = business_services.kept().language
    for language, count in Customer.objects.values_list("language").annotate(
        Count("pk")
    ):
        name = language or usual
        found[name] = found.get(name, 0) + count
    found.setdefault(usual, 0)
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
